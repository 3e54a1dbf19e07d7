import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import type { Descriptor } from "../content/descriptor.ts";
import { isManifestMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import type { ContentStore } from "../content/store.ts";
import {
  CopyError,
  type ErrorCode,
  InvalidOptionError,
  SparseIndexRefusedError,
} from "../errors.ts";
import type { CopyEvent } from "../events.ts";
import { encodeManifest } from "../manifest/encode_manifest.ts";
import { readManifest } from "../manifest/read_manifest.ts";
import { fallbackTag } from "../manifest/referrers_index.ts";
import type { ImageIndex } from "../manifest/types.ts";
import { LayoutStore } from "../stores/layout_store.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { copy } from "./copy.ts";
import {
  altered,
  count,
  digestsOf,
  LINUX_AMD64,
  LINUX_ARM64,
  missing,
  repository,
  withFolder,
  writeBlob,
  writeEverything,
  writeImage,
  writeIndex,
  writeNote,
} from "./fixture_test.ts";
import { reachable } from "./reachable.ts";

/** A store that cannot mount, so that what moves is seen. */
class PlainStore extends MemoryStore {
  override mount(): Promise<boolean> {
    return Promise.resolve(false);
  }
}

/** A promise's error, which must be of a class. */
async function failure<T extends Error>(
  promise: Promise<unknown>,
  // deno-lint-ignore no-explicit-any
  type: abstract new (...args: any[]) => T,
): Promise<T> {
  const error = await promise.then(() => undefined, (error) => error);
  assertInstanceOf(error, type);
  return error;
}

async function referrersOf(store: ContentStore, subject: Descriptor): Promise<string[]> {
  const found: Descriptor[] = [];
  for await (const each of store.referrers!(subject)) found.push(each);
  return digestsOf(found);
}

Deno.test("what is attached comes along to any depth, each once", async (t) => {
  const kinds: [string, () => ContentStore][] = [
    ["memory", () => new PlainStore()],
    ["a registry", () => repository().store],
    [
      "a registry without referrers",
      () => repository({ quirks: { noReferrers: "text" } }, "plain").store,
    ],
  ];
  for (const [name, make] of kinds) {
    await t.step(name, async () => {
      const source = new MemoryStore();
      const { index, images, attestation, attached, tags } = await writeEverything(source);
      const target = make();
      const result = await copy(source, "v1", target, ["v1", "latest"]);
      assertEquals(digestsOf(result.attached.map((each) => each.descriptor)), digestsOf(attached));
      assertEquals(result.attached.flatMap(({ tag }) => tag ?? []).sort(), tags.sort());
      const needed = await reachable(source, ["v1"]);
      assertEquals(await missing(target, needed.values()), []);
      assert(needed.has(attestation.digest));
      assertEquals(result.copied.length, needed.size);
      for (const tag of ["v1", "latest"]) {
        assertEquals((await target.resolve(tag)).digest, index.digest);
      }
      assertEquals(
        (await target.resolve(tags[0]!)).digest,
        (await source.resolve(tags[0]!)).digest,
      );
      for (const subject of [index, images[1]!, attached[0]!, attached[3]!]) {
        assertEquals(await referrersOf(target, subject), await referrersOf(source, subject));
      }
      const again = await copy(source, "v1", target, "v1");
      assertEquals([again.copied, again.bytes], [[], 0]);
      assertEquals(again.skipped.length, needed.size);
    });
  }
});

Deno.test("attached: false leaves what is attached", async () => {
  const source = new MemoryStore();
  const { attached, images, index } = await writeEverything(source);
  const target = new MemoryStore();
  const result = await copy(source, "v1", target, "v1", { attached: false });
  assertEquals(result.attached, []);
  assertEquals(await missing(target, [index, ...images]), []);
  assertEquals((await missing(target, attached)).length, attached.length);
});

Deno.test("the fallback tag of a registry is maintained by the target, not copied over it", async () => {
  const [from, to] = [1, 2].map(() => repository({ quirks: { noReferrers: "text" } }));
  const image = await writeImage(from!.store, { tag: "v1" });
  const note = await writeNote(from!.store, image);
  await copy(from!.store, "v1", to!.store, "v1", { attached: false });
  const own = await writeNote(to!.store, image);
  const { attached } = await copy(from!.store, "v1", to!.store, "v1");
  assertEquals(attached.map(({ descriptor, tag }) => [descriptor.digest, tag]), [
    [note.digest, undefined],
  ]);
  assertEquals(await referrersOf(to!.store, image), digestsOf([note, own]));
});

Deno.test("a layout's fallback tag, as regctl writes it, leads to what is attached", async () => {
  const source = new MemoryStore();
  const image = await writeImage(source, { tag: "v1" });
  const note = await writeNote(source, image);
  const stray = await writeImage(source);
  const list = await writeIndex(source, [note, stray], { tag: fallbackTag(image.digest) });
  const unlisted = altered<ContentStore>(source, { referrers: undefined });
  const target = new PlainStore();
  const { attached, leftOut } = await copy(unlisted, "v1", target, "v1");
  assertEquals(attached.map(({ descriptor }) => descriptor.digest), [note.digest]);
  assertEquals(digestsOf(leftOut), [stray.digest]);
  assertEquals(await target.exists(list), false);
});

Deno.test("a list that names what is gone does not hide the rest; a subject may be missing", async () => {
  const source = new MemoryStore();
  const image = await writeImage(source, { tag: "v1" });
  const [gone, note] = [await writeNote(source, image), await writeNote(source, image)];
  const lists = altered<ContentStore>(source, {
    async *referrers(subject: Descriptor) {
      if (subject.digest === image.digest) yield* [gone, note];
    },
  });
  await source.delete(gone);
  const target = new PlainStore();
  const { attached, leftOut } = await copy(lists, "v1", target, "v1");
  assertEquals(digestsOf(attached.map(({ descriptor }) => descriptor)), [note.digest]);
  assertEquals(digestsOf(leftOut), [gone.digest]);

  await source.delete(image);
  const orphan = await copy(source, note.digest, new MemoryStore(), "note");
  assertEquals(orphan.target.digest, note.digest);
});

Deno.test("something attached that holds its own subject does not wait for itself", async () => {
  const source = new MemoryStore();
  const image = await writeImage(source, { tag: "v1" });
  const { descriptor, bytes } = await encodeManifest({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    artifactType: "application/vnd.example.bundle",
    manifests: [image],
    subject: image,
  } as ImageIndex);
  await source.write(descriptor, bytes);
  const target = new MemoryStore();
  const { attached } = await copy(source, "v1", target, "v1");
  assertEquals(attached.map((each) => each.descriptor.digest), [descriptor.digest]);
  assertEquals(await target.exists(descriptor), true);
});

Deno.test("platforms", async (t) => {
  const source = new MemoryStore();
  const { index, images, attestation } = await writeEverything(source);

  await t.step("one is the image itself, with its attestation and what is attached", async () => {
    const target = new MemoryStore();
    const result = await copy(source, "v1", target, "v1", { platforms: "linux/amd64" });
    assertEquals(result.target.digest, images[0]!.digest);
    assertEquals([result.source.digest, result.signaturesApply], [index.digest, true]);
    assertEquals((await target.resolve("v1")).digest, images[0]!.digest);
    assertEquals(await missing(target, [attestation]), []);
    assertEquals((await missing(target, [index, images[1]!, images[2]!])).length, 3);
    assert(result.attached.some(({ tag }) => tag?.endsWith(".sbom")));
  });
  await t.step("a compatible variant is taken", async () => {
    const result = await copy(source, "v1", new MemoryStore(), "v1", { platforms: "linux/arm/v7" });
    assertEquals(result.target.digest, images[2]!.digest);
  });
  await t.step("several make a new index", async () => {
    const target = new MemoryStore();
    const platforms = ["linux/amd64", "linux/arm64"];
    const result = await copy(source, "v1", target, "v1", { platforms });
    assert(result.target.digest !== index.digest);
    assertEquals(result.signaturesApply, false);
    assertEquals(digestsOf(result.leftOut), [images[2]!.digest]);
    const { manifest } = await readManifest(target, await target.resolve("v1"));
    const kept = (manifest as ImageIndex).manifests;
    assertEquals(
      kept.map(({ digest }) => digest),
      [images[0]!, images[1]!, attestation].map((each) => each.digest),
    );
    assertEquals(kept.slice(0, 2).map(({ platform }) => platform), [LINUX_AMD64, LINUX_ARM64]);
    assertEquals(await missing(target, (await reachable(target, ["v1"])).values()), []);
    const again = await copy(source, "v1", target, "v1", { platforms });
    assertEquals([again.bytes, again.target.digest], [0, result.target.digest]);
  });
  await t.step("all of them are the index as it is", async () => {
    const platforms = ["linux/amd64", "linux/arm64", "linux/arm"];
    const result = await copy(source, "v1", new MemoryStore(), "v1", { platforms });
    assertEquals([result.target.digest, result.signaturesApply], [index.digest, true]);
  });
  await t.step("sparse keeps the index", async () => {
    const target = new MemoryStore();
    const platforms = ["linux/amd64"];
    const result = await copy(source, "v1", target, "v1", { platforms, sparse: true });
    assertEquals([result.target.digest, result.signaturesApply], [index.digest, true]);
    assertEquals(digestsOf(result.leftOut), digestsOf([images[1]!, images[2]!]));
    assertEquals(await missing(target, [index, images[0]!, attestation]), []);
  });
  await t.step("a target that wants the whole index says so before anything moves", async () => {
    const target = repository();
    const options = { platforms: ["linux/amd64"], sparse: true };
    const error = await failure(
      copy(source, "v1", target.store, "v1", options),
      SparseIndexRefusedError,
    );
    assertEquals(error.descriptor.digest, index.digest);
    assertEquals(count(target.asked(), /^(POST|PATCH|PUT blobs)/), 0);
  });
  await t.step("one that is not there: typed, with the side", async () => {
    const error = await failure(
      copy(source, "v1", new MemoryStore(), "v1", { platforms: "linux/s390x" }),
      CopyError,
    );
    assertEquals([error.side, error.descriptor?.digest], ["source", index.digest]);
    assert(error.message.includes("linux/arm64"), error.message);
  });
  await t.step("what is no index is copied as it is", async () => {
    const { digest } = images[0]!;
    const result = await copy(source, digest, new MemoryStore(), [], { platforms: "linux/arm64" });
    assertEquals(result.target.digest, digest);
  });
});

Deno.test("what the target has", async (t) => {
  const source = repository();
  const { index, images } = await writeEverything(source.store);
  const needed = await reachable(source.store, ["v1"]);
  const blobs = [...needed.values()].filter(({ mediaType }) => !isManifestMediaType(mediaType));

  await t.step("is not sent again, nor is the tag", async () => {
    const target = repository({ quirks: { immutableTags: "ecr" } });
    await copy(source.store, "v1", target.store, "v1");
    target.asked();
    const again = await copy(source.store, "v1", target.store, "v1");
    assertEquals([again.bytes, again.skipped.length], [0, needed.size]);
    assertEquals(count(target.asked(), /^(POST|PUT|PATCH|DELETE)/), 0);
  });
  await t.step("is repaired where a child of it is missing", async () => {
    const target = new PlainStore();
    await copy(source.store, "v1", target, "v1");
    const layer = blobs.find(({ size }) => size === 1_000)!;
    await target.delete(images[1]!);
    await target.delete(layer);
    const trusted = await copy(source.store, "v1", target, "v1", {
      trustExisting: true,
      attached: false,
    });
    assertEquals([trusted.bytes, (await missing(target, needed.values())).length], [0, 2]);
    const repaired = await copy(source.store, "v1", target, "v1");
    assertEquals(digestsOf(repaired.copied), digestsOf([images[1]!, layer]));
    assertEquals(await missing(target, needed.values()), []);
  });
  await t.step("is trusted where that is asked for: what it needs is not looked for", async () => {
    const target = repository();
    await copy(source.store, "v1", target.store, "v1");
    target.asked();
    await copy(source.store, "v1", target.store, "v1", { trustExisting: true, attached: false });
    assertEquals(target.asked(), ["HEAD manifests", "HEAD manifests"]);
    await copy(source.store, "v1", target.store, "v1", { trustExisting: true });
    assertEquals(count(target.asked(), / blobs/), 0);
  });
  await t.step("and does not list as attached is put on the list", async () => {
    const hidden = new Map<string, Descriptor>();
    class Forgetful extends PlainStore {
      override async *referrers(subject: Descriptor) {
        for await (const each of super.referrers(subject)) {
          if (!hidden.has(each.digest)) yield each;
        }
      }
      override async write(...args: Parameters<MemoryStore["write"]>) {
        await super.write(...args);
        hidden.delete(args[0].digest);
      }
    }
    const target = new Forgetful();
    await copy(source.store, "v1", target, "v1");
    for await (const each of target.referrers(index)) hidden.set(each.digest, each);
    const digests = [...hidden.keys()];
    const again = await copy(source.store, "v1", target, "v1");
    assertEquals(digestsOf(again.copied), digests.sort());
    assertEquals(hidden.size, 0);
  });
  await t.step("is mounted within one registry", async () => {
    const other = source.other("team/app");
    source.asked();
    const result = await copy(source.store, "v1", other, "v1");
    assertEquals(digestsOf(result.mounted), digestsOf(blobs));
    assertEquals(count(source.asked(), /^GET blobs|^PATCH|^PUT blobs/), 0);
  });
});

Deno.test("a source whose tag moves in the middle changes nothing", async () => {
  const source = new MemoryStore();
  const image = await writeImage(source, { tag: "v1", layers: [100, 200] });
  const other = await writeImage(source);
  const target = new PlainStore();
  const result = await copy(source, "v1", target, "v1", {
    beforeCopy: () => source.tag(other, "v1"),
  });
  assertEquals((await target.resolve("v1")).digest, image.digest);
  assertEquals(result.source.digest, image.digest);
  assertEquals(await target.exists(other), false);
});

Deno.test("foreign layers come along where the source has them, else they are left out", async () => {
  const source = new MemoryStore();
  const mediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  const urls = ["https://example.invalid/layer"];
  const here = { ...await writeBlob(source, 100, mediaType), urls };
  const there = { ...await writeBlob(source, 200, mediaType), urls };
  await source.delete(there);
  await writeImage(source, { tag: "v1", extraLayers: [here, there] });
  const target = new PlainStore();
  const { copied, leftOut } = await copy(source, "v1", target, "v1");
  assertEquals(digestsOf(leftOut), [there.digest]);
  assert(copied.some(({ digest }) => digest === here.digest));
  assertEquals(await missing(target, [here]), []);
});

Deno.test("a layer that is a manifest by its type is a blob all the same", async () => {
  const [source, target] = [repository(), repository()];
  const layer = await writeBlob(source.store, 500, MEDIA_TYPES.octetStream);
  const extraLayers = [{ ...layer, mediaType: MEDIA_TYPES.ociManifest }];
  await writeImage(source.store, { tag: "v1", artifactType: "a/b", extraLayers });
  await copy(source.store, "v1", target.store, "v1");
  assertEquals(await missing(target.store, [layer]), []);
});

Deno.test("a dry run says what would be copied, and writes nothing", async () => {
  const source = new MemoryStore();
  const { index } = await writeEverything(source);
  const target = repository();
  const platforms = ["linux/amd64", "linux/arm64"];
  for (const options of [{}, { platforms }, { platforms, sparse: true }]) {
    const result = await copy(source, "v1", target.store, "v1", { ...options, dryRun: true });
    assert(result.copied.length > 5);
    assertEquals([result.bytes, result.source.digest], [0, index.digest]);
  }
  assertEquals(count(target.asked(), /^(POST|PUT|PATCH|DELETE)/), 0);
});

Deno.test("a digest among the references says what the copy must be", async () => {
  const source = new MemoryStore();
  const image = await writeImage(source, { tag: "v1" });
  const target = new MemoryStore();
  await copy(source, "v1", target, [image.digest]);
  assertEquals(await Array.fromAsync(target.tags()), []);
  const other = `sha256:${"0".repeat(64)}`;
  await assertRejects(() => copy(source, "v1", target, ["v2", other]), InvalidOptionError, other);
});

Deno.test("events tell each descriptor, the totals and the tags; a listener may throw", async () => {
  const source = new MemoryStore();
  await writeEverything(source);
  const needed = await reachable(source, ["v1"]);
  const target = new PlainStore();
  const events: CopyEvent[] = [];
  await copy(source, "v1", target, "v1", {
    onEvent(event) {
      events.push(event);
      throw new Error("the listener's own");
    },
  });
  const done = events.flatMap((event) => event.type === "copy-done" ? [event.descriptor] : []);
  assertEquals(digestsOf(done), [...needed.keys()].sort());
  const started = events.filter(({ type }) => type === "copy-start");
  assertEquals(started.length, needed.size);
  const totals = events.flatMap((event) => event.type === "copy-total" ? [event] : []);
  const bytes = [...needed.values()].reduce((sum, { size }) => sum + size, 0);
  assertEquals(totals.at(-1), {
    type: "copy-total",
    descriptors: needed.size,
    bytes,
    final: true,
  });
  assertEquals(totals.filter(({ final }) => final).length, 1);
  assertEquals(
    events.flatMap((each) => each.type === "copy-tag" ? each.reference : []).at(-1),
    "v1",
  );
});

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
    ["a target that refuses", "target", "REGISTRY_RESPONSE", () => ({
      to: repository({ faults: { status: 500, on: { endpoint: "upload", method: "PUT" } } }).store,
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
