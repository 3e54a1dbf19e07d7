import { assertEquals, assertStrictEquals } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { parseManifest, type ParseManifestOptions } from "./parse_manifest.ts";

const { ociManifest, ociIndex, dockerManifest, dockerManifestList } = MEDIA_TYPES;

const DIGEST = "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
const HELLO = { mediaType: "text/plain", digest: DIGEST, size: 11 };
const IMAGE = { schemaVersion: 2, config: HELLO, layers: [HELLO] };
const INDEX = { schemaVersion: 2, manifests: [HELLO] };

function parse(body: Record<string, unknown>, options?: ParseManifestOptions) {
  return parseManifest(encodeText(JSON.stringify(body)), options);
}

function pointer(mediaType: string): Descriptor {
  return { mediaType, digest: DIGEST, size: 1 };
}

const OCI = { mediaType: ociManifest };
const DOCKER = { mediaType: dockerManifest };
const LIST = { mediaType: dockerManifestList };
const ALL = { mediaType: ociIndex, descriptor: pointer(ociIndex) };
const CAPITALS = { mediaType: ociManifest.toUpperCase() };

type Case = [
  name: string,
  body: Record<string, unknown>,
  expected: string,
  options?: ParseManifestOptions,
];

const GENERIC = [
  ...["application/json", "application/octet-stream", "text/plain; charset=utf-8", ""],
  ...["text/html", "text/json", "TEXT/X; a=b", "text/html, text/html"],
  `${dockerManifestList}, ${dockerManifestList}`,
  `${dockerManifestList};charset=utf-8, application/json`,
].map((mediaType): Case => [
  `a generic header (${mediaType}) gives way to the body`,
  { ...INDEX, ...LIST },
  dockerManifestList,
  { mediaType },
]);

const MEDIA_TYPE_TABLE: Case[] = [
  ["no type anywhere, layers", IMAGE, ociManifest],
  ["no type anywhere, manifests", INDEX, ociIndex],
  ["only the body's type", { ...IMAGE, ...DOCKER }, dockerManifest],
  ["only the header", IMAGE, dockerManifest, DOCKER],
  ["only the descriptor", INDEX, dockerManifestList, { descriptor: pointer(dockerManifestList) }],
  ["all three", { ...INDEX, mediaType: ociIndex }, ociIndex, ALL],
  [
    "a header with parameters",
    { ...IMAGE, ...OCI },
    ociManifest,
    { mediaType: `${ociManifest}; charset=utf-8` },
  ],
  ["a header in capitals", { ...IMAGE, ...OCI }, ociManifest, CAPITALS],
  ["a body in capitals", { ...IMAGE, ...CAPITALS }, ociManifest, OCI],
  ...GENERIC,
  ["a generic header, the members decide", INDEX, ociIndex, { mediaType: "binary/octet-stream" }],
  ["a null mediaType in the body", { ...IMAGE, mediaType: null }, ociManifest, OCI],
  ["layers null decides for an image", { ...IMAGE, layers: null }, ociManifest],
  ["manifests null decides for an index", { ...INDEX, manifests: null }, ociIndex],
  ["manifests null beside layers is absent", { ...IMAGE, manifests: null }, ociManifest],
];

for (const [name, body, expected, options] of MEDIA_TYPE_TABLE) {
  Deno.test(`parseManifest media type: ${name}`, () => {
    assertEquals(parse(body, options).mediaType, expected);
  });
}

function layer(fields: Record<string, unknown>): Record<string, unknown> {
  return { ...IMAGE, layers: [HELLO, { ...HELLO, ...fields }] };
}

const FULL = {
  schemaVersion: 2,
  mediaType: ociIndex,
  artifactType: "application/vnd.example",
  manifests: [{
    ...HELLO,
    urls: [],
    annotations: {},
    data: "aGVsbG8gd29ybGQ=",
    platform: { architecture: "amd64", os: "windows", "os.version": "10.0", "os.features": [] },
    artifactType: "text/plain",
  }],
  subject: HELLO,
  annotations: { a: "b", Layers: "not a member", __proto: "" },
};

const UNTOUCHED: [name: string, body: Record<string, unknown>][] = [
  ["unknown fields", { ...IMAGE, x: { y: [null] }, config: { ...HELLO, z: null } }],
  ["unknown layer types", layer({ mediaType: "application/vnd.cncf.helm.chart" })],
  ["empty lists", { ...IMAGE, layers: [] }],
  ["unknown digest algorithms", layer({ digest: "blake3:abc_=-" })],
  ["every optional field", FULL],
];

for (const [name, body] of UNTOUCHED) {
  Deno.test(`parseManifest leaves ${name} alone`, () => {
    assertEquals(parse(body).manifest as unknown, body);
  });
}

const settled: [name: string, body: Record<string, unknown>, expected: unknown][] = [
  ["layers null becomes a list", { ...IMAGE, layers: null }, { ...IMAGE, layers: [] }],
  [
    "layers that are missing become a list",
    { ...IMAGE, layers: undefined },
    { ...IMAGE, layers: [] },
  ],
  [
    "optional fields that are null go",
    {
      ...IMAGE,
      mediaType: null,
      artifactType: null,
      subject: null,
      annotations: null,
      config: { ...HELLO, urls: null, platform: null, annotations: null, data: null },
    },
    IMAGE,
  ],
  [
    "what is null in lists and maps goes",
    {
      ...IMAGE,
      annotations: { a: "b", c: null },
      config: { ...HELLO, annotations: { d: null }, urls: [null, "https://a.test", null] },
      layers: [null, { ...HELLO, urls: [null] }, null],
    },
    {
      ...IMAGE,
      annotations: { a: "b" },
      config: { ...HELLO, annotations: {}, urls: ["https://a.test"] },
      layers: [{ ...HELLO, urls: [] }],
    },
  ],
  ["what is null in a list of manifests goes", { ...INDEX, manifests: [null, HELLO] }, INDEX],
  [
    "entries of Docker's lists get a platform",
    { ...INDEX, ...LIST },
    { ...INDEX, ...LIST, manifests: [{ ...HELLO, platform: { architecture: "", os: "" } }] },
  ],
];

const PLATFORMS: [name: string, given: object, expected: object][] = [
  [
    "what is null in a platform goes",
    { os: "linux", architecture: "arm", "os.features": [null, "a"], features: null },
    { os: "linux", architecture: "arm", "os.features": ["a"] },
  ],
  [
    "a platform gets its two names",
    { os: "linux", variant: null },
    { os: "linux", architecture: "" },
  ],
  ["a platform gets its other name", { architecture: "amd64" }, { architecture: "amd64", os: "" }],
];

for (const [name, given, expected] of PLATFORMS) {
  const withPlatform = (platform: object) => ({ ...INDEX, manifests: [{ ...HELLO, platform }] });
  settled.push([name, withPlatform(given), withPlatform(expected)]);
}

for (const [name, body, expected] of settled) {
  Deno.test(`parseManifest settles the typed value: ${name}`, () => {
    const bytes = encodeText(JSON.stringify(body));
    const before = bytes.slice();
    const parsed = parseManifest(bytes);
    assertEquals(parsed.manifest as unknown, expected);
    assertEquals(parsed.bytes, before);
  });
}

Deno.test("parseManifest settles the typed value: Docker's formats get their media type", () => {
  assertEquals(parse(IMAGE, DOCKER).manifest as unknown, { ...IMAGE, ...DOCKER });
});

Deno.test("parseManifest answers the very bytes, spaces and all", () => {
  const bytes = encodeText(`\n${JSON.stringify(IMAGE, null, 3)}\n`);
  assertStrictEquals(parseManifest(bytes).bytes, bytes);
});

Deno.test("parseManifest copies bytes out of shared memory", () => {
  const text = encodeText(JSON.stringify(IMAGE));
  const shared = new Uint8Array(new SharedArrayBuffer(text.byteLength));
  shared.set(text);
  const { bytes } = parseManifest(shared);
  shared.fill(0);
  assertEquals(bytes, text);
});
