/**
 * Copies that are interrupted at random, and gone on with: every one ends with identical bytes, and
 * little is moved twice. Set `DAVIT_INTERRUPTIONS` for more of them, `DAVIT_SEED` for others.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Bytes } from "../content/bytes.ts";
import { CopyError } from "../errors.ts";
import { readManifest } from "../manifest/read_manifest.ts";
import type { ImageManifest } from "../manifest/types.ts";
import { RegistryClientV2 } from "../registry_client_v2.ts";
import { RegistryStore } from "../registry_store.ts";
import { createRegistry } from "../server/registry.ts";
import { LayoutStore } from "../stores/layout_store.ts";
import { copy } from "./copy.ts";
import {
  altered,
  missing,
  PlainStore,
  repository,
  withFolder,
  writeImage,
  writeNote,
} from "./fixture_test.ts";
import { reachable } from "./reachable.ts";

const SEED = Number(Deno.env.get("DAVIT_SEED") ?? 20_261);
const ROUNDS = Number(Deno.env.get("DAVIT_INTERRUPTIONS") ?? 20);

const LAYERS = 8;
/** More than what is copied anew when it was interrupted. */
const LAYER_BYTES = 1_200_000;

/** What an interruption may lose of each blob that is on its way. */
const PIECE_BYTES = 64 * 1024;

/** What is moved in all, in images. */
const MOST_MOVED = 1.2;

const FAULTS = ["reset", "stall", "corrupt", "abort"] as const;

/** Numbers that look random, and are the same for a seed. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) % below;
  };
}

/** A `fetch` whose blobs break from the nth on, until it is healed; it counts their bytes. */
function breaking(fetch: typeof globalThis.fetch, stop: AbortController) {
  const state = { broken: undefined as Broken | undefined, hasBroken: false, moved: 0, pulls: 0 };
  const broken: typeof globalThis.fetch = async (input, init) => {
    const response = await fetch(input, init);
    const { method, url } = new Request(input, init);
    if (method !== "GET" || !/\/blobs\//.test(url) || response.body === null) return response;
    const { kind, nth = Infinity } = state.broken ?? {};
    const isBroken = ++state.pulls === nth || state.pulls > nth && kind !== "corrupt";
    const fault = isBroken ? state.broken : undefined;
    const reader = (response.body as ReadableStream<Bytes>).getReader();
    // Once it broke, no other try gets further.
    const breaksAt = state.hasBroken && kind !== "corrupt" ? 0 : fault?.at ?? Infinity;
    let at = 0;
    let rest = new Uint8Array(0);
    const body = new ReadableStream<Bytes>({
      async pull(controller) {
        if (rest.byteLength === 0) {
          const { done, value } = await reader.read();
          if (done) return controller.close();
          rest = value;
        }
        const value = rest.slice(0, PIECE_BYTES);
        rest = rest.subarray(value.byteLength);
        const past = fault !== undefined && at + value.byteLength > breaksAt;
        if (past) state.hasBroken = true;
        const piece = past && fault.kind !== "corrupt" ? value.slice(0, breaksAt - at) : value;
        if (past && fault.kind === "corrupt" && at <= fault.at) piece[fault.at - at]! ^= 1;
        at += piece.byteLength;
        state.moved += piece.byteLength;
        if (piece.byteLength > 0) controller.enqueue(piece);
        if (!past || fault.kind === "corrupt") return;
        if (fault.kind === "abort") stop.abort(new Error("enough"));
        if (fault.kind === "reset") controller.error(new TypeError("connection reset"));
        else await new Promise(() => {}); // until the reader gives up
      },
      cancel: (reason) => reader.cancel(reason),
    }, { highWaterMark: 0 });
    return new Response(body, { status: response.status, headers: response.headers });
  };
  return { state, fetch: broken };
}

interface Broken {
  kind: typeof FAULTS[number];
  nth: number;
  at: number;
}

Deno.test(`${ROUNDS} random interruptions of a copy, each gone on with`, async () => {
  const registry = createRegistry();
  const name = "registry.test/app";
  const origin = new RegistryStore(new RegistryClientV2({ name, fetch: registry.fetch }));
  const layers = Array<number>(LAYERS).fill(LAYER_BYTES);
  const image = await writeImage(origin, { tag: "v1", layers });
  await writeNote(origin, image);
  const needed = await reachable(origin, ["v1"]);
  const size = [...needed.values()].reduce((sum, each) => sum + each.size, 0);
  const roll = dice(SEED);
  let interrupted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const broken = { kind: FAULTS[roll(4)]!, nth: 1 + roll(LAYERS), at: roll(LAYER_BYTES) };
    const toRegistry = roll(2) === 0;
    const what = `seed ${SEED}, round ${round}: ${JSON.stringify(broken)}, ${
      toRegistry ? "to a registry" : "to a layout"
    }`;
    await withFolder(async (folder) => {
      const stop = new AbortController();
      const { state, fetch } = breaking(registry.fetch, stop);
      const retry = { maxAttempts: 2, minDelay: 1, maxDelay: 1 };
      // Only what stalls for ever may be given up soon: a busy machine is late for a healthy body too.
      const limits = broken.kind === "stall" ? { stallTimeout: 50 } : {};
      const impatient = new RegistryStore(new RegistryClientV2({ name, fetch, retry, limits }));
      const source = new RegistryStore(new RegistryClientV2({ name, fetch }));
      const target = toRegistry ? repository({}, "to").store : new LayoutStore(folder);
      // A registry forgets the uploads that were going on: one at a time is an eighth of the image.
      const options = toRegistry ? { concurrency: 1 } : {};
      state.broken = broken;
      const first = copy(impatient, "v1", target, "v1", { ...options, signal: stop.signal });
      const failed = await first.then(() => false, () => true);
      if (failed) {
        interrupted++;
        const tagged = await target.resolve("v1").then(() => true, () => false);
        assertEquals(tagged, false, `${what}: a tag before the end`);
      }
      state.broken = undefined;
      const next = toRegistry ? target : new LayoutStore(folder);
      await copy(source, "v1", next, "v1", options);
      assertEquals((await next.resolve("v1")).digest, image.digest, what);
      assertEquals(await missing(next, needed.values()), [], what);
      assert(
        state.moved < MOST_MOVED * size,
        `${what}: ${(state.moved / size).toFixed(2)} × moved`,
      );
    });
  }
  assert(interrupted > ROUNDS / 2, `only ${interrupted} of ${ROUNDS} were interrupted`);
});

Deno.test("small blobs that had landed before an interruption are not fetched again", async () => {
  const source = new PlainStore();
  const image = await writeImage(source, { tag: "v1", layers: [100, 200, 300, 400, 500] });
  const layers = (await readManifest(source, image)).manifest as ImageManifest;
  const last = layers.layers[4]!;
  await withFolder(async (folder) => {
    for (const target of [new LayoutStore(folder), repository({}, "to").store]) {
      let landed = 0;
      let allLanded = () => {};
      const others = new Promise<void>((resolve) => allLanded = resolve);
      const broken = altered(source, {
        async open(descriptor, options) {
          if (descriptor.digest !== last.digest) return await source.open(descriptor, options);
          await others;
          throw new TypeError("connection reset");
        },
      });
      const afterCopy = () => void (++landed === 5 && allLanded()); // the configuration, and four layers
      await assertRejects(() => copy(broken, "v1", target, "v1", { afterCopy }), CopyError);
      const next = target instanceof LayoutStore ? new LayoutStore(folder) : target;
      const result = await copy(source, "v1", next, "v1");
      assertEquals(result.copied.map(({ digest }) => digest), [last.digest, image.digest]);
      assertEquals([result.skipped.length, result.bytes], [5, last.size + image.size]);
    }
  });
});
