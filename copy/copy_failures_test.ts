import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import type { ContentStore } from "../content/store.ts";
import { CopyError, type ErrorCode, SizeMismatchError, StorageError } from "../errors.ts";
import { encodeManifest } from "../manifest/encode_manifest.ts";
import { LayoutStore } from "../stores/layout_store.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { copy } from "./copy.ts";
import { copyTags } from "./copy_tags.ts";
import {
  altered,
  failure,
  PlainStore,
  repository,
  withFolder,
  writeBlob,
  writeImage,
  writeIndex,
  writeNote,
} from "./fixture_test.ts";
import { reachable } from "./reachable.ts";

Deno.test("a copy that fails names the side and the content, and tags nothing", async (t) => {
  const cases: [
    string,
    "source" | "target",
    ErrorCode,
    (from: MemoryStore, layer: Descriptor) => {
      from?: ContentStore;
      to?: ContentStore;
    },
  ][] = [
    ["a layer that the source lacks", "source", "CONTENT_NOT_FOUND", (from, layer) => {
      void from.delete(layer);
      return {};
    }],
    ["a layer with other bytes", "source", "BAD_DIGEST", (from, layer) => ({
      from: altered<ContentStore>(from, {
        open: (each, options) =>
          each.digest === layer.digest
            ? Promise.resolve(new Blob([new Uint8Array(layer.size)]).stream())
            : from.open(each, options),
      }),
    })],
    [
      "a layer that the target would link, of another size",
      "source",
      "SIZE_MISMATCH",
      (_, layer) => {
        const no = new SizeMismatchError("no", { expected: 1, actual: 2 });
        const mount = async ({ digest }: Descriptor) => {
          if (digest === layer.digest) throw no;
          return await Promise.resolve(false);
        };
        return { to: altered<ContentStore>(new PlainStore(), { mount }) };
      },
    ],
    ["a target that refuses", "target", "REGISTRY_RESPONSE", () => ({
      to: repository({ faults: { status: 500, on: { endpoint: "upload", method: "PUT" } } }).store,
    })],
    ["a target that answers another digest", "target", "BAD_DIGEST", () => ({
      to: repository({
        middleware: [(next) => async (context) => {
          const headers = { "docker-content-digest": `sha256:${"0".repeat(64)}` };
          const wrong = context.request.method === "PUT" && /manifests/.test(context.url.pathname);
          return wrong ? new Response(null, { status: 201, headers }) : await next(context);
        }],
      }).store,
    })],
    ["a target that forbids", "target", "FORBIDDEN", () => ({
      to: repository({ faults: { status: 403, on: { endpoint: "uploads" } } }).store,
    })],
  ];
  for (const [name, side, code, make] of cases) {
    await t.step(name, async () => {
      const source = new MemoryStore();
      const layer = await writeBlob(source, 100_000);
      await writeImage(source, { tag: "v1", extraLayers: [layer] });
      const { from = source, to = new PlainStore() } = make(source, layer);
      const error = await failure(copy(from, "v1", to, "v1"), CopyError);
      assertEquals(error.side, side, error.message);
      if (side === "source") assertEquals(error.descriptor?.digest, layer.digest);
      assertEquals((error.cause as { code: string }).code, code, error.message);
      await assertRejects(() => to.resolve("v1"));
    });
  }
  await t.step("a link that the disk refuses: the blob is moved", async () => {
    const source = new MemoryStore();
    await writeImage(source, { tag: "v1" });
    const mount = () => Promise.reject(new StorageError("no", { path: "/a" }));
    const target = altered<ContentStore>(new PlainStore(), { mount });
    assertEquals((await copy(source, "v1", target, "v1")).mounted, []);
    await target.resolve("v1");
  });
  await t.step("a tag that is not there", async () => {
    const error = await failure(copy(new MemoryStore(), "v1", new PlainStore(), "v1"), CopyError);
    assertEquals([error.side, error.descriptor, error.retryable], ["source", undefined, false]);
  });
  await t.step("a hook that throws: its own error", async () => {
    const source = new MemoryStore();
    await writeImage(source, { tag: "v1" });
    const own = new Error("not this one");
    for (const hook of ["beforeCopy", "afterCopy"] as const) {
      const target = new PlainStore();
      const error = await failure(
        copy(source, "v1", target, "v1", {
          [hook]: () => {
            throw own;
          },
        }),
        Error,
      );
      assertEquals(error, own);
      assertEquals(await Array.fromAsync(target.tags()), []);
    }
  });
});

Deno.test("a manifest of a kind that is not known here: nobody could say what it needs", async (t) => {
  const cases: [mediaType: string, schemaVersion: number, message: string][] = [
    ["application/vnd.docker.distribution.manifest.v1+prettyjws", 1, "schema 1 is not supported"],
    ["application/vnd.oci.artifact.manifest.v1+json", 2, "is an abandoned format"],
    ["application/vnd.example.manifest+json", 2, "application/vnd.example.manifest+json is not"],
  ];
  for (const [mediaType, schemaVersion, message] of cases) {
    await t.step(mediaType, async () => {
      const source = new MemoryStore();
      const bytes = encodeText(JSON.stringify({ schemaVersion, mediaType }));
      const odd = await describeBytes(bytes, mediaType);
      await source.write(odd, bytes);
      await source.tag(odd, "v1");
      const target = new PlainStore();
      for (
        const run of [
          () => copy(source, "v1", target, "v1"),
          () => copyTags(source, target),
          () => reachable(source, ["v1"]),
        ]
      ) {
        const error = await failure(run(), CopyError);
        assertEquals(
          [error.side, error.message.includes(message)],
          ["source", true],
          error.message,
        );
      }
      if (/docker|oci/.test(mediaType)) {
        await failure(copy(source, odd.digest, target, "v1"), CopyError);
      }
      assertEquals([await target.exists(odd), await Array.fromAsync(target.tags())], [false, []]);
    });
  }
});

Deno.test("depth bombs and cycles end in an error that names the content", async (t) => {
  await t.step("indexes in indexes", async () => {
    const source = new MemoryStore();
    let at = await writeImage(source);
    for (let depth = 0; depth < 101; depth++) at = await writeIndex(source, [at]);
    const error = await failure(copy(source, at.digest, new PlainStore(), []), CopyError);
    assertEquals((error.cause as { limit: string }).limit, "maxDepth");
    await copy(source, at.digest, new PlainStore(), [], { maxDepth: 101 });
  });
  await t.step("an endless list of what is attached", async () => {
    const source = new MemoryStore();
    const image = await writeImage(source, { tag: "v1" });
    const endless = altered<ContentStore>(source, {
      async *referrers(subject: Descriptor) {
        yield await writeNote(source, subject);
      },
    });
    const error = await failure(
      copy(endless, "v1", new PlainStore(), [], { maxManifests: 20, maxDepth: 1_000 }),
      CopyError,
    );
    assertEquals((error.cause as { limit: string }).limit, "maxManifests");
    assert(error.descriptor !== undefined && error.descriptor.digest !== image.digest);
  });
  await t.step("a source that serves a cycle, with wrong bytes", async () => {
    const source = new MemoryStore();
    const [one, other] = [
      await writeIndex(source, []),
      await writeIndex(source, [
        await writeImage(source),
      ]),
    ];
    const cycle = new Map([[one.digest, other], [other.digest, one]]);
    const liar = altered<ContentStore>(source, {
      async open({ digest }: Descriptor) {
        const { bytes } = await encodeManifest({
          schemaVersion: 2,
          mediaType: MEDIA_TYPES.ociIndex,
          manifests: [cycle.get(digest)!],
        });
        return new Blob([bytes]).stream();
      },
    });
    const error = await failure(copy(liar, one.digest, new PlainStore(), []), CopyError);
    assertEquals(error.side, "source");
  });
});

Deno.test("an abort ends a copy with the signal's reason, and everything that it started", async () => {
  await withFolder(async (folder) => {
    const source = repository();
    await writeImage(source.store, { tag: "v1", layers: [3_000_000, 3_000_000, 3_000_000] });
    for (const to of [new LayoutStore(`${folder}/layout`), repository({}, "to").store]) {
      const stop = new AbortController();
      const reason = new Error("enough");
      const copied = copy(source.store, "v1", to, "v1", {
        signal: stop.signal,
        onEvent: ({ type }) => type === "copy-start" && stop.abort(reason),
      });
      assertEquals(await failure(copied, Error), reason);
      await assertRejects(() => to.resolve("v1"));
      const { bytes } = await copy(source.store, "v1", to, "v1");
      assert(bytes > 0);
    }
    const before = failure(
      copy(source.store, "v1", new MemoryStore(), "v1", { signal: AbortSignal.abort("early") }),
      Error,
    ).catch(() => "early");
    assertEquals(await before, "early");
  });
});
