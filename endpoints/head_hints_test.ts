/**
 * HEAD is a hint, and a Content-Encoding that was not asked for is a proxy's: what a registry has is
 * what GET says, and the digest decides.
 */
import { assertEquals, assertRejects } from "@std/assert";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import {
  BadDigestError,
  ForbiddenError,
  InvalidContentError,
  InvalidManifestError,
  LimitError,
  ManifestVerificationError,
  NotFoundError,
} from "../errors.ts";
import { RegistryClientV2 } from "../registry_client_v2.ts";
import { RegistryStore } from "../registry_store.ts";

const { ociManifest, ociEmpty, octetStream } = MEDIA_TYPES;
const MANIFEST = encodeText(JSON.stringify({
  schemaVersion: 2,
  mediaType: ociManifest,
  config: { mediaType: ociEmpty, digest: `sha256:${"4".repeat(64)}`, size: 2 },
  layers: [],
}));
const BLOB = encodeText("hello ".repeat(100));
const OTHER = `sha256:${"0".repeat(64)}`;
const DIGEST = await digestOf(BLOB);
const MANIFEST_DIGEST = await digestOf(MANIFEST);
const DESCRIPTOR = { mediaType: ociManifest, digest: MANIFEST_DIGEST, size: MANIFEST.byteLength };
const EMPTY_DIGEST = await digestOf(new Uint8Array(0));

async function encoded(bytes: Bytes, format: CompressionFormat): Promise<Bytes> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream(format));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

type Answers = Record<string, (request: Request) => Response>;

/** A client of a registry that answers as a table says: "HEAD manifests", "PUT uploads". */
function clientOver(answers: Answers, limits = {}) {
  const lines: string[] = [];
  const fetch = (input: Request | URL | string, init?: RequestInit) => {
    const request = new Request(input, init);
    const { pathname } = new URL(request.url);
    const kind = /\/(manifests|uploads|blobs|tags)\//.exec(pathname)?.[1];
    const line = `${request.method} ${pathname.includes("/uploads/") ? "uploads" : kind}`;
    lines.push(line);
    return Promise.resolve(answers[line]?.(request) ?? new Response(null, { status: 404 }));
  };
  const client = new RegistryClientV2({
    name: "http://registry.test/app",
    fetch,
    retry: { maxAttempts: 1 },
    limits,
  });
  return { client, store: new RegistryStore(client), lines };
}

const status = (code: number) => () => new Response(null, { status: code });
const head = (headers: HeadersInit) => () => new Response(null, { headers });

const manifestHeaders = (more: Record<string, string> = {}) => ({
  "content-type": ociManifest,
  "content-length": String(MANIFEST.byteLength),
  "docker-content-digest": MANIFEST_DIGEST,
  ...more,
});
const getManifest = (headers: HeadersInit = { "content-type": ociManifest }) => () =>
  new Response(MANIFEST, { headers });

const MANIFEST_HINTS: [name: string, head: () => Response][] = [
  ["a length of 0", head(manifestHeaders({ "content-length": "0" }))],
  [
    "an encoded length",
    head(manifestHeaders({ "content-length": "9", "content-encoding": "gzip" })),
  ],
  ["no length", head({ "content-type": ociManifest, "docker-content-digest": MANIFEST_DIGEST })],
  ["application/octet-stream", head(manifestHeaders({ "content-type": octetStream }))],
  ["application/json", head(manifestHeaders({ "content-type": "application/json" }))],
  ["text/html", head(manifestHeaders({ "content-type": "text/html; charset=utf-8" }))],
  ["no digest", head({ "content-type": ociManifest, "content-length": "239" })],
  ["204", status(204)],
  ["403", status(403)],
  ["405", status(405)],
  ["501", status(501)],
];
for (const [name, answer] of MANIFEST_HINTS) {
  Deno.test(`end-3 HEAD manifests answers ${name}: GET says what there is`, async () => {
    const { client, store, lines } = clientOver({
      "HEAD manifests": answer,
      "GET manifests": getManifest(),
    });
    assertEquals(await client.headManifest({ ref: "latest" }), DESCRIPTOR);
    assertEquals(await store.resolve("latest"), DESCRIPTOR);
    assertEquals(lines, ["HEAD", "GET", "HEAD", "GET"].map((line) => `${line} manifests`));
    assertEquals(await store.exists(DESCRIPTOR), true);
  });
  Deno.test(`end-3 HEAD manifests answers ${name}, and GET 404: it is not there`, async () => {
    const { client, store } = clientOver({ "HEAD manifests": answer });
    await assertRejects(() => client.headManifest({ ref: "latest" }), NotFoundError);
    if (name === "no digest") return; // enough is known of a digest
    assertEquals(await store.exists(DESCRIPTOR), false);
  });
}

Deno.test("end-3 HEAD manifests: what it says in full is believed", async () => {
  const { client, lines } = clientOver({
    "HEAD manifests": head(manifestHeaders({ "content-type": `${ociManifest}, ${ociManifest}` })),
  });
  assertEquals(await client.headManifest({ ref: "latest" }), DESCRIPTOR);
  assertEquals(lines, ["HEAD manifests"]);
});

Deno.test("end-3 HEAD and GET manifests refused: GET's error", async () => {
  const { client } = clientOver({ "HEAD manifests": status(405), "GET manifests": status(403) });
  await assertRejects(() => client.headManifest({ ref: "latest" }), ForbiddenError);
});

const blobGet = () => new Response(BLOB, { headers: { "content-length": String(BLOB.length) } });
const BLOB_HINTS: [name: string, head: () => Response][] = [
  ["a length of 0", head({ "content-length": "0" })],
  ["an encoded length", head({ "content-length": "9", "content-encoding": "gzip" })],
  ["204", status(204)],
  ["403", status(403)],
  ["405", status(405)],
  ["501", status(501)],
];
for (const [name, answer] of BLOB_HINTS) {
  Deno.test(`end-2 HEAD blobs answers ${name}: GET says what there is`, async () => {
    const world = clientOver({ "HEAD blobs": answer, "GET blobs": blobGet });
    const { client, store, lines } = world;
    const descriptor = { mediaType: octetStream, digest: DIGEST, size: BLOB.byteLength };
    assertEquals(await client.statBlob({ digest: DIGEST }), descriptor);
    assertEquals(lines, ["HEAD blobs", "GET blobs"]);
    const answers = await client.headBlob({ digest: DIGEST });
    assertEquals(answers.at(-1)?.headers.get("content-length"), String(BLOB.byteLength));
    assertEquals(await store.resolve(DIGEST), descriptor);
    assertEquals(await store.exists(descriptor), true);
    // It is there: nothing is sent.
    assertEquals((await client.putBlob(BLOB)).digest, DIGEST);
    assertEquals(lines.some((line) => line.startsWith("POST")), false);
  });
  Deno.test(`end-2 HEAD blobs answers ${name}, and GET 404: it is not there`, async () => {
    const { client, store, lines } = clientOver({
      "HEAD blobs": answer,
      "POST uploads": () => new Response(null, { status: 201 }),
    });
    await assertRejects(() => client.headBlob({ digest: DIGEST }), NotFoundError);
    assertEquals(await store.exists({ mediaType: octetStream, digest: DIGEST, size: 1 }), false);
    await client.putBlob(BLOB);
    assertEquals(lines.at(-1), "POST uploads");
  });
}

Deno.test("end-2 HEAD blobs without a length: GET says the size", async () => {
  const { client } = clientOver({ "HEAD blobs": head({}), "GET blobs": blobGet });
  assertEquals((await client.statBlob({ digest: DIGEST })).size, BLOB.byteLength);
});

Deno.test("end-2 HEAD blobs of an empty blob: GET says so too", async () => {
  const empty = () => new Response(null, { headers: { "content-length": "0" } });
  const { client } = clientOver({ "HEAD blobs": empty, "GET blobs": empty });
  assertEquals((await client.statBlob({ digest: EMPTY_DIGEST })).size, 0);
});

Deno.test("end-2 HEAD blobs: another blob's digest is BAD_DIGEST", async () => {
  const { client, store } = clientOver({
    "HEAD blobs": head({ "content-length": "5", "docker-content-digest": OTHER }),
  });
  await assertRejects(() => client.headBlob({ digest: DIGEST }), BadDigestError);
  await assertRejects(() => client.putBlob(BLOB), BadDigestError);
  const descriptor = { mediaType: octetStream, digest: DIGEST, size: 5 };
  await assertRejects(() => store.exists(descriptor), BadDigestError);
});

Deno.test("end-4: who may push and not look, pushes", async () => {
  const { client, store, lines } = clientOver({
    "HEAD blobs": status(403),
    "GET blobs": status(403),
    "POST uploads": () => new Response(null, { status: 201 }),
  });
  assertEquals((await client.putBlob(BLOB, { digest: DIGEST })).size, BLOB.byteLength);
  assertEquals((await client.putBlob(BLOB, { mountFrom: "other" })).size, BLOB.byteLength);
  assertEquals(lines.filter((line) => line === "POST uploads").length, 2);
  const descriptor = { mediaType: octetStream, digest: DIGEST, size: 5 };
  await assertRejects(() => store.exists(descriptor), ForbiddenError);
});

Deno.test("end-2 putBlob: a HEAD that says 200 and then 404 is a typed error", async () => {
  let heads = 0;
  const { client } = clientOver({
    "HEAD blobs": () => new Response(null, { status: heads++ === 0 ? 200 : 404 }),
  });
  const stream = new Blob([BLOB]).stream();
  const error = await assertRejects(
    () => client.putBlob(stream, { digest: DIGEST }),
    InvalidContentError,
  );
  assertEquals(error.message.includes("and then that it is not"), true);
});

const FORMATS: [name: string, format: CompressionFormat][] = [
  ["gzip", "gzip"],
  ["X-GZip", "gzip"],
  ["deflate", "deflate"],
  ["identity, gzip", "gzip"],
];
for (const [name, format] of FORMATS) {
  Deno.test(`Content-Encoding ${name}, unasked: manifests, blobs and lists are decoded`, async () => {
    const answer = (bytes: Bytes, type: string) => () =>
      new Response(bytes, {
        headers: {
          "content-type": type,
          "content-encoding": name,
          "content-length": String(bytes.byteLength),
        },
      });
    const zipped = await encoded(BLOB, format);
    const { client, store } = clientOver({
      "GET manifests": answer(await encoded(MANIFEST, format), ociManifest),
      "HEAD blobs": answer(zipped, octetStream),
      "GET blobs": answer(zipped, octetStream),
      "GET tags": answer(await encoded(encodeText('{"tags":["a"]}'), format), "application/json"),
    });
    assertEquals((await client.getManifest({ ref: "latest" })).bytes, MANIFEST);
    assertEquals((await client.listTags()).tags, ["a"]);
    assertEquals(await (await client.getBlob(DIGEST)).bytes(), BLOB);
    const size = BLOB.byteLength;
    assertEquals(await (await client.getBlob(DIGEST, { size })).bytes(), BLOB);
    assertEquals((await client.statBlob({ digest: DIGEST })).size, size);
    const part = await store.open({ mediaType: octetStream, digest: DIGEST, size }, {
      offset: 6,
      length: 11,
    });
    assertEquals(await new Response(part).text(), "hello hello");
    // Bounded by the size that is known, and by the limit of what is read into memory.
    const small = await client.getBlob(DIGEST, { size: size - 1 });
    await assertRejects(() => small.bytes(), Error, "more bytes arrived");
    const limited = clientOver(
      { "GET manifests": answer(await encoded(MANIFEST, format), ociManifest) },
      { manifestBytes: MANIFEST.byteLength - 1 },
    );
    await assertRejects(() => limited.client.getManifest({ ref: "latest" }), LimitError);
  });
}

Deno.test("Content-Encoding: bytes of the known size are taken as they come", async () => {
  const zipped = await encoded(BLOB, "gzip");
  const digest = await digestOf(zipped);
  const headers = { "content-encoding": "gzip", "content-length": String(zipped.byteLength) };
  const { client } = clientOver({ "GET blobs": () => new Response(zipped, { headers }) });
  const blob = await client.getBlob(digest, { size: zipped.byteLength });
  assertEquals(await blob.bytes(), zipped);
});

Deno.test("Content-Encoding: what somebody on the way decoded is not decoded again", async () => {
  const headers = { "content-encoding": "gzip", "content-length": "20" };
  const { client } = clientOver({
    "GET blobs": () => new Response(BLOB, { headers }),
    "GET manifests": () => new Response(MANIFEST, { headers }),
  });
  assertEquals(await (await client.getBlob(DIGEST)).bytes(), BLOB);
  assertEquals((await client.getManifest({ ref: "latest" })).bytes, MANIFEST);
});

const UNREADABLE: [name: string, body: Bytes, message: string][] = [
  ["br", BLOB, '"br", which was not asked for and is unknown here'],
  ["gzip", encodeText("\x1f\x8bno"), "its bytes are not of that encoding"],
];
for (const [encoding, body, message] of UNREADABLE) {
  Deno.test(`Content-Encoding ${encoding} that cannot be read: ${message}`, async () => {
    const headers = { "content-encoding": encoding };
    const answer = () => new Response(body, { headers });
    const { client } = clientOver({ "GET blobs": answer, "GET manifests": answer });
    const pull = async () => await (await client.getBlob(DIGEST)).bytes();
    await assertRejects(pull, InvalidContentError, message);
    const get = () => client.getManifest({ ref: "latest" });
    await assertRejects(get, InvalidContentError, message);
  });
}

Deno.test("Content-Encoding: other bytes are BAD_DIGEST, and the error names it", async () => {
  const body = await encoded(BLOB, "gzip");
  const headers = { "content-encoding": "gzip", "content-type": ociManifest };
  const manifest = await encoded(MANIFEST, "gzip");
  const { client } = clientOver({
    "GET blobs": () => new Response(body, { headers }),
    "GET manifests": () => new Response(manifest, { headers }),
  });
  const pull = async () => await (await client.getBlob(OTHER)).bytes();
  await assertRejects(pull, BadDigestError, "with the Content-Encoding gzip");
  const get = () => client.getManifest({ ref: OTHER });
  await assertRejects(get, BadDigestError, "with the Content-Encoding gzip");
});

Deno.test("Content-Encoding: a part of something encoded is refused", async () => {
  const { client } = clientOver({
    "GET blobs": () =>
      new Response(BLOB.slice(0, 9), {
        status: 206,
        headers: { "content-encoding": "gzip", "content-range": "bytes 0-8/20" },
      }),
  });
  await assertRejects(
    () => client.getBlob(DIGEST, { range: { length: 9 } }),
    InvalidContentError,
    "a part of it with the Content-Encoding gzip",
  );
});

// deno-lint-ignore no-explicit-any -- each has parameters of its own
type ErrorClass = new (...args: any[]) => Error;

const TYPES: [type: string, body: string, error?: ErrorClass][] = [
  ["text/html", new TextDecoder().decode(MANIFEST)],
  ["text/json; charset=utf-8, text/json", new TextDecoder().decode(MANIFEST)],
  ["text/html", "<html>sign in</html>", InvalidManifestError],
  ["image/png", '{"schemaVersion":2,"layers":[]}', InvalidManifestError],
  ["image/png", new TextDecoder().decode(MANIFEST), ManifestVerificationError],
];
for (const [type, body, error] of TYPES) {
  Deno.test(`end-3 GET manifests as ${type}: ${error?.name ?? "its body decides"}`, async () => {
    const { client } = clientOver({
      "GET manifests": () => new Response(body, { headers: { "content-type": type } }),
    });
    const get = () => client.getManifest({ ref: "latest" });
    if (error === undefined) assertEquals((await get()).mediaType, ociManifest);
    else {
      const message = `registry.test answered 200 with ${type}`;
      await assertRejects(get, error, message);
    }
  });
}

Deno.test("end-3 GET manifests: a manifest's type that is not the body's stays refused", async () => {
  const { client } = clientOver({
    "GET manifests": getManifest({ "content-type": MEDIA_TYPES.dockerManifest }),
  });
  await assertRejects(() => client.getManifest({ ref: "latest" }), ManifestVerificationError);
});

Deno.test("end-3 GET manifests: a Content-Type never writes to a terminal", async () => {
  const { client } = clientOver({
    "GET manifests": getManifest({ "content-type": "a/\u009b31m" }),
  });
  const error = await assertRejects(() => client.getManifest({ ref: "latest" }), Error);
  assertEquals(/\p{Cc}/u.test(error.message), false);
});

Deno.test("putBlob: a HEAD that tells another size has not found the blob", async () => {
  const { client, lines } = clientOver({
    "HEAD blobs": head({ "content-length": "5120", "content-type": "application/octet-stream" }),
    "POST uploads": () => new Response(null, { status: 201 }),
  });
  await client.putBlob(BLOB);
  assertEquals(lines, ["HEAD blobs", "POST uploads"]);
});
