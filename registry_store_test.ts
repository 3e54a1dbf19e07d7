import { assertEquals, assertRejects } from "@std/assert";
import { describeBytes } from "./content/describe_bytes.ts";
import { digestOf } from "./content/digest_of.ts";
import {
  BadDigestError,
  ContentNotFoundError,
  HttpError,
  InvalidContentError,
  ReferrersListError,
  SizeMismatchError,
} from "./errors.ts";
import { type Bytes, encodeText } from "./content/bytes.ts";
import { buildManifest, EMPTY_CONFIG } from "./manifest/build.ts";
import { MEDIA_TYPES } from "./content/media_types.ts";
import { RegistryClientV2 } from "./registry_client_v2.ts";
import { RegistryStore } from "./registry_store.ts";
import { createRegistry } from "./server/mod.ts";

const DIGEST = await digestOf(encodeText("hello"));

/** A store over a registry that answers each request by its method and path. */
function storeOver(answers: Record<string, () => Response>) {
  const lines: string[] = [];
  const fetch = (input: Request | URL | string, init?: RequestInit) => {
    const request = new Request(input, init);
    const line = `${request.method} ${new URL(request.url).pathname.split("/").at(-2)}`;
    lines.push(line);
    return Promise.resolve(answers[line]?.() ?? new Response(null, { status: 404 }));
  };
  const client = new RegistryClientV2({
    name: "http://registry.test/app",
    fetch,
    retry: { maxAttempts: 1 },
  });
  return { store: new RegistryStore(client), lines };
}

const blob = (headers: HeadersInit = { "content-length": "5" }) => () =>
  new Response(null, { headers });
const failed = (status: number) => () => new Response(null, { status });

const MANIFEST_FIRST = ["HEAD manifests", "HEAD blobs"];

for (const status of [404, 500]) {
  Deno.test(`RegistryStore.resolve: a blob, where its digest as a manifest's is ${status}`, async () => {
    const { store, lines } = storeOver({ "HEAD manifests": failed(status), "HEAD blobs": blob() });
    assertEquals(await store.resolve(DIGEST), {
      mediaType: "application/octet-stream",
      digest: DIGEST,
      size: 5,
    });
    assertEquals(lines, MANIFEST_FIRST);
  });
}

Deno.test("RegistryStore.resolve: neither manifest nor blob", async () => {
  const { store, lines } = storeOver({});
  await assertRejects(() => store.resolve(DIGEST), ContentNotFoundError);
  assertEquals(lines, MANIFEST_FIRST);
});

Deno.test("RegistryStore.resolve: a failure, and no blob either, stays that failure", async () => {
  const { store } = storeOver({ "HEAD manifests": failed(500) });
  const error = await assertRejects(() => store.resolve(DIGEST), HttpError);
  assertEquals(error.statusCode, 500);
});

Deno.test("RegistryStore.resolve: a failure that may pass says nothing of blobs", async () => {
  const { store, lines } = storeOver({ "HEAD manifests": failed(503), "HEAD blobs": blob() });
  await assertRejects(() => store.resolve(DIGEST), HttpError);
  assertEquals(lines, ["HEAD manifests"]);
});

Deno.test("RegistryStore.resolve: a tag is no blob's", async () => {
  const { store, lines } = storeOver({ "HEAD blobs": blob() });
  await assertRejects(() => store.resolve("latest"), ContentNotFoundError);
  assertEquals(lines, ["HEAD manifests"]);
});

Deno.test("RegistryStore.resolve: a blob whose size the registry does not say", async () => {
  const { store } = storeOver({ "HEAD blobs": blob({}), "GET blobs": blob({}) });
  await assertRejects(
    () => store.resolve(DIGEST),
    InvalidContentError,
    "the registry does not say its size",
  );
});

/** A store over a registry that works, and the statuses of the uploads' closing requests. */
function storeAndCloses() {
  const registry = createRegistry();
  const closes: number[] = [];
  const fetch = async (input: Request | URL | string, init?: RequestInit) => {
    const response = await registry.fetch(new Request(input, init));
    if ((init?.method ?? (input as Request).method) === "PUT") closes.push(response.status);
    return response;
  };
  const client = new RegistryClientV2({ name: "http://registry.test/app", fetch });
  return { store: new RegistryStore(client), closes };
}

const CONTENT = new Uint8Array(100_000).fill(7);
const WRONG = new Uint8Array(100_000).fill(8);
const DESCRIPTOR = await describeBytes(CONTENT, MEDIA_TYPES.octetStream);

for (
  const [kind, body] of [
    ["bytes", (bytes) => bytes],
    ["a blob", (bytes) => new Blob([bytes])],
    ["a stream", (bytes) => new Blob([bytes]).stream()],
  ] as [string, (bytes: Bytes) => Bytes | Blob | ReadableStream<Bytes>][]
) {
  Deno.test(`RegistryStore.write: ${kind} with verify: "target": the registry's check counts`, async () => {
    const { store, closes } = storeAndCloses();
    const verify = "target";
    const error = await assertRejects(
      () => store.write(DESCRIPTOR, body(WRONG), { verify }),
      BadDigestError,
      "the registry says",
    );
    assertEquals([error.expected, error.actual], [DESCRIPTOR.digest, ""]);
    assertEquals(closes, [400]);
    assertEquals(await store.exists(DESCRIPTOR), false);
    await store.write(DESCRIPTOR, body(CONTENT), { verify });
    assertEquals(closes, [400, 201]);
  });

  Deno.test(`RegistryStore.write: ${kind} of other bytes is verified here, and not taken`, async () => {
    const { store, closes } = storeAndCloses();
    const error = await assertRejects(() => store.write(DESCRIPTOR, body(WRONG)), BadDigestError);
    assertEquals(error.actual, await digestOf(WRONG));
    assertEquals(closes.includes(201), false);
  });
}

Deno.test('RegistryStore.write: verify: "target" checks sizes here', async () => {
  const { store, closes } = storeAndCloses();
  for (const size of [99_999, 100_001]) {
    const descriptor = { ...DESCRIPTOR, size };
    for (const body of [CONTENT, new Blob([CONTENT]), new Blob([CONTENT]).stream()]) {
      const write = () => store.write(descriptor, body, { verify: "target" });
      await assertRejects(write, SizeMismatchError);
    }
  }
  assertEquals(closes.includes(201), false);
});

Deno.test('RegistryStore.write: a small array is verified here, also with verify: "target"', async () => {
  const { store, closes } = storeAndCloses();
  const descriptor = { mediaType: MEDIA_TYPES.octetStream, digest: DIGEST, size: 5 };
  const write = () => store.write(descriptor, encodeText("HELLO"), { verify: "target" });
  const error = await assertRejects(write, BadDigestError);
  assertEquals(error.actual, await digestOf(encodeText("HELLO")));
  assertEquals(closes, []);
});

Deno.test("RegistryStore.open: what a registry gives instead, with verify: false as it is", async () => {
  const { store } = storeOver({ "GET blobs": () => new Response("HELLO") });
  const descriptor = { mediaType: MEDIA_TYPES.octetStream, digest: DIGEST, size: 5 };
  const text = async (verify: boolean) =>
    await new Response(await store.open(descriptor, { verify })).text();
  await assertRejects(() => text(true), BadDigestError);
  assertEquals(await text(false), "HELLO");
});

Deno.test("RegistryStore.write: what is pushed and not listed is REFERRERS_LIST_FAILED", async () => {
  let refuse = true;
  const registry = createRegistry({
    referrersApi: false,
    middleware: [(next) => async (context) => {
      const { route, request } = context;
      const isTag = route?.kind === "manifest" && route.reference.startsWith("sha256-");
      const errors = [{ code: "TAG_IMMUTABLE" }];
      if (refuse && isTag && request.method === "PUT") {
        return Response.json({ errors }, { status: 400 });
      }
      return await next(context);
    }],
  });
  const store = new RegistryStore(
    new RegistryClientV2({ name: "localhost:5000/app", fetch: registry.fetch }),
  );
  await store.write(EMPTY_CONFIG, encodeText("{}"));
  const subject = { mediaType: MEDIA_TYPES.ociManifest, digest: DIGEST, size: 5 };
  const artifact = await buildManifest({ artifactType: "a/b", layers: [], subject });
  const write = () => store.write(artifact.descriptor, artifact.bytes);
  const error = await assertRejects(write, ReferrersListError, "sha256-");
  assertEquals([error.pushed, error.retryable], [true, false]);
  assertEquals([error.digest, error.subject], [artifact.descriptor.digest, DIGEST]);
  assertEquals(await store.exists(artifact.descriptor), true);
  await store.tag(artifact.descriptor, "note"); // which is done, whatever becomes of the list
  assertEquals((await store.resolve("note")).digest, artifact.descriptor.digest);
  refuse = false;
  await write();
  const listed = await Array.fromAsync(store.referrers(subject));
  assertEquals(listed, [{ ...artifact.descriptor, artifactType: "a/b" }]);
});

Deno.test("RegistryStore.write, writeTagged: a manifest of other bytes is not sent", async () => {
  const { store, lines } = storeOver({
    "PUT manifests": () => new Response(null, { status: 201 }),
  });
  const { bytes } = await buildManifest({ artifactType: "application/x", layers: [] });
  const descriptor = await describeBytes(bytes, MEDIA_TYPES.ociManifest);
  const wrong: Bytes = new Uint8Array(bytes);
  wrong[wrong.length - 1] = 0x20;
  await assertRejects(() => store.write(descriptor, wrong), BadDigestError);
  await assertRejects(() => store.writeTagged(descriptor, wrong, "v1"), BadDigestError);
  await assertRejects(() => store.write(descriptor, wrong.subarray(1)), SizeMismatchError);
  assertEquals(lines, []);
});

Deno.test("RegistryStore.open: a manifest of another size than its descriptor says", async () => {
  const { fetch } = createRegistry();
  const client = new RegistryClientV2({ name: "localhost:5000/app", fetch });
  const { bytes, descriptor } = await buildManifest({ artifactType: "a/b", layers: [] });
  await client.putBlob(encodeText("{}"));
  await client.putManifest({ ref: descriptor.digest, manifestData: bytes });
  for (const read of [false, true]) {
    for (const size of [bytes.byteLength - 1, bytes.byteLength + 1]) {
      const store = new RegistryStore(client);
      if (read) await store.resolve(descriptor.digest, { read });
      const stream = await store.open({ ...descriptor, size });
      await assertRejects(() => new Response(stream).arrayBuffer(), SizeMismatchError);
    }
  }
});
