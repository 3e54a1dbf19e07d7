/** DockerComms' contract: constants, and manifests to the byte. */
import { assert, assertEquals } from "@std/assert";
import type { Descriptor } from "@davit/registry-client";
import * as dockercomms from "@davit/registry-client/dockercomms";
import {
  ManifestBuilder,
  newBundleManifest,
  newMessageManifest,
  newReceiptManifest,
} from "@davit/registry-client/dockercomms";

const EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const CONFIG =
  `"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"${EMPTY}","size":2}`;
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const MESSAGE = "application/vnd.dockercomms.message.v1";
const RECEIPT = "application/vnd.dockercomms.receipt.v1";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const HELLO = "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

const layer = { mediaType: "text/plain", digest: HELLO, size: 11 };

async function json(builder: ManifestBuilder): Promise<string> {
  return new TextDecoder().decode((await builder.build()).bytes);
}

Deno.test("every constant of the index, under its own name", () => {
  const { EmptyConfigDescriptor, ...names } = dockercomms;
  const constants = Object.entries(names).filter(([, value]) => typeof value === "string");
  assertEquals(Object.fromEntries(constants), {
    ArtifactTypeMessage: MESSAGE,
    ArtifactTypeReceipt: RECEIPT,
    ArtifactTypeBundle: BUNDLE,
    MediaTypeManifest: MANIFEST,
    MediaTypeChunkGzip: "application/vnd.dockercomms.chunk.v1.tar+gzip",
    MediaTypeChunkZstd: "application/vnd.dockercomms.chunk.v1.tar+zstd",
    MediaTypeEmptyConfig: "application/vnd.oci.empty.v1+json",
    MediaTypeBundleConfig: BUNDLE,
  });
  const mediaType = "application/vnd.oci.empty.v1+json";
  assertEquals(EmptyConfigDescriptor, { mediaType, digest: EMPTY, size: 2 });
  assert(Object.isFrozen(EmptyConfigDescriptor));
});

Deno.test("a receipt without annotations is 240 bytes; no mediaType, layers are null", async () => {
  const builder = newReceiptManifest();
  const { bytes, descriptor } = await builder.build();
  assertEquals(
    new TextDecoder().decode(bytes),
    `{"schemaVersion":2,"artifactType":"${RECEIPT}",${CONFIG},"layers":null}`,
  );
  assertEquals(descriptor, {
    mediaType: MANIFEST,
    digest: "sha256:12f9c900677a4f1f3bf7fa27fe0f1ff4b0b5826129e8e2ef8a2f9c1a50041cef",
    size: 240,
  });
});

const platform = { variant: "v8", os: "linux", architecture: "arm64" };

const built: [title: string, builder: () => ManifestBuilder, json: string][] = [
  [
    "a message: an empty list of layers is []",
    () => newMessageManifest({}, []),
    `{"schemaVersion":2,"artifactType":"${MESSAGE}",${CONFIG},"layers":[]}`,
  ],
  [
    "a message without layers: null",
    () => newMessageManifest(),
    `{"schemaVersion":2,"artifactType":"${MESSAGE}",${CONFIG},"layers":null}`,
  ],
  [
    "keys in their order, annotations sorted, Go's escapes",
    () => newMessageManifest({ to: "<a>&\u2028\u2029", from: "é", "10": "x", "9": "y" }, [layer]),
    `{"schemaVersion":2,"artifactType":"${MESSAGE}",${CONFIG},"layers":[{"mediaType":"text/plain",` +
    `"digest":"${HELLO}","size":11}],"annotations":{"10":"x","9":"y","from":"é",` +
    `"to":"\\u003ca\\u003e\\u0026\\u2028\\u2029"}}`,
  ],
  [
    "a bundle: the subject's media type becomes the OCI manifest's",
    () => newBundleManifest({ ...layer, annotations: { a: "b" } }, { by: "you" }, layer),
    `{"schemaVersion":2,"artifactType":"${BUNDLE}",${CONFIG},"layers":[{"mediaType":"text/plain",` +
    `"digest":"${HELLO}","size":11}],"subject":{"mediaType":"${MANIFEST}","digest":"${HELLO}",` +
    `"size":11,"annotations":{"a":"b"}},"annotations":{"by":"you"}}`,
  ],
  [
    "a descriptor's fields in Go's order, the empty ones left out",
    () =>
      new ManifestBuilder({
        layers: [{
          ...{ artifactType: "t", platform, data: "eA==", annotations: { b: "1", a: "2" } },
          ...{ urls: ["u"], size: 1, digest: HELLO, mediaType: "m" },
        }, { ...layer, urls: [], annotations: {}, data: "", artifactType: "" }],
      }),
    `{"schemaVersion":2,${CONFIG},"layers":[{"mediaType":"m","digest":"${HELLO}","size":1,` +
    `"urls":["u"],"annotations":{"a":"2","b":"1"},"data":"eA==","platform":{"architecture":"arm64",` +
    `"os":"linux","variant":"v8"},"artifactType":"t"},{"mediaType":"text/plain","digest":"${HELLO}",` +
    `"size":11}]}`,
  ],
];

for (const [title, builder, expected] of built) {
  Deno.test(`bytes as Go's encoder writes them: ${title}`, async () => {
    assertEquals(await json(builder()), expected);
  });
}

Deno.test("the fields are writable until build(), and stay as they are", async () => {
  const builder = new ManifestBuilder();
  assertEquals({ ...builder }, {
    artifactType: "",
    subject: undefined,
    annotations: {},
    layers: undefined,
  });
  builder.artifactType = RECEIPT;
  builder.annotations.by = "you";
  builder.layers = [];
  builder.subject = layer;
  const before = structuredClone({ ...builder });
  const first = await json(builder);
  assertEquals({ ...builder }, before);
  assertEquals(await json(builder), first);
});

Deno.test("the arguments are copied by all three", async () => {
  const annotations: Record<string, string> = { a: "1" };
  const deep: Descriptor = { ...layer, annotations: { a: "1" } };
  const layers = [deep];
  const builders = [
    newMessageManifest(annotations, layers),
    newReceiptManifest(annotations),
    newBundleManifest(deep, annotations, deep),
  ];
  const before = await Promise.all(builders.map(json));
  annotations.a = "2";
  deep.annotations!.a = "2";
  layers.push(layer);
  assertEquals(await Promise.all(builders.map(json)), before);
  assertEquals(deep.mediaType, "text/plain");
});
