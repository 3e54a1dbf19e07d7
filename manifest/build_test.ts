import { assertEquals, assertRejects } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import {
  buildIndex,
  type BuildIndexOptions,
  buildManifest,
  type BuildManifestOptions,
  EMPTY_CONFIG,
  EMPTY_CONFIG_BYTES,
} from "./build.ts";
import { encodeManifest } from "./encode_manifest.ts";
import { parseManifest } from "./parse_manifest.ts";
import type { Manifest } from "./types.ts";

const DIGEST = "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
const HELLO: Descriptor = { size: 11, digest: DIGEST, mediaType: "text/plain" };
const SUBJECT: Descriptor = { digest: DIGEST, size: 11, mediaType: MEDIA_TYPES.ociManifest };
const NOTE = "application/vnd.example.note";

// The digests below were computed with sha256sum and sha512sum over texts written by hand.

Deno.test("EMPTY_CONFIG: the digest of {}", async () => {
  const digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  assertEquals(EMPTY_CONFIG, { mediaType: "application/vnd.oci.empty.v1+json", digest, size: 2 });
  assertEquals(EMPTY_CONFIG_BYTES, encodeText("{}"));
  assertEquals(await digestOf(EMPTY_CONFIG_BYTES), digest);
});

Deno.test("buildManifest: an artifact with everything, byte for byte", async () => {
  const { bytes, descriptor, manifest } = await buildManifest({
    annotations: { b: "1", a: "2" },
    subject: SUBJECT,
    layers: [{ annotations: { "org.opencontainers.image.title": "hello.txt" }, ...HELLO }],
    artifactType: NOTE,
  });
  assertEquals(
    new TextDecoder().decode(bytes),
    `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
      `"artifactType":"${NOTE}",` +
      `"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"${EMPTY_CONFIG.digest}","size":2},` +
      `"layers":[{"mediaType":"text/plain","digest":"${DIGEST}","size":11,` +
      `"annotations":{"org.opencontainers.image.title":"hello.txt"}}],` +
      `"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"${DIGEST}","size":11},` +
      `"annotations":{"b":"1","a":"2"}}`,
  );
  assertEquals(descriptor, {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: "sha256:190413a93e1f56c05eda4ebb6dba16bacea5ea0d0124da2d85821eb98632795f",
    size: 659,
    artifactType: NOTE,
  });
  assertEquals(parseManifest(bytes, { descriptor }).manifest, manifest);
});

Deno.test("buildManifest: Docker's format, byte for byte", async () => {
  const { descriptor, manifest } = await buildManifest({
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    config: { ...HELLO, mediaType: "application/vnd.docker.container.image.v1+json" },
    layers: [],
  });
  assertEquals(descriptor, {
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    digest: "sha256:b5c1f29e1ae63163e68f6dda41877e6ee0c375e807e0f0dc1e8777014eed7fcb",
    size: 263,
  });
  const narrowed: "application/vnd.docker.distribution.manifest.v2+json" = manifest.mediaType;
  assertEquals(narrowed, manifest.mediaType);
});

Deno.test("buildIndex: everything, byte for byte", async () => {
  const { descriptor, bytes, manifest } = await buildIndex({
    manifests: [{ ...SUBJECT, platform: { architecture: "arm64", os: "linux" } }],
    subject: SUBJECT,
    annotations: { a: "1" },
    artifactType: "application/vnd.example.set",
  });
  assertEquals(descriptor, {
    mediaType: "application/vnd.oci.image.index.v1+json",
    digest: "sha256:f4cb60e51c294e2fc6c1ec0a2112496155b2f822cf875641f54cec4ff7203bff",
    size: 519,
    artifactType: "application/vnd.example.set",
  });
  assertEquals(parseManifest(bytes, { descriptor }).manifest, manifest);
});

Deno.test("buildIndex: a sha512 digest where it is asked for", async () => {
  const { descriptor } = await buildIndex({ manifests: [], digestAlgorithm: "sha512" });
  assertEquals(
    descriptor.digest,
    "sha512:9aae944bbf9b4ac0e315830fe8c71f9cb51d9d9f40551cc110542f30eccc8d24" +
      "d4a7dc45070ac288d5cbd766596fd852016cc45ac91a9ce61303c66197064913",
  );
});

Deno.test("buildManifest: empty annotations are left out, unknown descriptor fields stay", async () => {
  const config = { ...HELLO, "org.example": [1] };
  const { manifest } = await buildManifest({ config, layers: [], annotations: {} });
  assertEquals(Object.keys(manifest), ["schemaVersion", "mediaType", "config", "layers"]);
  assertEquals(Object.keys(manifest.config), ["mediaType", "digest", "size", "org.example"]);
});

Deno.test("buildManifest: the caller's objects are neither changed nor shared", async () => {
  const options = Object.freeze({
    config: Object.freeze({ ...HELLO }),
    layers: Object.freeze([Object.freeze({ ...HELLO })]),
    annotations: Object.freeze({ a: "1" }),
  });
  const { manifest } = await buildManifest(options);
  manifest.layers[0]!.size = 5;
  manifest.annotations!.a = "2";
  assertEquals(options.layers[0]!.size, 11);
  assertEquals(options.annotations.a, "1");
});

Deno.test("buildManifest: non-ASCII annotations count in bytes", async () => {
  const { descriptor, bytes } = await buildManifest({
    config: HELLO,
    layers: [],
    annotations: { a: "äß€" },
  });
  const ascii = await buildManifest({ config: HELLO, layers: [], annotations: { a: "abc" } });
  assertEquals(descriptor.size, bytes.byteLength);
  assertEquals(descriptor.size, ascii.descriptor.size + 4);
});

Deno.test("encodeManifest: the media type is the manifest's own, else its kind's", async () => {
  const image = await encodeManifest({ schemaVersion: 2, config: HELLO, layers: [] });
  assertEquals(image.descriptor.mediaType, MEDIA_TYPES.ociManifest);
  const list = await encodeManifest({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.dockerManifestList,
    manifests: [],
  });
  assertEquals(list.descriptor.mediaType, MEDIA_TYPES.dockerManifestList);
});

Deno.test("encodeManifest: an empty artifactType is none", async () => {
  const empty = { schemaVersion: 2 as const, artifactType: "", manifests: [] };
  const { descriptor } = await encodeManifest(empty);
  assertEquals(Object.keys(descriptor), ["mediaType", "digest", "size"]);
});

const mediaType = MEDIA_TYPES.dockerManifest;
const artifact = { config: undefined };
/** Each with `config: HELLO` and no layers, where the options do not say otherwise. */
const REFUSED: [name: string, options: Record<string, unknown>, message: string][] = [
  ["neither config nor artifactType", artifact, "'config' or"],
  [
    "the empty config without artifactType",
    { config: EMPTY_CONFIG },
    "'artifactType' must be given where the config is the empty one",
  ],
  [
    "an empty artifactType",
    { artifactType: "" },
    `'artifactType' must be a media type: current value is ""`,
  ],
  ["an artifactType without a slash", { ...artifact, artifactType: "sbom" }, `value is "sbom"`],
  [
    "an artifactType with a line break",
    { ...artifact, artifactType: "text/plain\nx" },
    "must be a media type",
  ],
  ["no layers", { layers: undefined }, "'layers' must be a list"],
  [
    "a layer without a size",
    { layers: [HELLO, { ...HELLO, size: undefined }] },
    "Cannot use layers[1] as a descriptor: size",
  ],
  [
    "a config with a malformed digest",
    { config: { ...HELLO, digest: "sha256:x" } },
    "Cannot use config as a descriptor: digest",
  ],
  ["a subject that is a digest", { subject: DIGEST }, "Cannot use subject as a descriptor"],
  [
    "an annotation that is a number",
    { annotations: { n: 1 } },
    `'annotations' must be an object of strings: current value of "n" is 1`,
  ],
  [
    "another media type",
    { mediaType: "text/plain" },
    `'mediaType' must be OCI's or Docker's: current value is "text/plain"`,
  ],
  [
    "a subject in Docker's format",
    { mediaType, subject: SUBJECT },
    "'subject' must be left out of Docker's format",
  ],
  [
    "annotations in Docker's format",
    { mediaType, annotations: {} },
    "'annotations' must be left out",
  ],
];

for (const [name, options, message] of REFUSED) {
  Deno.test(`buildManifest refuses ${name}`, async () => {
    const all = { config: HELLO, layers: [], ...options } as BuildManifestOptions;
    await assertRejects(() => buildManifest(all), InvalidOptionError, message);
  });
}

Deno.test("buildManifest: an artifactType may carry a parameter", async () => {
  const artifactType = "application/vnd.cyclonedx+json; version=1.6";
  const { manifest } = await buildManifest({ layers: [], artifactType });
  assertEquals(manifest.artifactType, artifactType);
});

Deno.test("buildIndex refuses what is not a list of descriptors", async () => {
  const table = [
    { manifests: undefined, message: "'manifests' must be a list" },
    { manifests: [null], message: "Cannot use manifests[0] as a descriptor: it is not an object" },
  ];
  for (const { manifests, message } of table) {
    await assertRejects(
      () => buildIndex({ manifests } as unknown as BuildIndexOptions),
      InvalidOptionError,
      message,
    );
  }
});

const CONTENTS: [title: string, options: BuildManifestOptions, digests: string[]][] = [
  ["the empty config", { artifactType: "a/b", layers: [HELLO] }, [EMPTY_CONFIG.digest]],
  [
    "the empty config and an empty layer, once",
    { artifactType: "a/b", layers: [EMPTY_CONFIG] },
    [EMPTY_CONFIG.digest],
  ],
  [
    "an empty layer under another type",
    { artifactType: "a/b", config: HELLO, layers: [{ ...EMPTY_CONFIG, mediaType: "a/json" }] },
    [EMPTY_CONFIG.digest],
  ],
  ["no empty content", { artifactType: "a/b", config: HELLO, layers: [HELLO] }, []],
];

for (const [title, options, digests] of CONTENTS) {
  Deno.test(`buildManifest says what else is to be pushed: ${title}`, async () => {
    const { contents } = await buildManifest(options);
    assertEquals(contents.map(({ descriptor }) => descriptor.digest), digests);
    for (const { descriptor, bytes } of contents) {
      assertEquals(await digestOf(bytes), descriptor.digest);
      assertEquals(bytes.byteLength, descriptor.size);
    }
  });
}

Deno.test("annotations of every kind of manifest are of one type", () => {
  const annotationsOf = (manifest: Manifest): Record<string, string> | undefined =>
    manifest.annotations;
  assertEquals(annotationsOf({ schemaVersion: 2, manifests: [], annotations: { a: "b" } }), {
    a: "b",
  });
});
