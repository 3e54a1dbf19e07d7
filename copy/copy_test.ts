import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import { isManifestMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import type { ContentStore } from "../content/store.ts";
import { InvalidOptionError } from "../errors.ts";
import type { CopyEvent } from "../events.ts";
import { encodeManifest } from "../manifest/encode_manifest.ts";
import { fallbackTag } from "../manifest/referrers_index.ts";
import type { ImageIndex } from "../manifest/types.ts";
import type { Middleware } from "../server/middleware.ts";
import { createArchive } from "../stores/create_archive.ts";
import { LayoutStore } from "../stores/layout_store.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { openArchive } from "../stores/open_archive.ts";
import { copy } from "./copy.ts";
import { CopyEvents } from "./copy_events.ts";
import {
  altered,
  count,
  digestsOf,
  missing,
  PlainStore,
  repository,
  withFolder,
  writeBlob,
  writeEverything,
  writeImage,
  writeIndex,
  writeNote,
} from "./fixture_test.ts";
import { reachable } from "./reachable.ts";

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
      assertEquals(result.bytes, result.copied.reduce((sum, { size }) => sum + size, 0));
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

Deno.test("a broken entry of a fallback tag's list hides no other one, in a folder and in a tar", async () => {
  const source = new MemoryStore();
  const image = await writeImage(source, { tag: "v1" });
  const note = await writeNote(source, image);
  const { ociIndex: mediaType } = MEDIA_TYPES;
  const bytes = encodeText(
    JSON.stringify({ schemaVersion: 2, mediaType, manifests: [{}, note, null] }),
  );
  const list = await describeBytes(bytes, mediaType);
  await withFolder(async (folder) => {
    const layout = new LayoutStore(`${folder}/layout`);
    const tar = await createArchive(`${folder}/layout.tar`, { format: "oci" });
    for (const store of [layout, tar]) {
      await copy(source, "v1", store, "v1");
      await store.write(list, bytes);
      await store.tag(list, fallbackTag(image.digest));
    }
    await tar.close();
    const archive = await openArchive(`${folder}/layout.tar`);
    for (const store of [layout, archive]) {
      const { attached } = await copy(store, "v1", new MemoryStore(), "v1");
      assertEquals(digestsOf(attached.map(({ descriptor }) => descriptor)), [note.digest]);
    }
    await archive.close();
  });
});

Deno.test("a fallback tag that names an image, or what is no manifest, keeps nothing from being copied", async (t) => {
  const stores: [string, () => Promise<ContentStore>][] = [
    ["a registry", () => Promise.resolve(repository({ quirks: { noReferrers: "text" } }).store)],
    ["memory", () => Promise.resolve(new MemoryStore())],
  ];
  const odd = await describeBytes(encodeText("[]"), MEDIA_TYPES.ociIndex);
  for (const [name, make] of stores) {
    await t.step(name, async () => {
      const source = await make();
      const image = await writeImage(source, { tag: "v1" });
      await source.tag(await writeImage(source), fallbackTag(image.digest));
      const other = await writeImage(source, { tag: "v2" });
      if (source instanceof MemoryStore) {
        await source.write(odd, encodeText("[]"));
        await source.tag(odd, fallbackTag(other.digest));
      }
      const target = new PlainStore();
      for (const tag of ["v1", "v2"]) {
        const { attached } = await copy(source, tag, target, tag);
        assertEquals(attached, []);
      }
      assertEquals(await missing(target, [image, other]), []);
    });
  }
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

Deno.test("what the target has", async (t) => {
  const source = repository();
  const { index, images } = await writeEverything(source.store);
  const needed = await reachable(source.store, ["v1"]);
  const blobs = [...needed.values()].filter(({ mediaType }) => !isManifestMediaType(mediaType));

  await t.step("is not sent again, nor is the tag", async () => {
    const target = repository({ quirks: { immutableTags: "ecr" } });
    await copy(source.store, "v1", target.store, "v1");
    assertEquals(count(target.asked(), /^HEAD blobs/), blobs.length, "each is looked for once");
    const again = await copy(source.store, "v1", target.store, "v1");
    assertEquals([again.bytes, again.skipped.length], [0, needed.size]);
    assertEquals(count(target.asked(), /^(POST|PUT|PATCH|DELETE)/), 0);
  });
  await t.step("and was not there is named without a question", async () => {
    const target = repository();
    await writeImage(source.store, { tag: "single" });
    await copy(source.store, "single", target.store, "single", { attached: false });
    assertEquals(target.asked().filter((each) => / manifests/.test(each)), [
      "HEAD manifests",
      "PUT manifests", // under its tag
    ]);
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

Deno.test("a blob that was mounted, as the target says, and is not there is moved", async () => {
  const lying: Middleware = (next) => async (context) => {
    const { pathname, searchParams } = context.url;
    const digest = searchParams.get("mount");
    if (digest === null) return await next(context);
    const location = pathname.replace(/uploads\/$/, digest);
    return new Response(null, { status: 201, headers: { location } });
  };
  const registry = repository({ middleware: [lying] });
  const { attached } = await writeEverything(registry.store);
  const needed = await reachable(registry.store, ["v1"]);
  const target = registry.other("team/app");
  const result = await copy(registry.store, "v1", target, "v1");
  assertEquals(result.mounted, []);
  assertEquals(result.attached.length, attached.length);
  assertEquals(digestsOf(result.copied), digestsOf(needed.values()));
  assertEquals(await missing(target, needed.values()), []);
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

Deno.test("a registry that resolves the fallback tag to the subject itself: nothing is attached", async () => {
  const source = repository({ quirks: { fallbackTagIsSubject: true, noReferrers: "text" } });
  await writeIndex(source.store, [await writeImage(source.store)], { tag: "v1" });
  const { attached, leftOut } = await copy(source.store, "v1", new MemoryStore(), "v1");
  assertEquals([attached, leftOut], [[], []]);
});

Deno.test("so many blobs move at once as was asked for", async () => {
  const source = new MemoryStore();
  await writeImage(source, { tag: "v1", layers: Array(8).fill(100_000) });
  let [open, most] = [0, 0];
  const counting = altered<ContentStore>(new PlainStore(), {
    async write(...args) {
      if (args[0].size === 100_000) most = Math.max(most, ++open);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      if (args[0].size === 100_000) open--;
    },
    tag: () => Promise.resolve(),
  });
  await copy(source, "v1", counting, [], { concurrency: 3 });
  assertEquals(most, 3);
});

Deno.test("progress is told a few times a second, however often bytes come", () => {
  const told: CopyEvent[] = [];
  const events = new CopyEvents((event) => void told.push(event));
  const descriptor = { mediaType: "a/b", digest: `sha256:${"0".repeat(64)}`, size: 1e9 };
  const progress = events.progress(descriptor);
  const started = performance.now();
  for (let at = 0; at < 100_000; at++) progress(at);
  const seconds = (performance.now() - started) / 1_000;
  assert(told.length <= 1 + 4 * seconds, `${told.length} in ${seconds} s`);
});
