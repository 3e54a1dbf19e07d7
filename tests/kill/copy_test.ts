/**
 * Kills a copy into a layout folder in the middle, and lets the next one go on: it ends with identical
 * bytes, and little is moved twice. Set `DAVIT_INTERRUPTIONS` for more kills: a quarter of those.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path/from-file-url";
import { type Descriptor, RegistryClientV2, RegistryStore } from "../../mod.ts";
import { reachable } from "../../copy/mod.ts";
import { denoArguments, stdSource } from "../../scripts/deno.ts";
import { serve } from "../../server/mod.ts";
import { LayoutStore } from "../../stores/mod.ts";
import { createTestRegistry } from "../../testing/mod.ts";
import { pack } from "../../artifact/mod.ts";
import { type Child, startChild } from "../peers/child.ts";
import { Dice } from "./traffic.ts";

const PROGRAM = fromFileUrl(new URL("copy_program.ts", import.meta.url));
const SEED = Number(Deno.env.get("DAVIT_SEED") ?? 20_261);
const ROUNDS = Math.ceil(Number(Deno.env.get("DAVIT_INTERRUPTIONS") ?? 8) / 4);

const LAYERS = 20;
const LAYER_BYTES = 4 * 1024 * 1024;
const BYTES_PER_SECOND = 30_000_000;

/** As many layers are on their way at once. */
const AT_ONCE = 6;

/** What moves beside the layers that are wanted: the manifest, and the end of a piece half written. */
const BESIDE = 1024 * 1024;

Deno.test(`${ROUNDS} copies killed in the middle, each gone on with`, async () => {
  const dice = new Dice(SEED);
  // A link, so that what is on its way is little: loopback's buffers hold whole layers.
  const registry = createTestRegistry({
    faults: { bytesPerSecond: BYTES_PER_SECOND, on: { endpoint: "blob", method: "GET" } },
  });
  const server = await serve(registry, { port: 0 });
  let running: Child | undefined;
  try {
    const name = `${server.url.replace(/\/$/, "")}/app`;
    const store = new RegistryStore(new RegistryClientV2({ name }));
    const layers = Array.from({ length: LAYERS }, () => ({ body: dice.bytes(LAYER_BYTES) }));
    await pack(store, { artifactType: "application/vnd.example.app", tag: "v1", layers });
    const needed = await reachable(store, ["v1"]);
    const size = [...needed.values()].reduce((sum, each) => sum + each.size, 0);
    const { source } = await stdSource();
    let killed = 0;
    let kept = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const folder = await Deno.makeTempDir({ prefix: "davit_copy_kill_" });
      try {
        const args = ["run", "--quiet", "--no-check", "-A", PROGRAM, name, "v1", folder];
        const start = () => startChild(Deno.execPath(), denoArguments(args, source));
        let before = registry.requests.length;
        const wanted = dice.below(size);
        running = start();
        await running.said(/^ready$/m, 120_000);
        const moved = () =>
          registry.requests.slice(before).reduce((sum, { bytesOut }) => sum + bytesOut, 0);
        while (moved() < wanted && !running.log().includes("copied")) {
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        if (!running.log().includes("copied")) killed++;
        await running.kill();
        const first = moved();
        const { whole, parts } = await bytesIn(folder);
        // What a socket's buffers held is gone; how much that is depends on the machine.
        const lost = AT_ONCE * LAYER_BYTES + BESIDE;
        assert(whole >= first - lost, `round ${round}: ${whole} of ${first} kept`);
        kept += parts;
        running = start();
        await running.said(/^ready$/m, 120_000);
        before = registry.requests.length; // without what the dead one had still asked for
        await running.said(/^copied$/m, 300_000);
        await running.kill();
        const layout = new LayoutStore(folder);
        assertEquals((await layout.resolve("v1")).digest, (await store.resolve("v1")).digest);
        for (const each of needed.values()) await readWhole(layout, each);
        assertEquals(await bytesIn(folder), { whole: size, parts: 0 });
        const again = moved() - (size - whole - parts);
        assert(again < BESIDE, `round ${round}: ${again} bytes that were kept were moved again`);
      } finally {
        await running?.kill();
        await Deno.remove(folder, { recursive: true });
      }
    }
    assert(killed > 0, "no copy was killed in the middle");
    assert(kept > 0, "nothing was kept of a layer on its way");
  } catch (error) {
    throw new Error(`with DAVIT_SEED=${SEED}: ${(error as Error).message}`, { cause: error });
  } finally {
    await server.close();
  }
});

Deno.test("two processes copy into one layout at once", async () => {
  const dice = new Dice(SEED);
  const registry = createTestRegistry({
    faults: { bytesPerSecond: BYTES_PER_SECOND, on: { endpoint: "blob", method: "GET" } },
  });
  const server = await serve(registry, { port: 0 });
  const folder = await Deno.makeTempDir({ prefix: "davit_copy_two_" });
  const children: Child[] = [];
  try {
    const name = `${server.url.replace(/\/$/, "")}/app`;
    const store = new RegistryStore(new RegistryClientV2({ name }));
    const shared = { body: dice.bytes(LAYER_BYTES) };
    for (const tag of ["one", "two"]) {
      const layers = [shared, { body: dice.bytes(LAYER_BYTES) }, { body: dice.bytes(1_000) }];
      await pack(store, { artifactType: "application/vnd.example.app", tag, layers });
    }
    const { source } = await stdSource();
    for (const tag of ["one", "two", "one"]) {
      const args = ["run", "--quiet", "--no-check", "-A", PROGRAM, name, tag, folder];
      children.push(startChild(Deno.execPath(), denoArguments(args, source)));
    }
    await Promise.all(
      children.map((child) =>
        child.said(/^copied$/m, 300_000).catch((cause) => {
          throw new Error(child.log(), { cause });
        })
      ),
    );
    const layout = new LayoutStore(folder);
    assertEquals(await Array.fromAsync(layout.tags()), ["one", "two"]);
    for (const each of (await reachable(layout, ["one", "two"])).values()) {
      await readWhole(layout, each);
    }
  } finally {
    await Promise.all(children.map((child) => child.kill()));
    await Deno.remove(folder, { recursive: true });
    await server.close();
  }
});

/** Reads content to its end: it is verified. */
async function readWhole(layout: LayoutStore, descriptor: Descriptor): Promise<void> {
  for await (const _piece of await layout.open(descriptor));
}

/** How many bytes a layout holds: of whole content, and of content that is partly there. */
async function bytesIn(folder: string): Promise<{ whole: number; parts: number }> {
  return {
    whole: await sizeOf(`${folder}/blobs/sha256`, /^[0-9a-f]{64}$/),
    parts: await sizeOf(`${folder}/.partial`, /^sha256-/),
  };
}

async function sizeOf(folder: string, names: RegExp): Promise<number> {
  let size = 0;
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (names.test(name)) size += (await Deno.stat(`${folder}/${name}`)).size;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return size;
}
