/** Limits of what is gathered, and streams that are let go of whatever refuses a push. */
import { assertEquals, assertRejects } from "@std/assert";
import { digestOf } from "../content/digest_of.ts";
import { ContentNotFoundError, LimitError } from "../errors.ts";
import { RegistryClientV2 } from "../registry_client_v2.ts";
import { RegistryStore } from "../registry_store.ts";
import { createRegistry } from "../server/mod.ts";
import { buildManifest } from "../manifest/build.ts";

const BLOB = new Uint8Array(1_000);
const DIGEST = await digestOf(BLOB);
const UNKNOWN = `sha256:${"0".repeat(64)}`;

function world(
  limits: object = {},
  fault: (request: Request) => Response | undefined = () => undefined,
) {
  const registry = createRegistry();
  const client = new RegistryClientV2({
    name: "http://registry.test/app",
    fetch: async (input, init) => {
      const request = new Request(input, init);
      return fault(request) ?? await registry.fetch(request);
    },
    scopes: ["pull", "push"],
    retry: { maxAttempts: 2, minDelay: 0, maxDelay: 0 },
    limits,
  });
  return { client, store: new RegistryStore(client) };
}

for (const method of ["bytes", "text", "json"] as const) {
  Deno.test(`limits.blobBytes: ${method}() of a larger blob is LIMIT_EXCEEDED, its stream is not`, async () => {
    const { client } = world({ blobBytes: 999 });
    await client.putBlob(BLOB);
    const blob = await client.getBlob(DIGEST);
    const error = await assertRejects(
      () => blob[method](),
      LimitError,
      `Cannot read the blob ${DIGEST} of registry.test/app into memory: it is larger than ` +
        "blobBytes, 999 bytes. " +
        "Take its stream, or raise limits.blobBytes",
    );
    assertEquals([error.limit, error.maximum], ["blobBytes", 999]);
    const { stream } = await client.getBlob(DIGEST);
    assertEquals((await new Response(stream).arrayBuffer()).byteLength, 1_000);
    const enough = world({ blobBytes: 1_000 });
    await enough.client.putBlob(BLOB);
    assertEquals((await (await enough.client.getBlob(DIGEST)).bytes()).byteLength, 1_000);
  });
}

const LISTS: [
  name: string,
  gather: (client: RegistryClientV2) => Promise<unknown>,
  each: (
    client: RegistryClientV2,
  ) => AsyncIterable<unknown>,
][] = [
  ["tags", (client) => client.listTags({ pageSize: 2 }), (client) => client.tags()],
  [
    "repositories",
    (client) => client.listRepositories({ pageSize: 2 }),
    (client) => client.repositories(),
  ],
  [
    "referrers",
    (client) => client.listReferrers({ digest: UNKNOWN }),
    (client) => client.referrers(UNKNOWN),
  ],
];
for (const [name, gather, each] of LISTS) {
  Deno.test(`limits.listEntries: more ${name} gathered from all pages are LIMIT_EXCEEDED`, async () => {
    const entries = ["a", "b", "c"];
    const manifests = entries.map((_, at) => ({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: `sha256:${String(at).repeat(64)}`,
      size: 2,
      artifactType: "text/plain",
    }));
    const answer = (request: Request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname.includes("/manifests/")) return new Response(null, { status: 404 });
      const first = searchParams.has("n") && !searchParams.has("last");
      const page = first ? entries.slice(0, 2) : searchParams.has("last") ? ["c"] : entries;
      const headers = {
        "content-type": "application/vnd.oci.image.index.v1+json",
        ...(first && { link: '<?last=b>; rel="next"' }),
      };
      return Response.json({ tags: page, repositories: page, manifests }, { headers });
    };
    const { client } = world({ listEntries: 2 }, answer);
    const error = await assertRejects(() => gather(client), LimitError, "limits.listEntries, 2");
    assertEquals([error.limit, error.maximum], ["listEntries", 2]);
    assertEquals((await Array.fromAsync(each(client))).length, 3);
    await gather(world({ listEntries: 3 }, answer).client);
  });
}

Deno.test("RegistryStore.tag: a manifest that was deleted is ContentNotFoundError, and not put again", async () => {
  const { client, store } = world();
  const { bytes, descriptor } = await buildManifest({ artifactType: "text/plain", layers: [] });
  await client.putBlob(new TextEncoder().encode("{}"));
  await store.write(descriptor, bytes);
  await store.tag(descriptor, "v1");
  await client.deleteManifest({ ref: descriptor.digest });
  await assertRejects(() => store.tag(descriptor, "v2"), ContentNotFoundError);
  assertEquals(await store.exists(descriptor), false);
});

const status = (method: string, code: number) => (request: Request) =>
  request.method === method ? new Response(null, { status: code }) : undefined;
const digest = DIGEST;
const size = BLOB.byteLength;
const blob = { mediaType: "text/plain", digest, size };

const REFUSALS: [
  name: string,
  push: (client: RegistryClientV2, stream: ReadableStream<Uint8Array<ArrayBuffer>>) => unknown,
  fault?: (request: Request) => Response | undefined,
][] = [
  ["a digest that is none", (client, stream) => client.putBlob(stream, { digest: "sha256:x" })],
  ["a chunkSize of 0", (client, stream) => client.putBlob(stream, { chunkSize: 0 })],
  ["a size below 0", (client, stream) => client.putBlob(stream, { size: -1 })],
  [
    "a signal that is aborted",
    (client, stream) => client.putBlob(stream, { signal: AbortSignal.abort() }),
  ],
  [
    "a signal that is aborted, with a digest",
    (client, stream) => client.putBlob(stream, { digest, size, signal: AbortSignal.abort() }),
  ],
  [
    "a HEAD that fails",
    (client, stream) => client.putBlob(stream, { digest }),
    status("HEAD", 500),
  ],
  ["a POST that is refused", (client, stream) => client.putBlob(stream), status("POST", 403)],
  ["a POST that fails", (client, stream) => client.putBlob(stream), status("POST", 503)],
  [
    "a PUT that is refused",
    (client, stream) => client.putBlob(stream, { digest, size }),
    status("PUT", 403),
  ],
  ["a PATCH that is refused", (client, stream) => client.putBlob(stream), status("PATCH", 403)],
  [
    "a target that verifies and refuses",
    (client, stream) => new RegistryStore(client).write(blob, stream, { verify: "target" }),
    status("POST", 403),
  ],
  [
    "RegistryStore.write, refused",
    (client, stream) => new RegistryStore(client).write(blob, stream),
    status("POST", 403),
  ],
  [
    "RegistryStore.write with a bad digest",
    (client, stream) => new RegistryStore(client).write({ ...blob, digest: "x" }, stream),
  ],
  [
    "RegistryStore.write of a manifest that is too large",
    (client, stream) =>
      new RegistryStore(client, { manifestBytes: 10 }).write({
        ...blob,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
      }, stream),
  ],
];
for (const [name, push, fault] of REFUSALS) {
  Deno.test(`a stream that is pushed is cancelled, whatever refuses the push: ${name}`, async () => {
    const { client } = world({}, fault);
    const cancelled = Promise.withResolvers<void>();
    const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => controller.enqueue(new Uint8Array(100)),
      cancel: () => cancelled.resolve(),
    }, { highWaterMark: 0 });
    await assertRejects(async () => await push(client, stream));
    await cancelled.promise; // a test that waits for ever fails
  });
}
