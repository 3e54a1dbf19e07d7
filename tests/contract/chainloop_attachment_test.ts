/** Chainloop's contract: what is sent, where it goes, and how it is read again; to the byte. */
import { assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import {
  BadDigestError,
  buildManifest,
  type Bytes,
  ContentNotFoundError,
  type Descriptor,
  InvalidReferenceError,
  RegistryClientV2,
} from "@davit/registry-client";
import {
  type Attachment,
  ChainloopError,
  type Envelope,
  register,
} from "@davit/registry-client/chainloop";
import type { Registry } from "@davit/registry-client/server";
import { registered, registryOfYours, REQUEST } from "./chainloop_sample.ts";
import { sha256, utf8 } from "./sample.ts";

const HELLO = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

/** Byte-exact, for content `hello world` and file name `test.txt`. */
const GOLDEN =
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":' +
  '"application/vnd.oci.image.config.v1+json","size":233,"digest":"sha256:61d5b6a64e0c8087086e4a2a3fe2' +
  'f33f86e19ccd4e34824b2de0c91665c7a9ae"},"layers":[{"mediaType":"text/plain","size":11,"digest":"sha2' +
  `56:${HELLO}"}],"annotations":{"org.opencontainers.image.authors":"chainloop.dev","org.opencontainers` +
  '.image.title":"test.txt"}}';

const CONFIG =
  '{"architecture":"","created":"0001-01-01T00:00:00Z","history":[{"created":"0001-01-01T00:00:00Z"}],' +
  `"os":"","rootfs":{"type":"layers","diff_ids":["sha256:${HELLO}"]},"config":{}}`;

/** A client of one of the repositories. */
function clientOf({ fetch }: Registry, name: string): RegistryClientV2 {
  const { username, password } = REQUEST;
  const scopes = ["pull", "push"];
  return new RegistryClientV2({ name: `ghcr.io/${name}`, username, password, scopes, fetch });
}

async function attached(prefix?: string): Promise<{ registry: Registry; attachment: Attachment }> {
  const { registry, registration } = await registered();
  return { registry, attachment: registration.attach(prefix === undefined ? {} : { prefix }) };
}

async function textOf(stream: ReadableStream<Bytes>): Promise<string> {
  return await new Response(stream).text();
}

Deno.test("the manifest is byte-exact, 478 bytes, and one repository an artifact", async () => {
  const { registry, attachment } = await attached();
  const { artifact, ...descriptor } = await attachment.upload(utf8("hello world"), {
    fileName: "test.txt",
  });
  assertEquals(descriptor, {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: "sha256:760b3ce5d830e560460e6195c0a98c62d7aaeb0d4092e301c03db5d2acf7fd3b",
    size: 478,
  });
  assertEquals(artifact, { digest: HELLO, fileName: "test.txt", size: 11 });
  const client = clientOf(registry, `you/attestations/chainloop-${HELLO}`);
  const { bytes, manifest } = await client.getManifest({ ref: "latest" });
  assertEquals(new TextDecoder().decode(bytes), GOLDEN);
  const { config, layers } = manifest as { config: Descriptor; layers: Descriptor[] };
  assertEquals(CONFIG.length, 233);
  assertEquals(await (await client.getBlob(config.digest)).text(), CONFIG);
  assertEquals(await (await client.getBlob(layers[0]!.digest)).text(), "hello world");
  assertEquals((await client.listTags()).tags, ["latest"]);
});

const ENVELOPE: Envelope = {
  payloadType: "application/vnd.in-toto+json",
  payload: "eyJfdHlwZSI6IngifQ==",
  signatures: [{ keyid: "k", sig: "c2ln" }],
};

const envelopes: [title: string, envelope: object, json: string][] = [
  [
    "keys in their order, no spaces",
    { signatures: [{ sig: "c2ln", keyid: "k" }], payload: ENVELOPE.payload, payloadType: "t" },
    '{"payloadType":"t","payload":"eyJfdHlwZSI6IngifQ==","signatures":[{"keyid":"k","sig":"c2ln"}]}',
  ],
  [
    'a missing keyid is "", other fields are dropped',
    { ...ENVELOPE, payloadType: "t", extra: 1, signatures: [{ sig: "s", cert: "x" }] },
    '{"payloadType":"t","payload":"eyJfdHlwZSI6IngifQ==","signatures":[{"keyid":"","sig":"s"}]}',
  ],
  [
    "Go's escapes",
    { payloadType: "<a>&\u2028\u2029\n\u0001é\ud800", payload: "", signatures: [] },
    '{"payloadType":"\\u003ca\\u003e\\u0026\\u2028\\u2029\\n\\u0001é\ufffd","payload":"","signatures":[]}',
  ],
];

for (const [title, envelope, json] of envelopes) {
  Deno.test(`send: the envelope as Go encodes it, as attestation.json: ${title}`, async () => {
    const { registry, attachment } = await attached("custom-prefix");
    const { artifact } = await attachment.send(envelope as Envelope);
    const digest = (await sha256(utf8(json))).slice("sha256:".length);
    assertEquals(artifact, {
      digest,
      fileName: "attestation.json",
      size: utf8(json).byteLength,
    });
    assertEquals(await textOf(await attachment.download(digest)), json);
    const client = clientOf(registry, `you/attestations/custom-prefix-${digest}`);
    const { manifest } = await client.getManifest({ ref: "latest" });
    const { layers: [layer], annotations } = manifest as {
      layers: Descriptor[];
      annotations: Record<string, string>;
    };
    assertEquals(layer!.mediaType, "text/plain");
    assertEquals(annotations["org.opencontainers.image.title"], "attestation.json");
  });
}

Deno.test("send: what is no envelope is refused before anything is sent", async () => {
  const { registry, attachment } = await attached();
  registry.requests.length = 0;
  for (
    const wrong of [undefined, {}, { ...ENVELOPE, signatures: [{}] }, { ...ENVELOPE, payload: 1 }]
  ) {
    const error = await assertRejects(() => attachment.send(wrong as Envelope), ChainloopError);
    assertEquals(error.code, "INVALID_REQUEST");
  }
  assertEquals(registry.requests, []);
});

Deno.test("upload: bytes, a Blob, a stream and {open()} are stored alike, under their media type", async () => {
  const { registry, attachment } = await attached();
  const gzip = new Uint8Array(700_000).fill(7);
  gzip.set([0x1f, 0x8b, 8]);
  const blob = new Blob([gzip]);
  const digests = new Set<string>();
  for (const content of [gzip, blob, blob.stream(), { open: () => blob.stream() }]) {
    const { digest } = await attachment.upload(content, { fileName: "a.gz" });
    digests.add(digest);
  }
  assertEquals(digests.size, 1);
  const hex = (await sha256(gzip)).slice("sha256:".length);
  const client = clientOf(registry, `you/attestations/chainloop-${hex}`);
  const { manifest } = await client.getManifest({ ref: "latest" });
  const [layer] = (manifest as { layers: Descriptor[] }).layers;
  assertEquals(layer, {
    mediaType: "application/x-gzip",
    size: gzip.byteLength,
    digest: `sha256:${hex}`,
  });
});

const metadata: [title: string, content: Bytes, artifact: object, message: string][] = [
  ["empty content", new Uint8Array(0), { fileName: "f" }, "content is empty"],
  ["no file name", utf8("x"), {}, "resource metadata is not valid"],
  ["an empty file name", utf8("x"), { fileName: "" }, "resource metadata is not valid"],
  ["an empty digest", utf8("x"), { fileName: "f", digest: "" }, "resource metadata is not valid"],
  ["a digest that is none", utf8("x"), { fileName: "f", digest: "x" }, "digest is not valid"],
];

for (const [title, content, artifact, message] of metadata) {
  Deno.test(`upload: ${title} is refused`, async () => {
    const { registry, attachment } = await attached();
    registry.requests.length = 0;
    const upload = () => attachment.upload(content, artifact as { fileName: string });
    const error = await assertRejects(upload, ChainloopError, message);
    assertEquals(error.code, "INVALID_REQUEST");
    assertEquals(registry.requests, []);
  });
}

Deno.test("upload: a digest that is given is checked, in either form", async () => {
  const { attachment } = await attached();
  const content = utf8("hello world");
  for (const digest of [HELLO, `sha256:${HELLO}`]) {
    const { artifact } = await attachment.upload(content, { fileName: "f", digest });
    assertEquals(artifact.digest, HELLO);
  }
  const digest = "0".repeat(64);
  const upload = () => attachment.upload(content, { fileName: "f", digest });
  await assertRejects(upload, BadDigestError, HELLO);
});

Deno.test("upload: a prefix that no repository can have is refused by the grammar", async () => {
  const { attachment } = await attached("Upper");
  const upload = () => attachment.upload(utf8("x"), { fileName: "f" });
  await assertRejects(upload, InvalidReferenceError, "upper-case");
});

Deno.test("a tag an artifact: one repository, and the write check asks it", async () => {
  const registry = registryOfYours();
  const { fetch } = registry;
  const registration = await register(REQUEST, { fetch, layout: "tag" });
  assertEquals(registry.requests.at(-2)?.path, "/v2/you/attestations/blobs/uploads/");
  const attachment = registration.attach();
  const { artifact, digest } = await attachment.upload(utf8("hello world"), { fileName: "a.txt" });
  const client = clientOf(registry, "you/attestations");
  assertEquals((await client.listTags()).tags, [`chainloop-${HELLO}`]);
  assertEquals((await client.headManifest({ ref: `chainloop-${HELLO}` })).digest, digest);
  assertEquals(await attachment.describe(HELLO), artifact);
  assertEquals(await textOf(await attachment.download(HELLO)), "hello world");
});

Deno.test("exists, describe, download: keys are 64 digits, or the same behind sha256:", async () => {
  const { attachment } = await attached();
  for (const key of [HELLO, `sha256:${HELLO}`]) {
    assertEquals(await attachment.exists(key), false);
    await assertRejects(() => attachment.describe(key), ContentNotFoundError);
    await assertRejects(() => attachment.download(key), ContentNotFoundError);
  }
  await attachment.upload(utf8("hello world"), { fileName: "test.txt" });
  for (const key of [HELLO, `sha256:${HELLO}`]) {
    assertEquals(await attachment.exists(key), true);
    assertEquals(await attachment.describe(key), {
      digest: HELLO,
      fileName: "test.txt",
      size: 11,
    });
    assertEquals(await textOf(await attachment.download(key)), "hello world");
  }
});

Deno.test("an empty digest: `digest is empty`; one that is none: no artifact is there", async () => {
  const { attachment } = await attached();
  for (const call of ["exists", "describe", "download"] as const) {
    const error = await assertRejects(() => attachment[call](""), ChainloopError);
    assertEquals([error.message, error.code], ["digest is empty", "INVALID_REQUEST"]);
  }
  assertEquals(await attachment.exists(HELLO.toUpperCase()), false);
  await assertRejects(() => attachment.describe("latest"), ChainloopError, "digest is not valid");
});

const TITLE = "org.opencontainers.image.title";
const AUTHORS = "org.opencontainers.image.authors";
const OWN = { [AUTHORS]: "chainloop.dev", [TITLE]: "test.txt" };

interface Stored {
  title: string;
  annotations?: Record<string, string>;
  layers?: "none" | "two" | "other" | "empty";
  /** `exists` does not look at the file name, nor at the size. */
  exists?: boolean;
  message: string;
}

const stored: Stored[] = [
  {
    title: "another author",
    annotations: { ...OWN, [AUTHORS]: "you" },
    message: "not Chainloop's",
  },
  { title: "no author", annotations: { [TITLE]: "test.txt" }, message: "not Chainloop's" },
  { title: "two layers", layers: "two", message: "2 layers" },
  { title: "no layers", layers: "none", message: "0 layers" },
  { title: "another digest", layers: "other", message: "its layer is" },
  {
    title: "no file name",
    annotations: { [AUTHORS]: "chainloop.dev" },
    exists: true,
    message: "no file name",
  },
  { title: "empty content", layers: "empty", exists: true, message: "content is empty" },
];

for (const { title, annotations = OWN, layers = "own", exists = false, message } of stored) {
  Deno.test(`what others stored is no artifact: ${title}`, async () => {
    const { registry, attachment } = await attached();
    const key = layers === "empty" ? (await sha256(new Uint8Array(0))).slice(7) : HELLO;
    const client = clientOf(registry, `you/attestations/chainloop-${key}`);
    const content = layers === "empty" ? "" : layers === "other" ? "other" : "hello world";
    const layer = await client.putBlob(utf8(content), { mediaType: "text/plain" });
    await client.putBlob(utf8("{}"));
    const count = layers === "none" ? 0 : layers === "two" ? 2 : 1;
    const { bytes } = await buildManifest({
      artifactType: "application/vnd.example",
      layers: Array.from({ length: count }, () => layer),
      annotations,
    });
    await client.putManifest({ manifestData: bytes, ref: "latest" });
    assertEquals(await attachment.exists(key), exists);
    for (const call of ["describe", "download"] as const) {
      const error = await assertRejects(() => attachment[call](key), ChainloopError, message);
      assertEquals(error.code, "INVALID_ARTIFACT");
    }
  });
}

Deno.test("what is no manifest, or an index, is no artifact", async () => {
  for (const manifest of ["nonsense", '{"schemaVersion":2,"manifests":[]}']) {
    const fetch = () =>
      Promise.resolve(
        new Response(manifest, {
          headers: { "content-type": "application/vnd.oci.image.index.v1+json" },
        }),
      );
    const attachment = (await register(REQUEST, {
      fetch: (input, init) =>
        new Request(input, init).method === "POST"
          ? Promise.resolve(new Response(null, { status: 202 }))
          : fetch(),
    })).attach();
    assertEquals(await attachment.exists(HELLO), false);
    const error = await assertRejects(() => attachment.describe(HELLO), ChainloopError);
    assertEquals(error.code, "INVALID_ARTIFACT");
  }
});

Deno.test("exists is false on any error; describe and download say which", async () => {
  const { registration } = await registered(registryOfYours({
    middleware: [
      (next) => async (context) =>
        context.request.method === "GET" && context.route !== undefined
          ? new Response(null, { status: 403 })
          : await next(context),
    ],
  }));
  const attachment = registration.attach();
  assertEquals(await attachment.exists(HELLO), false);
  const error = await assertRejects(() => attachment.describe(HELLO));
  assertEquals((error as { code: string }).code, "FORBIDDEN");
});

Deno.test("download: verified as it streams; a wrong blob ends in an error", async () => {
  let damaged = false;
  const { registration } = await registered(registryOfYours({
    middleware: [(next) => async (context) => {
      const response = await next(context);
      const isBlob = /\/blobs\/sha256:/.test(context.url.pathname);
      if (!damaged || !isBlob || context.request.method !== "GET") return response;
      await response.body?.cancel();
      return new Response("hello w0rld");
    }],
  }));
  const attachment = registration.attach();
  await attachment.upload(utf8("hello world"), { fileName: "test.txt" });
  damaged = true;
  const stream = await attachment.download(HELLO);
  await assertRejects(() => textOf(stream), BadDigestError);
});

Deno.test("a call's signal ends it with its reason", async () => {
  const { attachment } = await attached();
  const options = { signal: AbortSignal.abort(new Error("enough")) };
  const calls = [
    () => attachment.send(ENVELOPE, options),
    () => attachment.upload(new Blob(["x"]).stream(), { fileName: "f" }, options),
    () => attachment.exists(HELLO, options),
    () => attachment.describe(HELLO, options),
    () => attachment.download(HELLO, options),
  ];
  for (const call of calls) {
    const error = await assertRejects(call);
    assertInstanceOf(error, Error);
    assertStringIncludes(error.message, "enough");
  }
});
