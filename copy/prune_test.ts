import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import type { ContentStore } from "../content/store.ts";
import { CopyError, InvalidOptionError, PruneRefusedError } from "../errors.ts";
import { fallbackTag } from "../manifest/referrers_index.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import {
  altered,
  digestsOf,
  missing,
  writeBlob,
  writeEverything,
  writeImage,
  writeIndex,
  writeNote,
} from "./fixture_test.ts";
import { planPrune, prune } from "./prune.ts";
import type { Inventory, InventoryEntry, PruneOptions, PruneRunOptions } from "./prune_options.ts";
import { reachable } from "./reachable.ts";

const DAY = 24 * 60 * 60 * 1_000;
const NOW = Date.UTC(2026, 0, 31);

/** A repository with releases, one a day, the youngest last; and what is no release. */
async function releases() {
  const store = new MemoryStore();
  const entries: InventoryEntry[] = [];
  const add = (descriptor: Descriptor, age: number, ...tags: string[]) =>
    entries.push({ digest: descriptor.digest, tags, created: new Date(NOW - age * DAY) });
  const images: Descriptor[] = [];
  const indexes: Descriptor[] = [];
  for (let at = 0; at < 4; at++) {
    const image = await writeImage(store);
    const index = await writeIndex(store, [image], { tag: `v${at}` });
    const note = await writeNote(store, image);
    const signature = await writeImage(store);
    const sig = `${fallbackTag(index.digest)}.${at % 2 === 0 ? "sig" : "src"}`;
    await store.tag(signature, sig);
    add(image, 4 - at);
    add(index, 4 - at, `v${at}`);
    add(note, 4 - at);
    add(signature, 4 - at, sig);
    images.push(image);
    indexes.push(index);
  }
  await store.tag(indexes[3]!, "latest");
  entries[13] = { ...entries[13]!, tags: ["v3", "latest"] };
  const stray = await writeImage(store);
  add(stray, 10);
  const young = await writeIndex(store, [stray]);
  add(young, 0.1);
  const inventory = {
    async *list() {
      yield* entries;
    },
  };
  return { store, entries, inventory, images, indexes, stray, young, now: NOW };
}

Deno.test("reachable: everything that the kept tags need, attached included", async () => {
  const store = new MemoryStore();
  const { index, images, attestation, attached } = await writeEverything(store);
  const other = await writeImage(store, { tag: "other" });
  const needed = await reachable(store, ["v1"]);
  for (const each of [index, ...images, attestation, ...attached]) {
    assert(needed.has(each.digest), each.digest);
  }
  assertEquals(needed.has(other.digest), false);
  assertEquals(await missing(store, needed.values()), []);
  const bare = await reachable(store, ["v1"], { attached: false });
  assertEquals(attached.filter(({ digest }) => bare.has(digest)), []);
  assertEquals((await reachable(store, ["v1", "other"])).size, needed.size + 3);
  await assertRejects(() => reachable(store, ["v1", "nothing"]), CopyError, "nothing");
});

Deno.test("plans: by pattern, count and age; an index that stays keeps its manifests", async (t) => {
  const cases: [string, Partial<PruneOptions>, string[], number][] = [
    ["nothing is chosen: what no tag needs", {}, [], 2],
    ["nothing untagged either", { untagged: false }, [], 0],
    ["by pattern", { remove: "v1" }, ["v1"], 2 + 4],
    ["by several patterns, one of them kept", { remove: ["v1", /v[02]/], keep: "v2" }, [
      "v0",
      "v1",
    ], 2 + 8],
    ["by count", { keepLast: 2 }, ["v0", "v1"], 2 + 8],
    ["by age: young ones stay, with what they need", { olderThan: 2.5 * DAY }, ["v0", "v1"], 8],
    ["a manifest with a tag that is kept", { keepLast: 0, remove: "v*" }, ["v0", "v1", "v2"], 14],
  ];
  for (const [name, options, tags, removed] of cases) {
    await t.step(name, async () => {
      const { store, inventory, now, entries } = await releases();
      const plan = await planPrune(store, { inventory, now, ...options });
      const own = plan.removedTags.filter((tag) => !tag.startsWith("sha256-"));
      assertEquals(own.sort(), tags);
      assertEquals(plan.remove.length, removed);
      assertEquals(plan.keep.length + removed, entries.length);
    });
  }
});

function deleting(store: ContentStore, entries: InventoryEntry[], onDelete = () => {}) {
  return {
    async delete(entry: InventoryEntry) {
      await store.delete!(await store.resolve(entry.digest));
      entries.splice(entries.findIndex(({ digest }) => digest === entry.digest), 1);
      onDelete();
    },
  };
}

Deno.test("a prune removes what needs others before them, and leaves what stays whole", async () => {
  const { store, entries, inventory, now, indexes, images } = await releases();
  const options: PruneRunOptions = {
    inventory,
    now,
    keepLast: 2,
    deleter: deleting(store, entries),
  };
  const plan = await planPrune(store, options);
  const order = plan.remove.map(({ digest }) => digest);
  for (const at of [0, 1]) {
    assert(order.indexOf(indexes[at]!.digest) < order.indexOf(images[at]!.digest));
  }
  const seen: string[] = [];
  const removed = await prune(store, plan, {
    ...options,
    onRemoved: ({ digest }) => void seen.push(digest),
  });
  assertEquals(digestsOf(removed), [...order].sort());
  assertEquals(seen, order);
  const needed = await reachable(store, ["v2", "v3", "latest"]);
  assertEquals(await missing(store, needed.values()), []);
  await assertRejects(() => store.resolve("v0"));
  assertEquals((await planPrune(store, options)).remove, []);
});

Deno.test("a prune leaves what was tagged or needed since the plan, and may be ended", async () => {
  const { store, entries, inventory, now, stray, young } = await releases();
  const options = { inventory, now, remove: "v0", deleter: deleting(store, entries) };
  const plan = await planPrune(store, options);
  assert(plan.remove.some(({ digest }) => digest === stray.digest));
  await store.tag(young, "release");
  const at = entries.findIndex(({ digest }) => digest === young.digest);
  entries[at] = { ...entries[at]!, tags: ["release"] };
  const late = await writeImage(store);
  entries.push({ digest: late.digest, tags: [], created: new Date(0) });
  const removed = await prune(store, plan, options);
  assertEquals(await store.exists(late), true, "it was not in the plan");
  assertEquals(removed.some(({ digest }) => [stray.digest, young.digest].includes(digest)), false);
  assertEquals(removed.length, 4);

  const stop = new AbortController();
  const next = { ...options, remove: "v1", signal: stop.signal };
  const second = await planPrune(store, next);
  const deleter = deleting(store, entries, () => stop.abort(new Error("enough")));
  await assertRejects(() => prune(store, second, { ...next, deleter }), Error, "enough");
  assertEquals((await planPrune(store, { ...options, remove: "v1" })).remove.length, 4);
});

Deno.test("a repository that cannot be seen whole is not pruned", async (t) => {
  const cases: [string, (r: Awaited<ReturnType<typeof releases>>) => unknown, string][] = [
    ["without an inventory", (each) => Object.assign(each, { inventory: undefined }), "inventory"],
    [
      "a manifest that is needed is not listed",
      ({ entries, images }) =>
        entries.splice(entries.findIndex(({ digest }) => digest === images[3]!.digest), 1),
      "is needed",
    ],
    ["a tag is not listed", ({ store, stray }) => store.tag(stray, "new"), "the tag new"],
    ["a manifest that is needed is gone", ({ store, images }) => store.delete(images[3]!), "whole"],
  ];
  for (const [name, change, words] of cases) {
    await t.step(name, async () => {
      const repository = await releases();
      await change(repository);
      const { store, inventory, now } = repository;
      await assertRejects(
        () => planPrune(store, { inventory, now, keepLast: 1 }),
        PruneRefusedError,
        words,
      );
    });
  }
  await t.step("a count or an age that is none", async () => {
    const { store, inventory } = await releases();
    for (const options of [{ keepLast: -1 }, { olderThan: NaN }]) {
      await assertRejects(() => planPrune(store, { inventory, ...options }), InvalidOptionError);
    }
  });
  await t.step("a broken manifest that nothing needs goes all the same", async () => {
    const { store, inventory, now, entries } = await releases();
    entries.push({ digest: `sha256:${"0".repeat(64)}`, tags: [], created: new Date(0) });
    const plan = await planPrune(store, { inventory, now });
    assertEquals(plan.remove.length, 3);
  });
});

Deno.test("an inventory that lists a manifest once for each of its tags is that of one that lists it once", async () => {
  const { store, entries, inventory, now } = await releases();
  const split = {
    async *list() {
      for (const entry of entries) {
        for (const tag of entry.tags) yield { ...entry, tags: [tag] };
        if (entry.tags.length === 0) yield* [entry, entry];
      }
    },
  };
  for (const options of [{}, { keepLast: 1 }, { remove: "v*" }, { remove: "v3", keepLast: 0 }]) {
    const once = await planPrune(store, { inventory, now, ...options });
    const twice = await planPrune(store, { inventory: split, now, ...options });
    assertEquals(twice, once);
    assertEquals(once.removedTags.includes("v3"), false, "latest names it too");
  }
  // Of several times the youngest counts, and one that is not known is young.
  const last = entries[13]!;
  for (const created of [new Date(now), undefined]) {
    const again = {
      async *list() {
        yield* entries;
        yield { digest: last.digest, tags: [], ...(created && { created }) };
      },
    };
    const { keep } = await planPrune(store, { inventory: again, now, remove: "*", olderThan: DAY });
    assertEquals(keep.some(({ digest }) => digest === last.digest), true);
  }
});

Deno.test("where a tag has the list of what is attached, it stays with its subject and goes with it", async () => {
  const store = new MemoryStore();
  const image = await writeImage(store, { tag: "v1" });
  const note = await writeNote(store, image);
  const list = await writeIndex(store, [note], { tag: fallbackTag(image.digest) });
  const entries = [
    { digest: image.digest, tags: ["v1"] },
    { digest: note.digest, tags: [] },
    { digest: list.digest, tags: [fallbackTag(image.digest)] },
  ];
  const inventory = {
    async *list() {
      yield* entries;
    },
  };
  assertEquals((await planPrune(store, { inventory })).remove, []);
  const { remove } = await planPrune(store, { inventory, remove: "v1" });
  assertEquals(remove.map(({ digest }) => digest), [list, note, image].map(({ digest }) => digest));
});

Deno.test("what is no inventory, no entry or no option: nothing is planned or removed", async (t) => {
  const digest = `sha256:${"0".repeat(64)}`;
  const listing = (...entries: unknown[]) => ({ inventory: { list: () => entries } });
  const cases: [name: string, options: unknown, words: string][] = [
    ["no list()", { inventory: {} }, "'inventory' as it must be an object with list()"],
    ["a list that is none", { inventory: { list: () => 5 } }, "a list or an AsyncIterable"],
    ["no entry", listing(undefined), "one has no digest"],
    ["a digest alone", listing(digest), "one has no digest"],
    ["no digest", listing({ digest: "v1", tags: [] }), "one has no digest"],
    ["no tags", listing({ digest }), `${digest} has no list of tags`],
    ["a tag in the list's place", listing({ digest, tags: "v1" }), "no list of tags"],
    ["a time as text", listing({ digest, tags: [], created: "2026-01-01" }), "no valid Date"],
    ["a time that is none", listing({ digest, tags: [], created: new Date("x") }), "no valid Date"],
    ["keepLast as text", { ...listing(), keepLast: "1" }, "current value is a string"],
    ["now as text", { ...listing(), now: "x" }, "'now' must be a number, 0 or more"],
    ["untagged as text", { ...listing(), untagged: "false" }, "'untagged' as it must be a boolean"],
  ];
  for (const [name, options, words] of cases) {
    await t.step(name, async () => {
      const plan = () => planPrune(new MemoryStore(), options as PruneOptions);
      await assertRejects(plan, InvalidOptionError, words);
    });
  }
  const { store, entries, inventory, now } = await releases();
  const plan = await planPrune(store, { inventory, now, remove: "v0" });
  const deleter = deleting(store, entries);
  const count = entries.length;
  for (const [more, words] of [[{}, "'deleter'"], [{ deleter, onRemoved: "x" }, "'onRemoved'"]]) {
    const options = {
      inventory,
      now,
      remove: "v0",
      ...more as object,
    } as unknown as PruneRunOptions;
    await assertRejects(() => prune(store, plan, options), InvalidOptionError, words as string);
  }
  assertEquals(entries.length, count);
  const list = { list: () => Promise.resolve(entries) } as unknown as PruneOptions["inventory"];
  assertEquals(await planPrune(store, { inventory: list, now, remove: "v0" }), plan);
});

Deno.test("what is attached in a format that nobody writes any more stays with its subject", async () => {
  const store = new MemoryStore();
  const image = await writeImage(store, { tag: "v1" });
  const blob = await writeBlob(store, 10);
  const write = async (mediaType: string, members: object) => {
    const bytes = encodeText(JSON.stringify({ mediaType, subject: image, ...members }));
    const descriptor = await describeBytes(bytes, mediaType);
    await store.write(descriptor, bytes);
    return descriptor;
  };
  const type = "application/vnd.oci.artifact.manifest.v1+json";
  const attached = await write(type, { blobs: [blob] });
  const stray = await write(type, { artifactType: "a/stray", blobs: [blob] });
  const gone = { mediaType: type, digest: `sha256:${"0".repeat(64)}`, size: 10 };
  const schema1 = await write("application/vnd.docker.distribution.manifest.v1+json", {});
  await store.tag(schema1, "old");
  const source = altered<ContentStore>(store, {
    async *referrers({ digest }) {
      if (digest === image.digest) yield* [attached, gone];
    },
  });
  const needed = await reachable(source, ["v1"]);
  assertEquals(
    [attached, blob, stray, gone].map(({ digest }) => needed.has(digest)),
    [true, true, false, false],
  );
  const tags = new Map([[image.digest, ["v1"]], [schema1.digest, ["old"]]]);
  const inventory: Inventory = {
    async *list() {
      for (const { digest } of [image, attached, stray, schema1]) {
        yield { digest, tags: tags.get(digest) ?? [] };
      }
    },
  };
  const plan = await planPrune(source, { inventory });
  assertEquals(digestsOf(plan.remove), [stray.digest]);
});

Deno.test("reachable: what cannot be read is said without a word of a copy", async () => {
  const store = new MemoryStore();
  const error = await assertRejects(() => reachable(store, ["none"]), CopyError);
  assert(error.message.startsWith('Cannot read "none": '), error.message);
  await assertRejects(
    // deno-lint-ignore no-explicit-any -- what a program without types gives
    () => reachable(store, ["v1", undefined as any]),
    InvalidOptionError,
    "'tags[1]' as it must be a string: current value is undefined",
  );
});
