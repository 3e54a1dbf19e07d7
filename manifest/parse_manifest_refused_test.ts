import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { type ApiError, InvalidContentError, InvalidManifestError } from "../errors.ts";
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

const INVALID = "INVALID_MANIFEST";
const TWO_MEANINGS = "MANIFEST_VERIFICATION";

function layer(fields: Record<string, unknown>): Record<string, unknown> {
  return { ...IMAGE, layers: [HELLO, { ...HELLO, ...fields }] };
}

const REFUSED: {
  name: string;
  body: Body;
  options?: ParseManifestOptions;
  code: string;
  message: string;
}[] = [
  { name: "no bytes", body: "", code: INVALID, message: "not JSON" },
  { name: "HTML", body: "<html></html>", code: INVALID, message: "not JSON" },
  {
    name: "half a manifest",
    body: '{"schemaVersion":2,"layers":[',
    code: INVALID,
    message: "JSON",
  },
  { name: "a byte order mark", body: "\ufeff{}", code: INVALID, message: "not JSON" },
  {
    name: "bytes that are not UTF-8",
    body: new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    code: INVALID,
    message: "not UTF-8",
  },
  { name: "null", body: "null", code: INVALID, message: "not a JSON object" },
  { name: "a list", body: "[]", code: INVALID, message: "not a JSON object" },
  { name: "a string", body: '"manifest"', code: INVALID, message: "not a JSON object" },
  {
    name: "a bomb of 200,000 lists",
    body: `{"schemaVersion":2,"layers":${"[".repeat(200_000)}${"]".repeat(200_000)}}`,
    code: INVALID,
    message: "nests deeper than 1000 levels",
  },
  {
    name: "a bomb of 200,000 objects",
    body: `${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}`,
    code: INVALID,
    message: "nests deeper than 1000 levels",
  },
  {
    name: "an empty object",
    body: {},
    code: INVALID,
    message: "schemaVersion is undefined, not 2",
  },
  {
    name: "a registry's error",
    body: { errors: [{ code: "DENIED" }] },
    code: INVALID,
    message: "schemaVersion is undefined",
  },
  {
    name: "schemaVersion as a string",
    body: { ...IMAGE, schemaVersion: "2" },
    code: INVALID,
    message: 'schemaVersion is "2", not 2',
  },
  { name: "schemaVersion 3", body: { ...IMAGE, schemaVersion: 3 }, code: INVALID, message: "3" },
  {
    name: "schema 1 by its version",
    body: { schemaVersion: 1, name: "a", tag: "b", fsLayers: [] },
    code: INVALID,
    message: "schema 1 is not supported",
  },
  ...["v1+json", "v1+prettyjws"].flatMap((suffix) => {
    const mediaType = `application/vnd.docker.distribution.manifest.${suffix}`;
    const expected = { code: INVALID, message: "schema 1 is not supported" };
    return [
      { name: `schema 1 by its body, ${suffix}`, body: { ...IMAGE, mediaType }, ...expected },
      {
        name: `schema 1 by its header, ${suffix}`,
        body: IMAGE,
        options: { mediaType },
        ...expected,
      },
      {
        name: `schema 1 by its descriptor, ${suffix}`,
        body: IMAGE,
        options: { descriptor: pointer(mediaType) },
        ...expected,
      },
    ];
  }),
  {
    name: "the abandoned artifact manifest",
    body: { mediaType: "application/vnd.oci.artifact.manifest.v1+json", blobs: [] },
    code: INVALID,
    message: "abandoned format",
  },
  {
    name: "a header of another kind",
    body: IMAGE,
    options: { mediaType: "image/png; q=1" },
    code: INVALID,
    message: 'its Content-Type says "image/png", which is the type of no manifest or index',
  },
  {
    name: "a mediaType of another kind",
    body: { ...IMAGE, mediaType: "application/json" },
    code: INVALID,
    message: 'its body says "application/json"',
  },
  {
    name: "mediaType a number",
    body: { ...IMAGE, mediaType: 5 },
    code: INVALID,
    message: "string",
  },
  {
    name: "the body and the header disagree",
    body: { ...IMAGE, mediaType: ociManifest },
    options: { mediaType: dockerManifest },
    code: TWO_MEANINGS,
    message: `its Content-Type says "${dockerManifest}", its body says "${ociManifest}"`,
  },
  {
    name: "the body and the descriptor disagree",
    body: { ...IMAGE, mediaType: ociManifest },
    options: { mediaType: ociManifest, descriptor: pointer(ociIndex) },
    code: TWO_MEANINGS,
    message: `its descriptor says "${ociIndex}"`,
  },
  {
    name: "the header and the descriptor disagree",
    body: IMAGE,
    options: { mediaType: ociManifest, descriptor: pointer(dockerManifest) },
    code: TWO_MEANINGS,
    message: `its descriptor says "${dockerManifest}"`,
  },
  {
    name: "CVE-2021-41190: layers and manifests",
    body: { ...IMAGE, ...INDEX },
    code: TWO_MEANINGS,
    message: "both manifests and config",
  },
  {
    name: "CVE-2021-41190: layers and manifests, typed as an index",
    body: { schemaVersion: 2, mediaType: ociIndex, layers: [], manifests: [] },
    code: TWO_MEANINGS,
    message: "both manifests and layers",
  },
  {
    name: "CVE-2021-41190: config and manifests, typed as an image",
    body: { schemaVersion: 2, mediaType: ociManifest, config: HELLO, manifests: [] },
    code: TWO_MEANINGS,
    message: "both manifests and config",
  },
  {
    name: "CVE-2021-41190: Manifests in an image",
    body: { ...IMAGE, Manifests: [HELLO] },
    code: TWO_MEANINGS,
    message: '"Manifests", which some readers take for manifests',
  },
  {
    name: "CVE-2021-41190: LAYERS in an index",
    body: { ...INDEX, LAYERS: [HELLO] },
    code: TWO_MEANINGS,
    message: '"LAYERS", which some readers take for layers',
  },
  {
    name: "CVE-2021-41190: Layers beside layers",
    body: { ...IMAGE, Layers: [] },
    code: TWO_MEANINGS,
    message: '"Layers"',
  },
  {
    name: "CVE-2021-41190: Layers alone",
    body: { schemaVersion: 2, config: HELLO, Layers: [HELLO] },
    code: TWO_MEANINGS,
    message: '"Layers"',
  },
  {
    name: "CVE-2021-41190: layer\u017f, which Go folds to layers",
    body: { ...INDEX, "layer\u017f": [HELLO] },
    code: TWO_MEANINGS,
    message: "take for layers",
  },
  {
    name: "CVE-2021-41190: MediaType beside mediaType",
    body: { ...IMAGE, mediaType: ociManifest, MediaType: ociIndex },
    code: TWO_MEANINGS,
    message: '"MediaType"',
  },
  {
    name: "CVE-2021-41190: an image under an index's header",
    body: IMAGE,
    options: { mediaType: ociIndex },
    code: TWO_MEANINGS,
    message: "its members are those of an image",
  },
  {
    name: "CVE-2021-41190: an index that says it is an image",
    body: { ...INDEX, mediaType: dockerManifest },
    code: TWO_MEANINGS,
    message: "its members are those of an index",
  },
  {
    name: "CVE-2021-41190: fsLayers in schema 2",
    body: { ...IMAGE, fsLayers: [] },
    code: TWO_MEANINGS,
    message: "fsLayers of schema 1",
  },
  {
    name: "CVE-2021-41190: fsLayers in an index",
    body: { ...INDEX, fsLayers: [] },
    code: TWO_MEANINGS,
    message: "both manifests and fsLayers",
  },
  {
    name: "layers twice",
    body: `{"schemaVersion":2,"layers":[],"config":${JSON.stringify(HELLO)},"layers":[]}`,
    code: TWO_MEANINGS,
    message: '"layers" twice',
  },
  {
    name: "a layer's digest twice",
    body: JSON.stringify(IMAGE).replace('"size":11}]', `"size":11,"digest":"${DIGEST}"}]`),
    code: TWO_MEANINGS,
    message: '"digest" twice',
  },
  {
    name: "a layer's Digest",
    body: layer({ Digest: DIGEST }),
    code: TWO_MEANINGS,
    message: "Digest",
  },
  {
    name: "a platform's OS",
    body: { ...INDEX, manifests: [{ ...HELLO, platform: { OS: "linux" } }] },
    code: TWO_MEANINGS,
    message: '"OS"',
  },
  {
    name: "neither layers nor manifests",
    body: { schemaVersion: 2, mediaType: ociManifest },
    code: INVALID,
    message: "neither config and layers nor manifests",
  },
  {
    name: "no config",
    body: { schemaVersion: 2, layers: [] },
    code: INVALID,
    message: "Cannot use config as a descriptor: it is not an object",
  },
  { name: "config null", body: { ...IMAGE, config: null }, code: INVALID, message: "config" },
  { name: "config a list", body: { ...IMAGE, config: [HELLO] }, code: INVALID, message: "config" },
  {
    name: "layers an object",
    body: { ...IMAGE, layers: {} },
    code: INVALID,
    message: "not a list",
  },
  {
    name: "manifests a string",
    body: { ...INDEX, manifests: "x" },
    code: INVALID,
    message: "manifests is not a list",
  },
  {
    name: "a layer that is a list",
    body: { ...IMAGE, layers: [HELLO, []] },
    code: INVALID,
    message: "layers[1] as a descriptor",
  },
  {
    name: "a layer without a media type",
    body: layer({ mediaType: undefined }),
    code: INVALID,
    message: "layers[1] as a descriptor: mediaType",
  },
  {
    name: "a layer with half a digest",
    body: layer({ digest: "sha256:b94d" }),
    code: INVALID,
    message: "digest is not a digest",
  },
  {
    name: "a digest that is a path",
    body: layer({ digest: "../../etc/passwd" }),
    code: INVALID,
    message: "digest is not a digest",
  },
  { name: "a negative size", body: layer({ size: -1 }), code: INVALID, message: "size" },
  { name: "half a byte", body: layer({ size: 0.5 }), code: INVALID, message: "size" },
  { name: "a size as text", body: layer({ size: "11" }), code: INVALID, message: "size" },
  { name: "a size of 2^53", body: layer({ size: 2 ** 53 }), code: INVALID, message: "size" },
  {
    name: "urls a string",
    body: layer({ urls: "https://example.com" }),
    code: INVALID,
    message: "layers[1].urls is not a list of strings",
  },
  { name: "urls of numbers", body: layer({ urls: [1] }), code: INVALID, message: "layers[1].urls" },
  { name: "data an object", body: layer({ data: {} }), code: INVALID, message: "layers[1].data" },
  {
    name: "an annotation that is a number",
    body: layer({ annotations: { a: 1 } }),
    code: INVALID,
    message: "layers[1].annotations is not an object of strings",
  },
  {
    name: "annotations a list",
    body: { ...IMAGE, annotations: ["a"] },
    code: INVALID,
    message: "manifest: annotations is not an object of strings",
  },
  {
    name: "artifactType a number",
    body: { ...INDEX, artifactType: 1 },
    code: INVALID,
    message: "artifactType is not a string",
  },
  {
    name: "a platform that is a string",
    body: { ...INDEX, manifests: [{ ...HELLO, platform: "linux/amd64" }] },
    code: INVALID,
    message: "manifests[0].platform is not an object",
  },
  {
    name: "a platform's os a number",
    body: { ...INDEX, manifests: [{ ...HELLO, platform: { os: 1, architecture: "amd64" } }] },
    code: INVALID,
    message: "manifests[0].platform.os is not a string",
  },
  {
    name: "a subject that is a digest",
    body: { ...IMAGE, subject: DIGEST },
    code: INVALID,
    message: "Cannot use subject as a descriptor",
  },
];

for (const { name, body, options, code, message } of REFUSED) {
  Deno.test(`parseManifest refuses ${name}`, () => {
    const error = assertThrows(() => parse(body, options), Error, message) as ApiError;
    assertEquals(error.code, code);
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
