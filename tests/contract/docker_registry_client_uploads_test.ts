/** The contract of docker_registry_client: blobUpload, and the methods that the original lacks. */
import { Readable } from "node:stream";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  BadDigestError,
  buildManifest,
  type Bytes,
  type Descriptor,
  NotFoundError,
  type RegistryClientV2,
  RegistryResponseError,
  SizeMismatchError,
  UnsupportedError,
  type UploadSession,
} from "@davit/registry-client";
import { pair, pushImage, sha256, UNKNOWN, utf8 } from "./sample.ts";

const CONTENT = utf8("0123456789".repeat(20_000));
const DIGEST = await sha256(CONTENT);
const PIECE = 64 * 1024;

async function* pieces(): AsyncGenerator<Bytes> {
  for (let at = 0; at < CONTENT.byteLength; at += PIECE) {
    await Promise.resolve();
    yield CONTENT.slice(at, at + PIECE);
  }
}

type BlobUploadStream = Parameters<RegistryClientV2["blobUpload"]>[0]["stream"];

const streams: [kind: string, stream: () => BlobUploadStream][] = [
  ["a web stream", () => new Blob([CONTENT]).stream()],
  ["a web stream of Uint8Arrays", () => ReadableStream.from(pieces())],
  ["a Node stream", () => Readable.from(pieces())],
  ["a Node stream of one Buffer", () => Readable.from([CONTENT])],
  ["an async iterable", () => pieces()],
  ["a Uint8Array", () => CONTENT],
  ["a Blob", () => new Blob([CONTENT])],
  ["an object with open", () => ({
    size: CONTENT.byteLength,
    open: (offset = 0) => new Blob([CONTENT.subarray(offset)]).stream(),
  })],
];

for (const [kind, stream] of streams) {
  Deno.test(`blobUpload: ${kind}`, async () => {
    const { client } = pair();
    const nothing: void = await client.blobUpload({
      digest: DIGEST,
      stream: stream(),
      contentLength: CONTENT.byteLength,
      contentType: "application/octet-stream",
    });
    assertEquals(nothing, undefined);
    assertEquals(await (await client.getBlob(DIGEST)).bytes(), CONTENT);
  });

  Deno.test(`blobUpload: ${kind} that is too short, or has another digest`, async () => {
    const { client } = pair();
    const contentLength = CONTENT.byteLength;
    const short = { digest: DIGEST, stream: stream(), contentLength: contentLength + 1 };
    const bytes = kind === "a Uint8Array" || kind === "a Blob" || kind === "an object with open";
    if (!bytes) await assertRejects(() => client.blobUpload(short), SizeMismatchError);
    const wrong = { digest: UNKNOWN, stream: stream(), contentLength };
    await assertRejects(() => client.blobUpload(wrong), BadDigestError);
    for (const digest of [DIGEST, UNKNOWN]) {
      await assertRejects(() => client.headBlob({ digest }), NotFoundError);
    }
  });
}

Deno.test("blobUpload: what is there already is not sent, and a stream is let go of", async () => {
  const { client, taken } = pair();
  await client.putBlob(CONTENT);
  taken();
  let cancelled = false;
  const stream = new ReadableStream<Bytes>({
    cancel() {
      cancelled = true;
    },
  });
  await client.blobUpload({ digest: DIGEST, stream, contentLength: CONTENT.byteLength });
  assertEquals(taken(), [`HEAD /v2/app/blobs/${DIGEST} 200`]);
  assertEquals(cancelled, true);
});

Deno.test("startBlobUpload, uploadBlobChunk, getBlobUploadStatus, completeBlobUpload", async () => {
  const { client } = pair({ chunkMinLength: 4 });
  let session: UploadSession = await client.startBlobUpload();
  assert(URL.canParse(session.location));
  assertEquals([session.offset, session.minChunk], [0, 4]);
  session = await client.uploadBlobChunk({ session, data: utf8("hello ") });
  assertEquals(session.offset, 6);
  session = await client.getBlobUploadStatus({ session });
  assertEquals(session.offset, 6);
  session = await client.uploadBlobChunk({ session, data: utf8("big ") });
  const digest = await sha256(utf8("hello big world"));
  const done = await client.completeBlobUpload({ session, digest, data: utf8("world") });
  assertEquals(done.digest, digest);
  assertStringIncludes(done.location!, digest);
  assertEquals(await (await client.getBlob(digest)).text(), "hello big world");
});

Deno.test("completeBlobUpload: without data; with another digest it is refused", async () => {
  const { client } = pair();
  let session = await client.startBlobUpload();
  session = await client.uploadBlobChunk({ session, data: utf8("hello") });
  const done = await client.completeBlobUpload({ session, digest: await sha256(utf8("hello")) });
  assertEquals(done.digest, await sha256(utf8("hello")));
  session = await client.startBlobUpload();
  session = await client.uploadBlobChunk({ session, data: utf8("hello") });
  const error = await assertRejects(
    () => client.completeBlobUpload({ session, digest: UNKNOWN }),
    RegistryResponseError,
  );
  assertEquals(error.codes, ["DIGEST_INVALID"]);
});

Deno.test("startBlobUpload: digestAlgorithm", async () => {
  const { client, taken } = pair();
  let session = await client.startBlobUpload({ digestAlgorithm: "sha512" });
  assertEquals(taken(), ["POST /v2/app/blobs/uploads/?digest-algorithm=sha512 202"]);
  session = await client.uploadBlobChunk({ session, data: utf8("hello") });
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-512", utf8("hello")));
  const hex = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  await client.completeBlobUpload({ session, digest: `sha512:${hex}` });
  assertEquals(await (await client.getBlob(`sha512:${hex}`)).text(), "hello");
});

Deno.test("startBlobUpload: mount that is done needs nothing to be sent", async () => {
  const { client } = pair();
  const { digest } = await client.withRepo("base").putBlob(utf8("hello"));
  const session = await client.startBlobUpload({ mount: { digest, from: "base" } });
  assertEquals(session.mounted, true);
  assertEquals(session.location, `http://localhost:5000/v2/app/blobs/${digest}`);
  assertEquals(await (await client.getBlob(digest)).text(), "hello");
});

Deno.test("startBlobUpload: mount that is not done is an upload like any other", async () => {
  const { client } = pair();
  let session = await client.startBlobUpload({ mount: { digest: UNKNOWN, from: "base" } });
  assertEquals(session.mounted, undefined);
  session = await client.uploadBlobChunk({ session, data: utf8("hello") });
  assertEquals(session.offset, 5);
  await client.cancelBlobUpload({ session });
});

Deno.test("cancelBlobUpload: nothing; the upload is gone", async () => {
  const { client } = pair();
  const session = await client.startBlobUpload();
  const nothing: void = await client.cancelBlobUpload({ session });
  assertEquals(nothing, undefined);
  await assertRejects(() => client.getBlobUploadStatus({ session }), NotFoundError);
});

Deno.test("deleteBlob: nothing; the blob is gone", async () => {
  const { client } = pair();
  const { digest } = await client.putBlob(utf8("hello"));
  const nothing: void = await client.deleteBlob({ digest });
  assertEquals(nothing, undefined);
  await assertRejects(() => client.getBlob(digest), NotFoundError);
});

Deno.test("deleteBlob, deleteManifest: a registry that does not delete", async () => {
  const { client } = pair({ deletes: false });
  const image = await pushImage(client, "latest");
  const { digest } = image.layerDescriptor;
  await assertRejects(() => client.deleteBlob({ digest }), UnsupportedError);
  await assertRejects(() => client.deleteManifest({ ref: "latest" }), UnsupportedError);
});

Deno.test("mountBlob: mounted, or the session of an upload", async () => {
  const { client } = pair();
  const { digest } = await client.withRepo("base").putBlob(utf8("hello"));
  assertEquals(await client.mountBlob({ digest, from: "base" }), { mounted: true });
  const refused = await client.mountBlob({ digest: UNKNOWN, from: "base" });
  assert(!refused.mounted);
  assertEquals(refused.session.offset, 0);
  await client.cancelBlobUpload({ session: refused.session });
});

Deno.test("headManifest: the descriptor", async () => {
  const { client, taken } = pair();
  const { descriptor, manifest } = await pushImage(client, "latest");
  taken();
  const expected: Descriptor = {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: descriptor.digest,
    size: manifest.byteLength,
  };
  assertEquals(await client.headManifest({ ref: "latest" }), expected);
  assertEquals(await client.headManifest({ ref: descriptor.digest }), expected);
  assertEquals(taken().map((line) => line.split(" ")[0]), ["HEAD", "HEAD"]);
});

for (const referrersApi of [true, false]) {
  const how = referrersApi ? "the API" : "the fallback tag";
  Deno.test(`listReferrers, referrers: from ${how}`, async () => {
    const { client } = pair({ referrersApi });
    const { descriptor } = await pushImage(client, "latest");
    await client.putBlob(utf8("{}"));
    const { digest, mediaType, size } = descriptor;
    const attached: Descriptor[] = [];
    for (const artifactType of ["text/x-one", "text/x-two"]) {
      const artifact = await buildManifest({
        artifactType,
        layers: [],
        subject: { digest, mediaType, size },
      });
      await client.putBlob(utf8("{}"));
      await client.putManifest({
        manifestData: artifact.bytes,
        ref: artifact.descriptor.digest,
      });
      attached.push({ ...artifact.descriptor, artifactType });
    }
    const all = await client.listReferrers({ digest });
    assertEquals(all.fromTag, !referrersApi);
    assertEquals(
      all.manifests.map((each) => each.digest).sort(),
      attached.map((each) => each.digest).sort(),
    );
    const two = await client.listReferrers({ digest, artifactType: "text/x-two" });
    assertEquals(two.manifests.map((each) => each.digest), [attached[1]!.digest]);
    assertEquals(two.filtersApplied, referrersApi ? ["artifactType"] : []);
    const iterated: Descriptor[] = [];
    for await (const each of client.referrers(digest, { artifactType: "text/x-one" })) {
      iterated.push(each);
    }
    assertEquals(iterated.map((each) => each.digest), [attached[0]!.digest]);
  });
}

Deno.test("listRepositories, repositories, tags: gathered, and a page at a time", async () => {
  const { client, taken } = pair({ tagPageSize: 2 });
  const names = ["a", "b/c", "d", "e"];
  for (const name of names) await pushImage(client.withRepo(name), "v1");
  assertEquals(await client.listRepositories(), { repositories: names });
  taken();
  for await (const name of client.repositories()) {
    assertEquals(name, "a");
    break;
  }
  assertEquals(taken().length, 1, "the second page is not asked for");
  const tags: string[] = [];
  for await (const tag of client.withRepo("a").tags()) tags.push(tag);
  assertEquals(tags, ["v1"]);
});

Deno.test("lists: pageSize, maxPages, last", async () => {
  const { client, taken } = pair();
  const { manifest } = await pushImage(client, "a");
  for (const ref of ["b", "c", "d"]) await client.putManifest({ manifestData: manifest, ref });
  taken();
  assertEquals((await client.listTags({ pageSize: 3 })).tags, ["a", "b", "c", "d"]);
  assertEquals(taken().length, 2);
  assertEquals((await client.listTags({ last: "b" })).tags, ["c", "d"]);
  await assertRejects(() => client.listTags({ pageSize: 1, maxPages: 2 }), Error, "maxPages");
});

Deno.test("getBlob: stream, size, verified, bytes(), text(), json()", async () => {
  const { client } = pair();
  const { digest } = await client.putBlob(utf8('{"a":1}'));
  const blob = await client.getBlob(digest);
  assertEquals([blob.size, blob.verified], [7, true]);
  assertInstanceOf(blob.stream, ReadableStream);
  assertEquals(await new Response(blob.stream).text(), '{"a":1}');
  assertEquals(await (await client.getBlob(digest)).bytes(), utf8('{"a":1}'));
  assertEquals(await (await client.getBlob(digest)).text(), '{"a":1}');
  assertEquals(await (await client.getBlob(digest)).json(), { a: 1 });
});

const ranges: [range: { offset?: number; length?: number }, text: string][] = [
  [{ offset: 2 }, "llo"],
  [{ length: 2 }, "he"],
  [{ offset: 1, length: 3 }, "ell"],
];

for (const [range, text] of ranges) {
  Deno.test(`getBlob: range ${JSON.stringify(range)} is not verified`, async () => {
    const { client } = pair();
    const { digest } = await client.putBlob(utf8("hello"));
    const blob = await client.getBlob(digest, { range });
    assertEquals([blob.verified, blob.size], [false, text.length]);
    assertEquals(await blob.text(), text);
  });
}

const bodies: [kind: string, body: () => Parameters<RegistryClientV2["putBlob"]>[0]][] = [
  ["bytes", () => CONTENT],
  ["a Blob", () => new Blob([CONTENT])],
  ["a stream", () => new Blob([CONTENT]).stream()],
  ["an object with open", () => ({ open: (at = 0) => new Blob([CONTENT.subarray(at)]).stream() })],
];

for (const [kind, body] of bodies) {
  Deno.test(`putBlob: ${kind}, without a digest`, async () => {
    const { client } = pair();
    assertEquals(await client.putBlob(body(), { mediaType: "text/plain" }), {
      mediaType: "text/plain",
      digest: DIGEST,
      size: CONTENT.byteLength,
    });
    assertEquals(await (await client.getBlob(DIGEST)).bytes(), CONTENT);
  });

  Deno.test(`putBlob: ${kind}, with its digest and with another one`, async () => {
    const { client } = pair();
    const { digest } = await client.putBlob(body(), { digest: DIGEST });
    assertEquals(digest, DIGEST);
    await assertRejects(() => client.putBlob(body(), { digest: UNKNOWN }), BadDigestError);
  });
}

Deno.test("putBlob: no bytes at all", async () => {
  const { client } = pair();
  const { digest, size } = await client.putBlob(new Uint8Array(0));
  assertEquals([digest, size], [await sha256(new Uint8Array(0)), 0]);
  assertEquals((await (await client.getBlob(digest)).bytes()).byteLength, 0);
});
