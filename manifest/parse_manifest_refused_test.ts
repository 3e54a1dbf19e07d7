import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { InvalidContentError, InvalidManifestError, ManifestVerificationError } from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { parseManifest, type ParseManifestOptions } from "./parse_manifest.ts";

const { ociManifest, ociIndex, dockerManifest } = MEDIA_TYPES;

const DIGEST = "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
const HELLO = { mediaType: "text/plain", digest: DIGEST, size: 11 };
const IMAGE = { schemaVersion: 2, config: HELLO, layers: [HELLO] };
const INDEX = { schemaVersion: 2, manifests: [HELLO] };

type Body = Record<string, unknown> | string | Uint8Array;

function parse(body: Body, options?: ParseManifestOptions) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return parseManifest(body instanceof Uint8Array ? body : encodeText(text), options);
}

function pointer(mediaType: string): Descriptor {
  return { mediaType, digest: DIGEST, size: 1 };
}

function image(fields: Record<string, unknown>): Record<string, unknown> {
  return { ...IMAGE, ...fields };
}

function index(fields: Record<string, unknown>): Record<string, unknown> {
  return { ...INDEX, ...fields };
}

function layer(fields: Record<string, unknown>): Record<string, unknown> {
  return image({ layers: [HELLO, { ...HELLO, ...fields }] });
}

function platform(platform: unknown): Record<string, unknown> {
  return index({ manifests: [{ ...HELLO, platform }] });
}

type Case = [name: string, body: Body, message: string, options?: ParseManifestOptions];

const SCHEMA_1 = ["v1+json", "v1+prettyjws"].flatMap((suffix): Case[] => {
  const mediaType = `application/vnd.docker.distribution.manifest.${suffix}`;
  const message = "schema 1 is not supported";
  return [
    [`schema 1 by its body, ${suffix}`, image({ mediaType }), message],
    [`schema 1 by its header, ${suffix}`, IMAGE, message, { mediaType }],
    [`schema 1 by its descriptor, ${suffix}`, IMAGE, message, { descriptor: pointer(mediaType) }],
  ];
});

const HALF = '{"schemaVersion":2,"layers":[';
const NOT_UTF8 = new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
const MANY = 200_000;
const LISTS = `{"schemaVersion":2,"layers":${"[".repeat(MANY)}${"]".repeat(MANY)}}`;
const OBJECTS = `${'{"a":'.repeat(MANY)}1${"}".repeat(MANY)}`;
const ABANDONED = { mediaType: "application/vnd.oci.artifact.manifest.v1+json", blobs: [] };
const NEITHER = { schemaVersion: 2, mediaType: ociManifest };
const OF_NO_KIND = 'its Content-Type says "image/png", which is the type of no manifest or index';

const INVALID: Case[] = [
  ["no bytes", "", "not JSON"],
  ["HTML", "<html></html>", "not JSON"],
  ["half a manifest", HALF, "JSON"],
  ["a byte order mark", "\ufeff{}", "not JSON"],
  ["bytes that are not UTF-8", NOT_UTF8, "not UTF-8"],
  ["null", "null", "not a JSON object"],
  ["a list", "[]", "not a JSON object"],
  ["a string", '"manifest"', "not a JSON object"],
  ["a bomb of 200,000 lists", LISTS, "nests deeper than 1000 levels"],
  ["a bomb of 200,000 objects", OBJECTS, "nests deeper than 1000 levels"],
  ["an empty object", {}, "schemaVersion is undefined, not 2"],
  ["a registry's error", { errors: [{ code: "DENIED" }] }, "schemaVersion is undefined"],
  ["schemaVersion as a string", image({ schemaVersion: "2" }), 'schemaVersion is "2", not 2'],
  ["schemaVersion 3", image({ schemaVersion: 3 }), "3"],
  ["schema 1 by its version", { schemaVersion: 1, fsLayers: [] }, "schema 1 is not supported"],
  ...SCHEMA_1,
  ["the abandoned artifact manifest", ABANDONED, "abandoned format"],
  ["a header of another kind", IMAGE, OF_NO_KIND, { mediaType: "image/png; q=1" }],
  ["a mediaType of another kind", image({ mediaType: "text/css" }), 'its body says "text/css"'],
  ["mediaType a number", image({ mediaType: 5 }), "string"],
  ["neither layers nor manifests", NEITHER, "neither config and layers nor manifests"],
  [
    "no config",
    image({ config: undefined }),
    "Cannot use config as a descriptor: it is not an object",
  ],
  ["config null", image({ config: null }), "config"],
  ["config a list", image({ config: [HELLO] }), "config"],
  ["layers an object", image({ layers: {} }), "not a list"],
  ["manifests a string", index({ manifests: "x" }), "manifests is not a list"],
  ["a layer that is a list", image({ layers: [HELLO, []] }), "layers[1] as a descriptor"],
  [
    "a layer without a media type",
    layer({ mediaType: undefined }),
    "layers[1] as a descriptor: mediaType",
  ],
  ["a layer with half a digest", layer({ digest: "sha256:b94d" }), "digest is not a digest"],
  ["a digest that is a path", layer({ digest: "../../etc/passwd" }), "digest is not a digest"],
  ["a negative size", layer({ size: -1 }), "size"],
  ["half a byte", layer({ size: 0.5 }), "size"],
  ["a size as text", layer({ size: "11" }), "size"],
  ["a size of 2^53", layer({ size: 2 ** 53 }), "size"],
  ["urls a string", layer({ urls: "https://a.io" }), "layers[1].urls is not a list of strings"],
  ["urls of numbers", layer({ urls: [1] }), "layers[1].urls"],
  ["data an object", layer({ data: {} }), "layers[1].data"],
  [
    "a number in a layer's annotations",
    layer({ annotations: { a: 1 } }),
    "layers[1].annotations is not an object of strings",
  ],
  [
    "annotations a list",
    image({ annotations: ["a"] }),
    "manifest: annotations is not an object of strings",
  ],
  ["artifactType a number", index({ artifactType: 1 }), "artifactType is not a string"],
  [
    "a platform that is a string",
    platform("linux/amd64"),
    "manifests[0].platform is not an object",
  ],
  [
    "a platform's os a number",
    platform({ os: 1, architecture: "amd64" }),
    "manifests[0].platform.os is not a string",
  ],
  ["a subject that is a digest", image({ subject: DIGEST }), "Cannot use subject as a descriptor"],
];

const OCI = { mediaType: ociManifest };
const LAYERS_TWICE = `{"schemaVersion":2,"layers":[],"config":${
  JSON.stringify(HELLO)
},"layers":[]}`;
const DIGEST_TWICE = JSON.stringify(IMAGE).replace("11}]", `11,"digest":"${DIGEST}"}]`);
const INDEX_WITH_LAYERS = { schemaVersion: 2, mediaType: ociIndex, layers: [], manifests: [] };
const IMAGE_WITH_MANIFESTS = { schemaVersion: 2, ...OCI, config: HELLO, manifests: [] };
const LAYERS_ALONE = { schemaVersion: 2, config: HELLO, Layers: [HELLO] };
const DOCKER_AND_OCI = `its Content-Type says "${dockerManifest}", its body says "${ociManifest}"`;

const TWO_MEANINGS: Case[] = [
  ["the body and the header disagree", image(OCI), DOCKER_AND_OCI, { mediaType: dockerManifest }],
  [
    "the body and the descriptor disagree",
    image(OCI),
    `its descriptor says "${ociIndex}"`,
    { ...OCI, descriptor: pointer(ociIndex) },
  ],
  [
    "the header and the descriptor disagree",
    IMAGE,
    `its descriptor says "${dockerManifest}"`,
    { ...OCI, descriptor: pointer(dockerManifest) },
  ],
  ["layers twice", LAYERS_TWICE, '"layers" twice'],
  ["a layer's digest twice", DIGEST_TWICE, '"digest" twice'],
  ["a layer's Digest", layer({ Digest: DIGEST }), "Digest"],
  ["a platform's OS", platform({ OS: "linux" }), '"OS"'],
];

const CVE_2021_41190: Case[] = [
  ["layers and manifests", { ...IMAGE, ...INDEX }, "both manifests and config"],
  ["layers and manifests, typed as an index", INDEX_WITH_LAYERS, "both manifests and layers"],
  ["config and manifests, typed as an image", IMAGE_WITH_MANIFESTS, "both manifests and config"],
  [
    "Manifests in an image",
    image({ Manifests: [HELLO] }),
    '"Manifests", which some readers take for manifests',
  ],
  [
    "LAYERS in an index",
    index({ LAYERS: [HELLO] }),
    '"LAYERS", which some readers take for layers',
  ],
  ["Layers beside layers", image({ Layers: [] }), '"Layers"'],
  ["Layers alone", LAYERS_ALONE, '"Layers"'],
  ["layer\u017f, which Go folds to layers", index({ "layer\u017f": [HELLO] }), "take for layers"],
  ["MediaType beside mediaType", image({ ...OCI, MediaType: ociIndex }), '"MediaType"'],
  ["an image under an index's header", IMAGE, "its members are those of an image", {
    mediaType: ociIndex,
  }],
  [
    "an index that says it is an image",
    index({ mediaType: dockerManifest }),
    "its members are those of an index",
  ],
  ["fsLayers in schema 2", image({ fsLayers: [] }), "fsLayers of schema 1"],
  ["fsLayers in an index", index({ fsLayers: [] }), "both manifests and fsLayers"],
];

for (const [name, body, message, options] of INVALID) {
  Deno.test(`parseManifest refuses ${name}`, () => {
    assertThrows(() => parse(body, options), InvalidManifestError, message);
  });
}

for (const [name, body, message, options] of TWO_MEANINGS) {
  Deno.test(`parseManifest refuses two meanings: ${name}`, () => {
    assertThrows(() => parse(body, options), ManifestVerificationError, message);
  });
}

for (const [name, body, message, options] of CVE_2021_41190) {
  Deno.test(`parseManifest refuses CVE-2021-41190: ${name}`, () => {
    assertThrows(() => parse(body, options), ManifestVerificationError, message);
  });
}

Deno.test("parseManifest keeps the cause of a descriptor's error", () => {
  const error = assertThrows(() => parse(layer({ size: -1 })), InvalidManifestError);
  assertInstanceOf(error.cause, InvalidContentError);
});

Deno.test("parseManifest cuts and escapes foreign text in its messages", () => {
  const error = assertThrows(
    () => parse({ ...IMAGE, mediaType: "\u001b[31m".repeat(10_000) }),
    InvalidManifestError,
  );
  assertEquals(error.message.includes("\u001b"), false);
  assertEquals(error.message.length < 1_000, true);
});
