import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidContentError, InvalidDigestError } from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { parseManifest } from "./parse_manifest.ts";
import {
  addReferrer,
  fallbackTag,
  filterReferrers,
  readReferrers,
  referrerDescriptor,
  removeReferrer,
  saysItsType,
} from "./referrers_index.ts";
import type { ImageIndex, Manifest } from "./types.ts";

const HEX = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

const TAGS: [digest: string, tag: string][] = [
  [`sha256:${HEX}`, `sha256-${HEX}`],
  [`sha512:${HEX}${HEX}`, `sha512-${HEX}`],
  ["test+algorithm+using+algorithm+separators:abc=", "test-algorithm-using-algorithm-s-abc-"],
  [`blake3:${"aB_=-".repeat(30)}`, `blake3-${"aB_--".repeat(12)}aB_-`],
];

for (const [digest, tag] of TAGS) {
  Deno.test(`end-12 fallback tag of ${digest.slice(0, 40)}`, () => {
    assertEquals(fallbackTag(digest), tag);
  });
}

for (const digest of ["", "latest", "sha256:", `SHA256:${HEX}`, `sha256:${HEX}0`, "sha256:../x"]) {
  Deno.test(`end-12 fallback tag refuses ${JSON.stringify(digest)}`, () => {
    assertThrows(() => fallbackTag(digest), InvalidDigestError);
  });
}

const CONFIG: Descriptor = {
  mediaType: "application/vnd.example.config",
  digest: `sha256:${HEX}`,
  size: 11,
};
const POINTER: Descriptor = {
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  digest: `sha256:${"0".repeat(64)}`,
  size: 500,
  artifactType: "application/vnd.stale",
  annotations: { stale: "yes" },
  platform: { architecture: "amd64", os: "linux" },
};
const SUBJECT = CONFIG;
const image = { schemaVersion: 2 as const, config: CONFIG, layers: [], subject: SUBJECT };
const index = { schemaVersion: 2 as const, manifests: [], subject: SUBJECT };
const annotations = { a: "1", b: "2" };

const artifactType = "application/spdx+json";
const byConfig = { artifactType: CONFIG.mediaType };

const ENTRIES: [name: string, manifest: Manifest, expected: Partial<Descriptor>][] = [
  ["an image's own artifactType", { ...image, artifactType }, { artifactType }],
  ["an image without artifactType: its config's media type", image, byConfig],
  [
    "an image with an empty artifactType: its config's media type",
    { ...image, artifactType: "" },
    byConfig,
  ],
  ["an index's own artifactType", { ...index, artifactType }, { artifactType }],
  ["an index without artifactType: none", index, {}],
  ["all annotations", { ...index, annotations }, { annotations }],
  ["empty annotations: none", { ...index, annotations: {} }, {}],
];

for (const [name, manifest, expected] of ENTRIES) {
  Deno.test(`end-12 referrer's entry: ${name}`, () => {
    assertEquals(referrerDescriptor(manifest, POINTER), {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: `sha256:${"0".repeat(64)}`,
      size: 500,
      ...expected,
    });
  });
}

Deno.test("end-12 referrer's entry: its annotations are a copy", () => {
  const entry = referrerDescriptor({ ...index, annotations }, POINTER);
  entry.annotations!.a = "changed";
  assertEquals(annotations.a, "1");
});

function referrer(digit: string, artifactType?: string): Descriptor {
  return {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: `sha256:${digit.repeat(64)}`,
    size: 500,
    ...(artifactType && { artifactType }),
  };
}

/** What another client wrote, with fields that nobody here knows. */
function foreignIndex(): ImageIndex {
  return parseManifest(encodeText(JSON.stringify({
    mediaType: "application/vnd.oci.image.index.v1+json",
    schemaVersion: 2,
    manifests: [{ ...referrer("1"), "x-seen": [1] }, referrer("2")],
    annotations: { "org.example": "kept" },
    "x-writer": { name: "another" },
  }))).manifest as ImageIndex;
}

Deno.test("addReferrer: without an index, a new one", () => {
  const entry = referrer("1");
  const made = addReferrer(undefined, entry);
  assertEquals(
    JSON.stringify(made),
    `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",` +
      `"manifests":[${JSON.stringify(entry)}]}`,
  );
  made.manifests[0]!.size = 1;
  assertEquals(entry.size, 500);
});

Deno.test("addReferrer: the new one last, everything else kept, nothing written to", () => {
  const before = foreignIndex();
  const after = addReferrer(before, referrer("3"));
  assertEquals(before, foreignIndex());
  assertEquals(after as unknown, {
    ...foreignIndex(),
    manifests: [{ ...referrer("1"), "x-seen": [1] }, referrer("2"), referrer("3")],
  });
  assertEquals(Object.keys(after), Object.keys(before));
});

Deno.test("addReferrer: one digest is there once; then the index given is answered", () => {
  const before = foreignIndex();
  assertStrictEquals(addReferrer(before, { ...referrer("1"), size: 7 }), before);
  assertEquals(before, foreignIndex());
});

Deno.test("removeReferrer: every entry of that digest goes, everything else is kept", () => {
  const before = foreignIndex();
  before.manifests.push(referrer("2"));
  const after = removeReferrer(before, referrer("2").digest);
  assertEquals(before.manifests.length, 3);
  assertEquals(after as unknown, {
    ...foreignIndex(),
    manifests: [{ ...referrer("1"), "x-seen": [1] }],
  });
});

Deno.test("removeReferrer: a digest that is not there answers the index given", () => {
  const before = foreignIndex();
  assertStrictEquals(removeReferrer(before, referrer("9").digest), before);
});

Deno.test("removeReferrer: the last one leaves an empty list", () => {
  const one = addReferrer(undefined, referrer("1"));
  assertEquals(removeReferrer(one, referrer("1").digest).manifests, []);
});

Deno.test("filterReferrers: by type, or all, as a list of its own", () => {
  const list = [referrer("1", "a/b"), referrer("2"), referrer("3", "c/d"), referrer("4", "a/b")];
  assertEquals(filterReferrers(list, "a/b"), [list[0], list[3]] as Descriptor[]);
  assertEquals(filterReferrers(list, "A/B"), []);
  assertEquals(filterReferrers(list), list);
  assertEquals(filterReferrers(list, ""), list);
  filterReferrers(list).pop();
  assertEquals(list.length, 4);
});

const LISTS: [name: string, list: unknown, expected: unknown[], skipped: string[]][] = [
  ["none", undefined, [], []],
  ["null", null, [], []],
  ["an entry with what only its writer knows", [{ ...referrer("1"), "x-seen": [1] }], [
    { ...referrer("1"), "x-seen": [1] },
  ], []],
  ["broken entries", [{}, referrer("1"), null], [referrer("1")], [
    "Cannot use referrer 0 as a descriptor: mediaType is not a string",
    "Cannot use referrer 2 as a descriptor: it is not an object",
  ]],
  ["nulls", [{ ...referrer("1"), annotations: { a: null, b: "c" }, platform: null }], [
    { ...referrer("1"), annotations: { b: "c" } },
  ], []],
  ["a name in another case", [{ ...referrer("1"), Digest: referrer("2").digest }], [], [
    'Cannot use the manifest: it has "Digest", which some readers take for digest',
  ]],
];

for (const [name, list, expected, skipped] of LISTS) {
  Deno.test(`readReferrers: ${name}`, () => {
    const reasons: string[] = [];
    const found = readReferrers(structuredClone(list), (reason) => reasons.push(reason));
    assertEquals([found as unknown[], reasons], [expected, skipped]);
  });
}

for (const list of ["x", {}, 1, false]) {
  Deno.test(`readReferrers: ${JSON.stringify(list)} is no list`, () => {
    assertThrows(() => readReferrers(list, () => {}), InvalidContentError, "is not a list");
  });
}

Deno.test("saysItsType: not by the types that anything may have", () => {
  const says = (artifactType?: string) => saysItsType({ ...referrer("1"), ...{ artifactType } });
  assertEquals(["a/b", "nonsense", MEDIA_TYPES.dockerConfig].map(says), [true, true, true]);
  const useless = [undefined, "", MEDIA_TYPES.ociConfig, MEDIA_TYPES.ociEmpty];
  assertEquals(useless.map(says), [false, false, false, false]);
});
