import { assertEquals, assertRejects } from "@std/assert";
import { digestOf } from "./content/digest.ts";
import { ContentNotFoundError, HttpError, InvalidContentError } from "./errors.ts";
import { encodeText } from "./content/bytes.ts";
import { RegistryClientV2 } from "./registry_client_v2.ts";
import { RegistryStore } from "./registry_store.ts";

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
  const { store } = storeOver({ "HEAD blobs": blob({}) });
  await assertRejects(
    () => store.resolve(DIGEST),
    InvalidContentError,
    "the registry does not say its size",
  );
});
