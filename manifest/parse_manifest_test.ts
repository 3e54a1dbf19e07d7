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

const MEDIA_TYPE_TABLE: {
  name: string;
  body: Record<string, unknown>;
  options?: ParseManifestOptions;
  expected: string;
}[] = [
  { name: "no type anywhere, layers", body: IMAGE, expected: ociManifest },
  { name: "no type anywhere, manifests", body: INDEX, expected: ociIndex },
  {
    name: "only the body's type",
    body: { ...IMAGE, mediaType: dockerManifest },
    expected: dockerManifest,
  },
  {
    name: "only the header",
    body: IMAGE,
    options: { mediaType: dockerManifest },
    expected: dockerManifest,
  },
  {
    name: "only the descriptor",
    body: INDEX,
    options: { descriptor: pointer(dockerManifestList) },
    expected: dockerManifestList,
  },
  {
    name: "all three",
    body: { ...INDEX, mediaType: ociIndex },
    options: { mediaType: ociIndex, descriptor: pointer(ociIndex) },
    expected: ociIndex,
  },
  {
    name: "a header with parameters",
    body: { ...IMAGE, mediaType: ociManifest },
    options: { mediaType: `${ociManifest}; charset=utf-8` },
    expected: ociManifest,
  },
  {
    name: "a header in capitals",
    body: { ...IMAGE, mediaType: ociManifest },
    options: { mediaType: ociManifest.toUpperCase() },
    expected: ociManifest,
  },
  {
    name: "a body in capitals",
    body: { ...IMAGE, mediaType: ociManifest.toUpperCase() },
    options: { mediaType: ociManifest },
    expected: ociManifest,
  },
  ...[
    ...["application/json", "application/octet-stream", "text/plain; charset=utf-8", ""],
    ...["text/html", "text/json", "TEXT/X; a=b", "text/html, text/html"],
    `${dockerManifestList}, ${dockerManifestList}`,
    `${dockerManifestList};charset=utf-8, application/json`,
  ].map(
    (mediaType) => ({
      name: `a generic header (${mediaType}) gives way to the body`,
      body: { ...INDEX, mediaType: dockerManifestList },
      options: { mediaType },
      expected: dockerManifestList,
    }),
  ),
  {
    name: "a generic header, the members decide",
    body: INDEX,
    options: { mediaType: "binary/octet-stream" },
    expected: ociIndex,
  },
  {
    name: "a null mediaType in the body",
    body: { ...IMAGE, mediaType: null },
    options: { mediaType: ociManifest },
    expected: ociManifest,
  },
  {
    name: "layers null decides for an image",
    body: { schemaVersion: 2, config: HELLO, layers: null },
    expected: ociManifest,
  },
  {
    name: "manifests null decides for an index",
    body: { schemaVersion: 2, manifests: null },
    expected: ociIndex,
  },
  {
    name: "manifests null beside layers is absent",
    body: { ...IMAGE, manifests: null },
    expected: ociManifest,
  },
];

for (const { name, body, options, expected } of MEDIA_TYPE_TABLE) {
  Deno.test(`parseManifest media type: ${name}`, () => {
    assertEquals(parse(body, options).mediaType, expected);
  });
}

function layer(fields: Record<string, unknown>): Record<string, unknown> {
  return { ...IMAGE, layers: [HELLO, { ...HELLO, ...fields }] };
}

const UNTOUCHED: { name: string; body: Record<string, unknown> }[] = [
  { name: "unknown fields", body: { ...IMAGE, x: { y: [null] }, config: { ...HELLO, z: null } } },
  { name: "unknown layer types", body: layer({ mediaType: "application/vnd.cncf.helm.chart" }) },
  { name: "empty lists", body: { ...IMAGE, layers: [] } },
  { name: "unknown digest algorithms", body: layer({ digest: "blake3:abc_=-" }) },
  {
    name: "every optional field",
    body: {
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
    },
  },
];

for (const { name, body } of UNTOUCHED) {
  Deno.test(`parseManifest leaves ${name} alone`, () => {
    assertEquals(parse(body).manifest as unknown, body);
  });
}

const SETTLED: { name: string; body: Record<string, unknown>; expected: unknown; type?: string }[] =
  [
    {
      name: "layers null becomes a list",
      body: { schemaVersion: 2, config: HELLO, layers: null },
      expected: { schemaVersion: 2, config: HELLO, layers: [] },
    },
    {
      name: "layers that are missing become a list",
      body: { schemaVersion: 2, config: HELLO },
      expected: { schemaVersion: 2, config: HELLO, layers: [] },
    },
    {
      name: "optional fields that are null go",
      body: {
        ...IMAGE,
        mediaType: null,
        artifactType: null,
        subject: null,
        annotations: null,
        config: { ...HELLO, urls: null, platform: null, annotations: null, data: null },
      },
      expected: IMAGE,
    },
    {
      name: "what is null in lists and maps goes",
      body: {
        ...IMAGE,
        annotations: { a: "b", c: null },
        config: { ...HELLO, annotations: { d: null }, urls: [null, "https://a.test", null] },
        layers: [null, { ...HELLO, urls: [null] }, null],
      },
      expected: {
        ...IMAGE,
        annotations: { a: "b" },
        config: { ...HELLO, annotations: {}, urls: ["https://a.test"] },
        layers: [{ ...HELLO, urls: [] }],
      },
    },
    {
      name: "what is null in a platform goes",
      body: {
        ...INDEX,
        manifests: [null, {
          ...HELLO,
          platform: {
            os: "linux",
            architecture: "arm",
            "os.features": [null, "a"],
            features: null,
          },
        }],
      },
      expected: {
        schemaVersion: 2,
        manifests: [{
          ...HELLO,
          platform: { os: "linux", architecture: "arm", "os.features": ["a"] },
        }],
      },
    },
    {
      name: "Docker's formats get their media type",
      body: IMAGE,
      type: dockerManifest,
      expected: { ...IMAGE, mediaType: dockerManifest },
    },
    {
      name: "entries of Docker's lists get a platform",
      body: { ...INDEX, mediaType: dockerManifestList },
      expected: {
        schemaVersion: 2,
        manifests: [{ ...HELLO, platform: { architecture: "", os: "" } }],
        mediaType: dockerManifestList,
      },
    },
    {
      name: "a platform gets its two names",
      body: { ...INDEX, manifests: [{ ...HELLO, platform: { os: "linux", variant: null } }] },
      expected: {
        schemaVersion: 2,
        manifests: [{ ...HELLO, platform: { os: "linux", architecture: "" } }],
      },
    },
    {
      name: "a platform gets its other name",
      body: { ...INDEX, manifests: [{ ...HELLO, platform: { architecture: "amd64" } }] },
      expected: {
        schemaVersion: 2,
        manifests: [{ ...HELLO, platform: { architecture: "amd64", os: "" } }],
      },
    },
  ];

for (const { name, body, type, expected } of SETTLED) {
  Deno.test(`parseManifest settles the typed value: ${name}`, () => {
    const bytes = encodeText(JSON.stringify(body));
    const before = bytes.slice();
    const parsed = parseManifest(bytes, { mediaType: type });
    assertEquals(parsed.manifest as unknown, expected);
    assertEquals(parsed.bytes, before);
  });
}

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
