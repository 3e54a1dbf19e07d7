import { assertEquals, assertRejects } from "@std/assert";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { InvalidContentError, InvalidOptionError } from "../errors.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { describe } from "./describe.ts";
import { bytesOf, manifestOf, textOf, withFolder } from "./fixture_test.ts";
import { pack } from "./pack.ts";
import { wasm } from "./wasm.ts";

const MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0) as Bytes;
const COMPONENT = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0) as Bytes;
const created = "2026-11-30T12:00:00Z";

Deno.test("wasm: one layer and the config that wkg writes", async () => {
  const store = new MemoryStore();
  const component = {
    imports: ["wasi:io/poll@0.2.0"],
    exports: ["wasi:cli/run@0.2.0"],
    target: null,
  };
  const options = await wasm({ module: COMPONENT, author: "Jane", component, created });
  const manifest = await manifestOf(store, await pack(store, options));
  const { config, layers, annotations, artifactType } = manifest;
  assertEquals(artifactType, undefined);
  assertEquals(layers.map(({ mediaType, annotations }) => [mediaType, annotations]), [
    ["application/wasm", undefined],
  ]);
  assertEquals(await bytesOf(store, layers[0]!), COMPONENT);
  assertEquals(config.mediaType, "application/vnd.wasm.config.v0+json");
  assertEquals(JSON.parse(await textOf(store, config)), {
    created,
    author: "Jane",
    architecture: "wasm",
    os: "wasip2",
    layerDigests: [layers[0]!.digest],
    component,
  });
  assertEquals(annotations, { "org.opencontainers.image.created": created });
  const { kind, evidence } = describe(manifest);
  assertEquals([kind, evidence.field], ["wasm", "config.mediaType"]);
});

Deno.test("wasm: a module by its path, and the same digest each time", async () => {
  await withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/a.wasm`, MODULE);
    const store = new MemoryStore();
    const one = await pack(store, await wasm({ module: `${folder}/a.wasm`, created }));
    const other = await pack(store, await wasm({ module: MODULE, created: new Date(created) }));
    const config = JSON.parse(await textOf(store, (await manifestOf(store, one)).config));
    assertEquals([config.os, config.component, config.author], ["wasip1", undefined, undefined]);
    assertEquals(one.digest, other.digest);
  });
});

for (const bytes of [encodeText(""), MODULE.slice(0, 7), encodeText("no wasm at all")]) {
  Deno.test(`wasm: ${bytes.byteLength} bytes of something else: InvalidContentError`, async () => {
    await assertRejects(() => wasm({ module: bytes }), InvalidContentError, "WebAssembly");
  });
}

Deno.test("wasm: a time that is none: InvalidOptionError", async () => {
  await assertRejects(
    () => wasm({ module: MODULE, created: new Date(NaN) }),
    InvalidOptionError,
    "created",
  );
});
