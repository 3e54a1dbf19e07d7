/**
 * Processes, on every runtime, that write to one layout folder at once, and are killed while they do.
 */
import { assert, assertEquals } from "@std/assert";
import { EMPTY_CONFIG } from "../../mod.ts";
import { LayoutStore } from "../../stores/mod.ts";
import { type Child, startChild } from "../peers/child.ts";
import { bundleProgram, RUNTIMES } from "../hosts/runtimes.ts";
import { COPIED, HELD, layerOf, SHARED } from "./layout_program.ts";

const START_LIMIT_MS = 120_000;

/** How long after its first tag a process is killed, in milliseconds: each a kill. */
const LIVES_MS = [0, 3, 7, 12, 20];

/** Those that are here, and Deno with no permission but the folder's: it knows of no other process. */
const here = [
  ...RUNTIMES.filter(({ ignore }) => !ignore).map(({ name, command }) => ({
    name,
    command: (_folder: string) =>
      name === "deno" ? [Deno.execPath(), "run", "--quiet", "--allow-all"] : command(),
  })),
  {
    name: "deno without permissions",
    command: (folder: string) => [
      ...[Deno.execPath(), "run", "--quiet", "--no-prompt"],
      ...[`--allow-read=${folder}`, `--allow-write=${folder}`],
    ],
  },
];

/** Those that tell others that they still run. */
const known = here.slice(0, -1);

async function withProgram(
  run: (
    start: (runtime: typeof here[number], verb: string, name?: string) => Child,
    folder: string,
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const children: Child[] = [];
  try {
    const program = await bundleProgram(
      new URL("layout_program.ts", import.meta.url),
      `${folder}/layout_program.mjs`,
    );
    const layout = `${folder}/layout`;
    await run(({ command }, verb, name = "x") => {
      const [file, ...args] = command(folder);
      const child = startChild(file!, [...args, program, verb, layout, name]);
      children.push(child);
      return child;
    }, layout);
  } finally {
    for (const child of children) await child.kill();
    await Deno.remove(folder, { recursive: true });
  }
}

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found.sort();
}

Deno.test("copies into one layout from a process of every runtime lose nothing, and leave nothing", () =>
  withProgram(async (start, folder) => {
    const children = here.map((runtime, at) => start(runtime, "copy", `p${at}`));
    for (const child of children) await child.said(/done/, START_LIMIT_MS);
    const store = new LayoutStore(folder);
    const tags: string[] = [];
    for await (const tag of store.tags()) {
      tags.push(tag);
      const image = await store.resolve(tag);
      const { layers } = await new Response(await store.open(image)).json();
      for (const layer of layers) await new Response(await store.open(layer)).arrayBuffer();
    }
    assertEquals(tags.length, COPIED * here.length);
    assertEquals(await names(folder), ["blobs", "index.json", "oci-layout"]);
    assertEquals(await store.removeUnreferenced({ dryRun: true }), []);
    assert(await store.exists(await layerOf(SHARED)));
  }));

Deno.test("what a killed process has left of a blob is gone on with, and never while it runs", () =>
  withProgram(async (start, folder) => {
    const held = await layerOf(HELD);
    const half = HELD.byteLength / 2;
    for (const runtime of known) {
      const child = start(runtime, "hold");
      await child.said(/held/, START_LIMIT_MS);
      const store = new LayoutStore(folder, { partialExpiry: 0 });
      const other = await store.begin(held);
      assertEquals(other.offset, 0, `${runtime.name} still writes to its part`);
      await other.close();
      await store.removeUnreferenced();
      await child.kill();
      const partial = await new LayoutStore(folder).begin(held);
      assertEquals(partial.offset, half, runtime.name);
      await partial.write(HELD.slice(half), half);
      await partial.commit();
      assertEquals((await names(folder)).includes(".partial"), false);
      await new LayoutStore(folder).delete(held);
    }
  }));

Deno.test("a process that is killed while it tags stops nobody, and loses no tag", () =>
  withProgram(async (start, folder) => {
    const store = new LayoutStore(folder);
    for (const [at, life] of LIVES_MS.entries()) {
      const runtime = known[at % known.length]!;
      const child = start(runtime, "tag", `p${at}`);
      await child.said(/tagged/, START_LIMIT_MS);
      await new Promise((resolve) => setTimeout(resolve, life));
      await child.kill();
      const began = performance.now();
      await store.tag(await store.resolve(`p${at}-0`), `after-${at}`);
      assert(performance.now() - began < 25_000, "it waited for a process that is gone");
      for (let before = 0; before <= at; before++) await store.resolve(`after-${before}`);
    }
    await store.removeUnreferenced();
    assertEquals(await names(folder), ["blobs", "index.json", "oci-layout"]);
    assert(await store.exists(EMPTY_CONFIG));
  }));
