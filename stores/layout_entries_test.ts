import { assertEquals } from "@std/assert";
import type { Descriptor } from "../content/descriptor.ts";
import { type IndexChange, LayoutEntries } from "./layout_entries.ts";
import { tagOf, withoutNames } from "./entry_names.ts";

const REF_NAME = "org.opencontainers.image.ref.name";

function entry(name: string, tag?: string, annotations?: Record<string, string>): Descriptor {
  return {
    mediaType: "application/x",
    digest: `sha256:${name.repeat(64)}`,
    size: 1,
    ...((tag ?? annotations) !== undefined && {
      annotations: { ...annotations, ...(tag !== undefined && { [REF_NAME]: tag }) },
    }),
  };
}

/** Entries in short: `a` is listed, `a:v1` has a tag. */
function short(entries: LayoutEntries): string {
  return entries.all().map((each) => {
    const tag = tagOf(each);
    return each.digest[7]! + (tag === undefined ? "" : `:${tag}`);
  }).join(" ");
}

const [a, b] = [entry("a"), entry("b")];
const CHANGES: [title: string, before: string, change: IndexChange, after: string][] = [
  ["a tag on an empty index", "", { tag: "v1", descriptor: a }, "a:v1"],
  ["a tag of what is listed", "a b", { tag: "v1", descriptor: a }, "b a:v1"],
  ["a second tag", "a:v1", { tag: "v2", descriptor: a }, "a:v1 a:v2"],
  ["a tag that is so already", "a:v1 b", { tag: "v1", descriptor: a }, "a:v1 b"],
  ["a tag that moves", "a:v1", { tag: "v1", descriptor: b }, "b:v1 a"],
  ["a tag that moves from one of several", "a:v1 a:v2", { tag: "v1", descriptor: b }, "a:v2 b:v1"],
  ["a tag that two entries have", "a:v1 b:v1", { tag: "v1", descriptor: a }, "a:v1 b"],
  ["the last tag is taken", "a:v1 b:v2", { untag: "v1" }, "b:v2 a"],
  ["one of several tags is taken", "a:v1 a:v2", { untag: "v1" }, "a:v2"],
  ["a tag that is not there is taken", "a:v1", { untag: "v2" }, "a:v1"],
  ["listed, and not there", "b", { list: a }, "b a"],
  ["listed, and there", "a", { list: a }, "a"],
  ["listed, and tagged", "a:v1", { list: a }, "a:v1"],
  ["removed with its tags", "a:v1 b:v2 a:v3", { remove: a.digest }, "b:v2"],
  ["removed, and not there", "b", { remove: a.digest }, "b"],
];

function parse(text: string): Descriptor[] {
  return text.split(" ").filter((word) => word !== "").map((word) => {
    const [name, tag] = word.split(":");
    return entry(name!, tag);
  });
}

for (const [title, before, change, after] of CHANGES) {
  Deno.test(`LayoutEntries: ${title}`, () => {
    const entries = new LayoutEntries(parse(before));
    assertEquals(entries.apply(change), before !== after);
    assertEquals(short(entries), after);
    assertEquals(entries.apply(change), false, "made again, it changes nothing");
    assertEquals(short(entries), after);
    assertEquals(entries.size, parse(after).length);
    for (const each of parse(after)) {
      const tag = tagOf(each);
      if (tag !== undefined) assertEquals(entries.tagged(tag)?.digest, each.digest);
      assertEquals(entries.listed(each.digest)?.digest, each.digest);
    }
    assertEquals(
      entries.tags().sort(),
      [...new Set(parse(after).flatMap((each) => tagOf(each) ?? []))].sort(),
    );
  });
}

Deno.test("LayoutEntries: an entry that says more than the change does stays as it is", () => {
  const theirs = { ...entry("a", "v1", { "com.example": "x" }), "x-extra": 1 };
  const entries = new LayoutEntries([theirs]);
  assertEquals(entries.apply({ tag: "v1", descriptor: a }), false);
  assertEquals(entries.all(), [theirs]);
  assertEquals(entries.apply({ untag: "v1" }), true);
  assertEquals(entries.all()[0]!.annotations, { "com.example": "x" });
});

Deno.test("LayoutEntries: an entry with another type or annotation is changed", () => {
  const entries = new LayoutEntries([entry("a", "v1")]);
  assertEquals(entries.apply({ tag: "v1", descriptor: { ...a, mediaType: "other/type" } }), true);
  assertEquals(entries.all().map(({ mediaType }) => mediaType), ["other/type"]);
  assertEquals(entries.apply({ tag: "v1", descriptor: { ...a, annotations: { x: "y" } } }), true);
  assertEquals(entries.tagged("v1")?.annotations, { x: "y", [REF_NAME]: "v1" });
});

Deno.test("LayoutEntries: 100,000 changes take no longer each than the first ones", () => {
  const entries = new LayoutEntries();
  for (let index = 0; index < 100_000; index++) {
    const digest = `sha256:${index.toString(16).padStart(64, "0")}`;
    entries.apply({ tag: `v${index}`, descriptor: { ...a, digest } });
    entries.apply({ tag: "latest", descriptor: { ...a, digest } });
  }
  assertEquals(entries.size, 100_001); // a scan for each of them would take minutes
});

Deno.test("untagged: what is left of the annotations stays", () => {
  assertEquals(withoutNames(entry("a", "v1")), a);
  assertEquals(withoutNames(entry("a", "v1", { x: "y" })), entry("a", undefined, { x: "y" }));
});
