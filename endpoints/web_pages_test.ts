/**
 * A portal, a login or a plain web server answers whatever it is asked with a page and status 200: it
 * is no registry. What a registry answers is none of these, whatever its headers call it.
 */
import { assertEquals, assertRejects } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { InvalidContentError, NotFoundError } from "../errors.ts";
import { RegistryClientV2 } from "../registry_client_v2.ts";
import type { RegistryClientOpts } from "../registry_client_options.ts";
import { RegistryStore } from "../registry_store.ts";
import { IMAGE } from "./sample_manifests_test.ts";

const HOST = "127.0.0.1:5000";
const PAGE = '<!doctype html><html lang="en"><title>Sign in</title>';
const BLOB = encodeText("hello");
const BLOB_DIGEST = await digestOf(BLOB);
const DESCRIPTOR = {
  mediaType: MEDIA_TYPES.octetStream,
  digest: BLOB_DIGEST,
  size: BLOB.byteLength,
};
const MANIFEST = { ...DESCRIPTOR, mediaType: IMAGE.mediaType, digest: await digestOf(IMAGE.bytes) };
const session = { location: `http://${HOST}/v2/app/blobs/uploads/u`, offset: 5 };

type Answer = (request: Request) => Response;

function clientOf(answer: Answer, options: Partial<RegistryClientOpts> = {}) {
  const lines: string[] = [];
  const fetch = (input: Request | URL | string, init?: RequestInit) => {
    const request = new Request(input, init);
    lines.push(`${request.method} ${new URL(request.url).pathname}`);
    return Promise.resolve(answer(request));
  };
  const client = new RegistryClientV2({
    name: `http://${HOST}/app`,
    fetch,
    retry: { maxAttempts: 1 },
    ...options,
  });
  return { client, store: new RegistryStore(client), lines };
}

/** Answers everything with a body, as a server does: none to a HEAD, whose headers are the same. */
function always(body: string, headers: HeadersInit = { "content-type": "text/html" }): Answer {
  const bytes = encodeText(body);
  const all = new Headers(headers);
  all.set("content-length", String(bytes.byteLength));
  return ({ method }) => new Response(method === "HEAD" ? null : bytes, { headers: all });
}

type World = ReturnType<typeof clientOf>;

const CALLS: [name: string, message: string, call: (world: World) => Promise<unknown>][] = [
  ["ping", `ping http://${HOST}`, ({ client }) => client.ping()],
  ["ping for 200", "ping", ({ client }) => client.ping({ expectStatus: [200] })],
  ["login", "ping", ({ client }) => client.login()],
  ["performLogin", "ping", ({ client }) => client.performLogin()],
  ["headBlob", "look at the blob", ({ client }) => client.headBlob(BLOB_DIGEST)],
  ["statBlob", "look at the blob", ({ client }) => client.statBlob(BLOB_DIGEST)],
  ["putBlob", "look at the blob", ({ client }) => client.putBlob(BLOB)],
  [
    "putBlob by mount",
    "look at the blob",
    ({ client }) => client.putBlob(BLOB, { mountFrom: "other" }),
  ],
  ["deleteBlob", "delete the blob", ({ client }) => client.deleteBlob(BLOB_DIGEST)],
  ["exists: a blob", "look at the blob", ({ store }) => store.exists(DESCRIPTOR)],
  ["exists: a manifest", "get the manifest", ({ store }) => store.exists(MANIFEST)],
  ["write", "look at the blob", ({ store }) => store.write(DESCRIPTOR, BLOB)],
  ["headManifest", "read the manifest", ({ client }) => client.headManifest("v1")],
  ["getManifest", "read the manifest", ({ client }) => client.getManifest("v1")],
  [
    "putManifest",
    "put the manifest",
    ({ client }) => client.putManifest({ ref: "v1", manifestData: IMAGE.bytes }),
  ],
  ["deleteManifest", "delete the manifest", ({ client }) => client.deleteManifest("v1")],
  ["listTags", "list the tags", ({ client }) => client.listTags()],
  [
    "uploadBlobChunk",
    "send a chunk",
    ({ client }) => client.uploadBlobChunk({ session, data: BLOB }),
  ],
  ["getBlobUploadStatus", "look at an upload", ({ client }) => {
    return client.getBlobUploadStatus({ session });
  }],
  ["completeBlobUpload", "close an upload", ({ client }) => {
    return client.completeBlobUpload({ session, digest: BLOB_DIGEST });
  }],
  ["cancelBlobUpload", "cancel an upload", ({ client }) => client.cancelBlobUpload({ session })],
];

/** Who reads a manifest has read something else. */
const CODES: Record<string, string> = {
  "exists: a manifest": "BAD_DIGEST",
  headManifest: "INVALID_MANIFEST",
  getManifest: "INVALID_MANIFEST",
};

for (const [name, message, call] of CALLS) {
  Deno.test(`${name}: a web page is no registry's answer: host, status and type`, async () => {
    const error = await assertRejects(
      () => call(clientOf(always(PAGE))),
      Error,
      `${HOST} answered 200 with text/html, a web page`,
    );
    const { code } = error as InvalidContentError;
    assertEquals(code, CODES[name] ?? "INVALID_CONTENT");
    assertEquals(error.message.startsWith(`Cannot ${message}`), true, error.message);
    assertEquals(error.message.includes("<"), false, error.message);
  });
}

const PAGES: [name: string, page: string, type?: string][] = [
  ["without a type", "<html><body>"],
  ["in capitals, of an old portal", "\r\n<HTML><HEAD>", "text/html"],
  ["that leads on by script", '<script>location="/login"</script>', "text/html"],
  ["that leads on by meta", '<meta http-equiv="refresh" content="0;url=/">', "text/html"],
  ["behind a comment", "<!-- portal --><html>", "text/html"],
  [
    "of XHTML",
    '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">',
    "application/xhtml+xml",
  ],
  ["that calls itself text", "<html>", "text/plain"],
  ["that calls itself JSON", "<html>", "application/json"],
];

for (const [name, page, type] of PAGES) {
  const headers = type === undefined ? undefined : { "content-type": type };
  Deno.test(`end-1 GET /v2/: a page ${name}`, async () => {
    const { client } = clientOf(always(page, headers ?? {}));
    await assertRejects(() => client.ping(), InvalidContentError, "a web page");
    await assertRejects(() => client.performLogin(), InvalidContentError, "a web page");
    assertEquals(await client.supportsV2(), false);
  });
  if (!/html/.test(type ?? "")) continue; // a HEAD says no more than its type
  Deno.test(`end-2 HEAD blobs: a page ${name}`, async () => {
    const { client } = clientOf(always(page, headers));
    await assertRejects(() => client.statBlob(BLOB_DIGEST), InvalidContentError, "a web page");
  });
}

Deno.test("end-1 GET /v2/: a page behind a redirect is of the host that sent it", async () => {
  const { client } = clientOf(({ url }) =>
    new URL(url).host === HOST
      ? new Response(null, { status: 302, headers: { location: "http://127.0.0.1:81/login" } })
      : always(PAGE)(new Request(url))
  );
  await assertRejects(() => client.ping(), InvalidContentError, "127.0.0.1:81 answered 200");
});

Deno.test("end-1 GET /v2/: a page to who gives the password, and 401 to who does not", async () => {
  const { client } = clientOf(
    (request) =>
      request.headers.has("authorization") ? always(PAGE)(request) : new Response(null, {
        status: 401,
        headers: { "www-authenticate": 'Basic realm="portal"' },
      }),
    { username: "alice", password: "right" },
  );
  await assertRejects(
    () => client.login(),
    InvalidContentError,
    `Cannot log in to ${HOST}: ${HOST} answered 200 with text/html, a web page`,
  );
});

const REGISTRIES: [name: string, body: string, headers: HeadersInit, status?: number][] = [
  ["the specification's", "{}", { "content-type": "application/json" }],
  ["Quay's", "true", { "content-type": "text/html; charset=utf-8" }],
  ["registry.k8s.io's", "", { "docker-distribution-api-version": "registry/2.0" }],
  ["a file server's", "ok", { "content-type": "text/plain" }],
  ["one with nothing", "", {}],
  ["one with nothing, as HTML", "", { "content-type": "text/html" }],
  [
    "one whose front page says what it is",
    PAGE,
    { "content-type": "text/html", "docker-distribution-api-version": "registry/2.0" },
  ],
  ["a file server's without such a page", PAGE, { "content-type": "text/html" }, 404],
  ["nginx' before a registry, which asks for a password", PAGE, {
    "content-type": "text/html",
    "www-authenticate": 'Basic realm="registry"',
  }, 401],
];

for (const [name, body, headers, status = 200] of REGISTRIES) {
  Deno.test(`end-1 GET /v2/: ${name} is a registry's answer`, async () => {
    const { client } = clientOf(() => new Response(body, { status, headers }));
    const resp = await client.ping();
    assertEquals([resp.status, await resp.dockerBody()], [status, encodeText(body)]);
    const { type } = await client.performLogin();
    assertEquals(type, status === 401 ? "Basic" : "None");
    assertEquals(await client.supportsV2(), status !== 404);
  });
}

const html = encodeText(`${PAGE}<p>This is what was asked for.`);
const htmlDigest = await digestOf(html);
const BLOBS: [name: string, bytes: Uint8Array, headers: HeadersInit, requests: string[]][] = [
  ["without a type", BLOB, {}, ["HEAD"]],
  ["as text", BLOB, { "content-type": "text/plain" }, ["HEAD"]],
  ["as JSON", BLOB, { "content-type": "application/json" }, ["HEAD"]],
  ["as a storage's bytes", BLOB, { "content-type": "binary/octet-stream" }, ["HEAD"]],
  [
    "as HTML, with its digest",
    BLOB,
    { "content-type": "text/html", "docker-content-digest": BLOB_DIGEST },
    ["HEAD"],
  ],
  ["as HTML, without its digest", BLOB, { "content-type": "text/html" }, ["HEAD", "GET"]],
  ["that is HTML", html, { "content-type": "text/html" }, ["HEAD", "GET", "GET"]],
  [
    "that is HTML, with its digest",
    html,
    { "content-type": "text/html", "docker-content-digest": htmlDigest },
    ["HEAD"],
  ],
];

for (const [name, bytes, headers, requests] of BLOBS) {
  Deno.test(`end-2 HEAD blobs: a blob ${name} is there`, async () => {
    const { client, store, lines } = clientOf(always(new TextDecoder().decode(bytes), headers));
    const digest = await digestOf(bytes as typeof BLOB);
    assertEquals((await client.statBlob(digest))?.size, bytes.byteLength);
    assertEquals(lines, requests.map((method) => `${method} /v2/app/blobs/${digest}`));
    assertEquals(await store.exists({ ...DESCRIPTOR, digest }), true);
    await client.putBlob(bytes as typeof BLOB);
    assertEquals(lines.length, 3 * requests.length, "nothing was pushed");
  });
}

Deno.test("end-2 HEAD blobs: a page to HEAD, 404 to GET: the blob is not there", async () => {
  const { client, store } = clientOf((request) =>
    request.method === "HEAD" ? always(PAGE)(request) : new Response(null, { status: 404 })
  );
  await assertRejects(() => client.statBlob(BLOB_DIGEST), NotFoundError);
  assertEquals(await store.exists(DESCRIPTOR), false);
});
