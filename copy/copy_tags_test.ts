import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Descriptor } from "../content/descriptor.ts";
import { isManifestMediaType } from "../content/media_types.ts";
import type { ContentStore } from "../content/store.ts";
import { InvalidOptionError, LimitError } from "../errors.ts";
import { fallbackTag } from "../manifest/referrers_index.ts";
import type { RegistryStore } from "../registry_store.ts";
import { createArchive } from "../stores/create_archive.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { openArchive } from "../stores/open_archive.ts";
import { copy } from "./copy.ts";
import { copyTags, type CopyTagsOptions } from "./copy_tags.ts";
import {
  altered,
  count,
  repository,
  type TestRepository,
  withFolder,
  writeBlob,
  writeImage,
  writeIndex,
  writeNote,
} from "./fixture_test.ts";
import { tagMatcher } from "./tag_pattern.ts";

/** A repository of many tags, whose images share a layer; some are signed. */
async function manyTags(tags: number) {
  const source = repository();
  const shared = await writeBlob(source.store, 10_000);
  for (let at = 0; at < tags; at++) {
    const tag = `v${at}`;
    const image = await writeImage(source.store, { tag, layers: [50], extraLayers: [shared] });
    if (at % 5 === 0) {
      const signature = await writeImage(source.store, { layers: [20] });
      await source.store.tag(signature, `${fallbackTag(image.digest)}.sig`);
      await writeNote(source.store, image);
    }
  }
  source.asked();
  return { source, shared };
}

Deno.test("many tags: one list, each part once, signatures with what they sign", async () => {
  const { source, shared } = await manyTags(40);
  const target = repository({}, "to");
  const result = await copyTags(source.store, target.store);
  assertEquals(
    result.tags.map(({ tag }) => tag).sort(),
    Array.from({ length: 40 }, (_, at) => `v${at}`).sort(),
  );
  assertEquals(result.attached.length, 16);
  assertEquals(result.copied.filter(({ digest }) => digest === shared.digest).length, 1);
  const asked = source.asked();
  assertEquals(count(asked, /tags/), 1);
  // The signatures that the list named: none is asked for in vain, and a tag is answered with its
  // manifest.
  assertEquals(count(asked, /^HEAD manifests/), 8);
  // Each manifest is read once, and no fallback tag: the list has none.
  assertEquals(count(asked, /^GET manifests/), 40 + 8 + 8);
  assertEquals(count(target.asked(), /^GET manifests/), 0, "what was written is tagged unread");
  const copied = await Array.fromAsync(target.store.tags());
  assertEquals(copied.length, 48);
  const again = await copyTags(source.store, target.store);
  assertEquals([again.bytes, again.copied], [0, []]);
});

/** How often each thing was asked. */
function counts(asked: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const each of asked) found[each] = (found[each] ?? 0) + 1;
  return found;
}

/** The last parts of the paths that manifests were put under. */
function puts({ requests }: TestRepository): string[] {
  return requests.filter(({ method, path }) => method === "PUT" && /\/manifests\//.test(path))
    .map(({ path }) => path.split("/").at(-1)!);
}

Deno.test("into a new repository an image costs two requests, and a blob four", async () => {
  const source = repository();
  for (let at = 0; at < 20; at++) await writeImage(source.store, { tag: `v${at}` });
  for (const attached of [false, true]) {
    source.asked();
    const target = repository();
    await copyTags(source.store, target.store, { attached });
    assertEquals(counts(source.asked()), {
      "GET tags": 1,
      "GET manifests": 20,
      ...(attached && { "GET referrers": 20 }),
      "GET blobs": 40,
    });
    assertEquals(counts(target.asked()), {
      "GET tags": 1,
      "HEAD blobs": 40,
      "POST blobs/uploads": 40,
      "PUT manifests": 20,
    });
    assertEquals(puts(target).sort(), Array.from({ length: 20 }, (_, at) => `v${at}`).sort());
  }
});

Deno.test("where the target has a tag, each manifest is looked for; nothing is sent twice", async () => {
  const source = repository();
  for (let at = 0; at < 20; at++) await writeImage(source.store, { tag: `v${at}` });
  const target = repository();
  await copy(source.store, "v0", target.store, "v0", { attached: false });
  target.asked();
  await copyTags(source.store, target.store, { attached: false });
  assertEquals(counts(target.asked()), {
    "GET tags": 1,
    "HEAD manifests": 21, // and what v0 names
    "HEAD blobs": 40,
    "POST blobs/uploads": 38,
    "PUT manifests": 19,
  });
  const again = await copyTags(source.store, target.store, { attached: false });
  assertEquals([again.bytes, again.copied], [0, []]);
  assertEquals(count(target.asked(), /^(POST|PUT|PATCH|DELETE)/), 0);
});

Deno.test("a target without tags may have manifests, and all of their blobs: none is sent again", async () => {
  const source = repository();
  for (let at = 0; at < 10; at++) await writeImage(source.store, { tag: `v${at}` });
  const target = repository();
  for await (const tag of source.store.tags()) await copy(source.store, tag, target.store, []);
  target.asked();
  const { bytes, copied } = await copyTags(source.store, target.store);
  assertEquals(count(target.asked(), /^(POST|PATCH|DELETE)/), 0);
  assertEquals(bytes, copied.reduce((sum, { size }) => sum + size, 0));
  assertEquals(copied.length, 10, "the manifests");
  assertEquals((await Array.fromAsync(target.store.tags())).length, 10);
  const dry = repository();
  await copyTags(source.store, dry.store, { dryRun: true });
  assertEquals(count(dry.asked(), /^HEAD manifests/), 10, "a dry run asks");
});

Deno.test("a tag is written with what it names, unless something must be there before", async (t) => {
  const cases: [string, CopyTagsOptions, (store: RegistryStore) => Promise<unknown>][] = [
    ["an artifact is attached", {}, async (store) => {
      await writeNote(store, await writeImage(store, { tag: "v1" }));
    }],
    ["a signature's tag leads to it", {}, async (store) => {
      const { digest } = await writeImage(store, { tag: "v1" });
      await store.tag(await writeImage(store), `${fallbackTag(digest)}.sig`);
    }],
    ["something is attached to what an index leads to", {}, async (store) => {
      const image = await writeImage(store);
      const inner = await writeIndex(store, [await writeImage(store), image]);
      await writeIndex(store, [inner], { tag: "v1" });
      await writeNote(store, image);
    }],
    ["a hook looks at what was copied", { afterCopy: () => {} }, async (store) => {
      await writeImage(store, { tag: "v1" });
    }],
  ];
  for (const [name, options, write] of cases) {
    await t.step(name, async () => {
      const source = repository();
      await write(source.store);
      const target = repository();
      const { copied } = await copyTags(source.store, target.store, options);
      const manifests = copied.filter(({ mediaType }) => isManifestMediaType(mediaType));
      const found = puts(target);
      assertEquals(found.at(-1), "v1", "the last of all");
      assertEquals(found.filter((each) => each.startsWith("sha256:")).length, manifests.length);
    });
  }
});

Deno.test("a copy that ends early has named what is whole, and nothing else", async () => {
  const source = repository();
  await writeImage(source.store, { tag: "whole" });
  const layer = await writeBlob(source.store, 100_000);
  await writeImage(source.store, { tag: "broken", extraLayers: [layer] });
  const target = repository();
  const written = Promise.withResolvers<void>(); // the one that is whole
  const refusing = altered<ContentStore>(target.store, {
    write: async (descriptor, body, options) => {
      if (descriptor.digest === layer.digest) {
        await written.promise;
        throw new Error("no room");
      }
      await target.store.write(descriptor, body, options);
      if (isManifestMediaType(descriptor.mediaType)) written.resolve();
    },
    writeTagged: async (...manifest) => {
      await target.store.writeTagged(...manifest);
      written.resolve();
    },
  });
  await assertRejects(() => copyTags(source.store, refusing), Error, "no room");
  assertEquals(await Array.fromAsync(target.store.tags()), ["whole"]);
});

Deno.test("a derived tag with any ending goes with what it is attached to", async () => {
  const source = repository();
  const image = await writeImage(source.store, { tag: "v1" });
  const endings = ["sig", "src", "source-image", "sbom.json"];
  const derived = endings.map((ending) => `${fallbackTag(image.digest)}.${ending}`).sort();
  for (const tag of derived) await source.store.tag(await writeImage(source.store), tag);
  const target = new MemoryStore();
  const { tags, attached } = await copyTags(source.store, target);
  assertEquals(tags.map(({ tag }) => tag), ["v1"]);
  assertEquals(attached.map(({ tag }) => tag!).sort(), derived);
  assertEquals(await Array.fromAsync(target.tags()), [...derived, "v1"]);
});

Deno.test("one image asks for derived tags by name, a graph of many manifests lists them once", async () => {
  const { source } = await manyTags(10);
  await copy(source.store, "v1", new MemoryStore(), "v1");
  assertEquals(count(source.asked(), /tags/), 0);
  const images = await Promise.all(
    Array.from({ length: 10 }, (_, at) => source.store.resolve(`v${at}`)),
  );
  await writeIndex(source.store, images, { tag: "all" });
  source.asked();
  const { attached } = await copy(source.store, "all", new MemoryStore(), "all");
  assertEquals(attached.length, 4);
  const asked = source.asked();
  assertEquals(count(asked, /tags/), 1);
  // The root, four names for each of the first two manifests, and the two signatures in the list.
  const heads = count(asked, /^HEAD manifests/);
  assert(heads <= 1 + 2 * 4 + 2, `${heads} of manifests`);

  const unlisted = altered(source.store, {
    tags: () => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("403")) }),
    }),
  });
  const named = await copy(unlisted, "all", new MemoryStore(), "all");
  assertEquals(named.attached.length, 4, "a list that is refused hides nothing");
});

Deno.test("tags are chosen by a glob, an expression or a function", () => {
  const tags = ["v1.0", "v1x0", "v2.0", "latest", "a+b"];
  const chosen = (pattern: Parameters<typeof tagMatcher>[0]) => tags.filter(tagMatcher(pattern));
  assertEquals(chosen("*"), tags);
  assertEquals(chosen("v1.*"), ["v1.0"]);
  assertEquals(chosen("v?.0"), ["v1.0", "v2.0"]);
  assertEquals(chosen("a+b"), ["a+b"]);
  assertEquals(chosen(/^v\d\./g), ["v1.0", "v2.0"]);
  assertEquals(chosen((tag) => tag.length > 4), ["latest"]);
});

Deno.test("full names of a tar: their tags, where the target takes tags alone", async () => {
  await withFolder(async (folder) => {
    const origin = new MemoryStore();
    const [one, two, three] = [
      await writeImage(origin),
      await writeImage(origin),
      await writeImage(origin),
    ];
    const archiveOf = async (names: [Descriptor, string][]) => {
      const path = `${folder}/${crypto.randomUUID()}.tar`;
      const archive = await createArchive(path, { format: "oci" });
      for (const [image, name] of names) await copy(origin, image.digest, archive, name);
      await archive.close();
      return await openArchive(path);
    };
    const archive = await archiveOf([
      [one, "app:1"],
      [one, "registry.test/app:1"],
      [two, "localhost:5000/team/app:2"],
      [three, "v3"],
    ]);
    const cases: [tags: string, copied: [string, Descriptor][]][] = [
      ["*", [["1", one], ["2", two], ["v3", three]]],
      ["?", [["1", one], ["2", two]]],
      ["registry.test/*", [["1", one]]],
    ];
    for (const [tags, copied] of cases) {
      for (const target of [new MemoryStore(), repository().store]) {
        const result = await copyTags(archive, target, { tags });
        const found = result.tags.map(({ tag, target }) => [tag, target.digest]);
        const wanted = copied.map(([tag, { digest }]) => [tag, digest]);
        assertEquals(found.sort(), wanted);
        assertEquals((await Array.fromAsync(target.tags())).sort(), copied.map(([tag]) => tag));
      }
    }
    const other = await createArchive(`${folder}/other.tar`, { format: "oci" });
    const { tags } = await copyTags(archive, other);
    await other.close();
    assertEquals(tags.map(({ tag }) => tag), await Array.fromAsync(archive.tags()));
    await archive.close();

    const both = await archiveOf([[one, "app:1"], [two, "team/app:1"]]);
    const target = new MemoryStore();
    const { message } = await assertRejects(() => copyTags(both, target), InvalidOptionError);
    assert(message.includes("app:1 and team/app:1: both would get the tag 1"), message);
    assertEquals(await target.exists(one), false, "nothing was copied");
    await copyTags(both, target, { tags: "team/*" });
    assertEquals((await target.resolve("1")).digest, two.digest);
    await both.close();
  });
});

Deno.test("more tags than the limit: nothing is copied", async () => {
  const { source } = await manyTags(6);
  const target = new MemoryStore();
  const error = await assertRejects(
    () => copyTags(source.store, target, { limit: 5 }),
    LimitError,
    "6 tags",
  );
  assertEquals([error.limit, error.maximum], ["limit", 5]);
  assertEquals(await Array.fromAsync(target.tags()), []);
  const some = await copyTags(source.store, target, { tags: "v[0-9]", limit: 1 });
  assertEquals(some.tags, []);
  assertEquals((await copyTags(source.store, target, { tags: /v[0-4]/, limit: 5 })).tags.length, 5);
});

Deno.test("a source without a list of tags, and a pattern that is none: a typed error", async () => {
  const unlisted = altered(new MemoryStore(), { tags: undefined });
  const error = await assertRejects(() => copyTags(unlisted, new MemoryStore()));
  assert((error as Error).cause instanceof InvalidOptionError);
  await assertRejects(
    () => copyTags(new MemoryStore(), new MemoryStore(), { tags: 7 as unknown as string }),
    InvalidOptionError,
  );
});
