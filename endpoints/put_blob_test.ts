import { assert, assertEquals, assertRejects } from "@std/assert";
import { BadDigestError, SizeMismatchError, UploadError } from "../errors.ts";
import { type Body, bytesStream } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { type FakeOptions, sample } from "./fake_registry_test.ts";
import { answer, type FakeUploads, fakeUploads, pieces, reopenable } from "./fake_uploads_test.ts";
import { putBlob, type PutBlobOptions } from "./put_blob.ts";
import { startBlobUpload } from "./uploads.ts";

const SMALL = sample(1_000);
const LARGE = sample(200_000);
const EMPTY = new Uint8Array(0);
const SMALL_DIGEST = await digestOf(SMALL);
const LARGE_DIGEST = await digestOf(LARGE);

interface Path {
  name: string;
  body: () => Body;
  bytes: Bytes;
  options?: PutBlobOptions;
  server?: (server: FakeUploads) => void;
  fake?: FakeOptions;
  methods: string[];
}

const upload = (server: FakeUploads) => void (server.singlePost = "upload");

const PATHS: Path[] = [
  {
    name: "end-4b: small bytes in one POST",
    body: () => SMALL,
    bytes: SMALL,
    methods: ["HEAD", "POST 1000"],
  },
  {
    name: "end-4b: 202, so it goes on with PUT",
    body: () => SMALL,
    bytes: SMALL,
    server: upload,
    methods: ["HEAD", "POST 1000", "PUT 1000"],
  },
  {
    name: "end-4b: small, and known not to be there: it is read first, once",
    body: () => reopenable(SMALL).body,
    bytes: SMALL,
    options: { digest: SMALL_DIGEST, absent: true, verify: "target" },
    methods: ["POST 1000"],
  },
  {
    name: "end-4b: a small stream that is known not to be there can be sent again",
    body: () => bytesStream(SMALL),
    bytes: SMALL,
    options: { digest: SMALL_DIGEST, size: SMALL.length, absent: true },
    server: upload,
    methods: ["POST 1000", "PUT 1000"],
  },
  {
    name: "end-6: bytes in one PUT",
    body: () => LARGE,
    bytes: LARGE,
    methods: ["HEAD", "POST", "PUT 200000"],
  },
  {
    name: "end-6: bytes, their digest given",
    body: () => LARGE,
    bytes: LARGE,
    options: { digest: LARGE_DIGEST },
    methods: ["HEAD", "POST", "PUT 200000"],
  },
  {
    name: "end-6: a Blob is hashed first",
    body: () => new Blob([LARGE]),
    bytes: LARGE,
    methods: ["HEAD", "POST", "PUT 200000"],
  },
  {
    name: "end-6: what opens, digest and size known",
    body: () => reopenable(LARGE).body,
    bytes: LARGE,
    options: { digest: LARGE_DIGEST },
    methods: ["HEAD", "POST", "PUT 200000"],
  },
  {
    name: "end-6: a stream, digest and size known",
    body: () => pieces(LARGE),
    bytes: LARGE,
    options: { digest: LARGE_DIGEST, size: LARGE.length },
    methods: ["HEAD", "POST", "PUT 200000"],
  },
  {
    name: "end-5: what opens, digest unknown: one PATCH, hashed while it is sent",
    body: () => reopenable(LARGE).body,
    bytes: LARGE,
    methods: ["POST", "PATCH 200000", "PUT"],
  },
  {
    name: "end-5: a stream, digest unknown",
    body: () => bytesStream(LARGE),
    bytes: LARGE,
    options: { size: LARGE.length },
    methods: ["POST", "PATCH 200000", "PUT"],
  },
  {
    name: "end-5: a stream of unknown size, smaller than a chunk: all in the PUT",
    body: () => pieces(LARGE),
    bytes: LARGE,
    methods: ["POST", "PUT 200000"],
  },
  {
    name: "end-5: what opens, of unknown size",
    body: () => ({ open: () => pieces(LARGE) }),
    bytes: LARGE,
    options: { digest: LARGE_DIGEST },
    methods: ["HEAD", "POST", "PUT 200000"],
  },
  {
    name: "end-5: in chunks on request, the last one in the PUT",
    body: () => pieces(LARGE),
    bytes: LARGE,
    options: { chunkSize: 90_000 },
    methods: ["POST", "PATCH 90000", "PATCH 90000", "PUT 20000"],
  },
  {
    name: "end-5: chunks that come out even",
    body: () => LARGE,
    bytes: LARGE,
    options: { chunkSize: 100_000 },
    methods: ["HEAD", "POST", "PATCH 100000", "PUT 100000"],
  },
  {
    name: "end-5: chunks cut from one large piece",
    body: () => pieces(LARGE, LARGE.length),
    bytes: LARGE,
    options: { chunkSize: 70_000 },
    methods: ["POST", "PATCH 70000", "PATCH 70000", "PUT 60000"],
  },
  {
    name: "end-5: small bytes in chunks are not posted",
    body: () => SMALL,
    bytes: SMALL,
    options: { chunkSize: 600 },
    methods: ["HEAD", "POST", "PATCH 600", "PUT 400"],
  },
  {
    name: "end-5: the registry's smallest chunk is honoured",
    body: () => pieces(LARGE),
    bytes: LARGE,
    options: { chunkSize: 10_000 },
    server: (server) => server.headers = { "oci-chunk-min-length": "80000" },
    methods: ["POST", "PATCH 80000", "PATCH 80000", "PUT 40000"],
  },
  {
    name: "end-5: the registry's smallest chunk, larger than the blob",
    body: () => pieces(LARGE),
    bytes: LARGE,
    options: { chunkSize: 10_000 },
    server: (server) => server.headers = { "oci-chunk-min-length": "8000000" },
    methods: ["POST", "PUT 200000"],
  },
  {
    name: "a browser sends no streams: digest unknown, in chunks",
    body: () => reopenable(LARGE).body,
    bytes: LARGE,
    fake: { streams: false },
    methods: ["POST", "PUT 200000"],
  },
  {
    name: "a browser sends no streams: a Blob whole",
    body: () => new Blob([LARGE]),
    bytes: LARGE,
    fake: { streams: false },
    methods: ["HEAD", "POST", "PUT 200000"],
  },
  {
    name: "a browser sends no streams: digest known, in chunks",
    body: () => reopenable(LARGE).body,
    bytes: LARGE,
    options: { digest: LARGE_DIGEST },
    fake: { streams: false },
    methods: ["HEAD", "POST", "PUT 200000"],
  },
  {
    name: "no bytes",
    body: () => EMPTY,
    bytes: EMPTY,
    methods: ["HEAD", "POST"],
  },
  {
    name: "no bytes, 202",
    body: () => EMPTY,
    bytes: EMPTY,
    server: upload,
    methods: ["HEAD", "POST", "PUT"],
  },
  {
    name: "no bytes, a Blob",
    body: () => new Blob([]),
    bytes: EMPTY,
    methods: ["HEAD", "POST", "PUT"],
  },
  {
    name: "no bytes, in chunks",
    body: () => EMPTY,
    bytes: EMPTY,
    options: { chunkSize: 5 },
    methods: ["HEAD", "POST", "PUT"],
  },
  {
    name: "no bytes, a stream of unknown size",
    body: () => pieces(EMPTY),
    bytes: EMPTY,
    methods: ["POST", "PUT"],
  },
  {
    name: "no bytes, a stream of known size: no empty PATCH",
    body: () => pieces(EMPTY),
    bytes: EMPTY,
    options: { size: 0 },
    methods: ["POST", "PUT"],
  },
  {
    name: "no bytes, what opens, digest known",
    body: () => reopenable(EMPTY).body,
    bytes: EMPTY,
    options: { digest: await digestOf(EMPTY) },
    methods: ["HEAD", "POST", "PUT"],
  },
];

for (const { name, body, bytes, options, server, fake, methods } of PATHS) {
  Deno.test(`putBlob: ${name}`, async () => {
    const registry = fakeUploads(server, fake);
    const digest = await digestOf(bytes);
    const put = await putBlob(registry.channel, "app", body(), options);
    assertEquals(put, { mediaType: "application/octet-stream", digest, size: bytes.byteLength });
    assertEquals(registry.methods(), methods);
    assertEquals(registry.server.blobs.get(digest), bytes);
    assertEquals([...registry.server.sessions], []);
    const done = registry.of("progress").filter(({ done }) => done);
    assertEquals(done.map(({ bytes }) => bytes), [bytes.byteLength], "one end");
    registry.assertClosed();
  });
}

Deno.test("putBlob: sha512, known or computed", async () => {
  const digest = await digestOf(LARGE, "sha512");
  const bodies: [Body, PutBlobOptions][] = [
    [LARGE, { digestAlgorithm: "sha512" }],
    [LARGE, { digest }],
    [new Blob([LARGE]), { digestAlgorithm: "sha512" }],
    [pieces(LARGE), { digestAlgorithm: "sha512" }],
    [pieces(LARGE), { digest }],
  ];
  for (const [body, options] of bodies) {
    const registry = fakeUploads();
    assertEquals((await putBlob(registry.channel, "app", body, options)).digest, digest);
    const post = registry.lines().find((line) => line.startsWith("POST"));
    assertEquals(post, "POST /v2/app/blobs/uploads/?digest-algorithm=sha512");
  }
});

Deno.test("putBlob: the PATCH of a whole body has no Content-Range, chunks have", async () => {
  const whole = fakeUploads();
  await putBlob(whole.channel, "app", reopenable(LARGE).body);
  assertEquals(whole.seen[1]!.headers.get("content-range"), null);
  assertEquals(whole.seen[1]!.request.body!.size, LARGE.length);
  const chunks = fakeUploads();
  await putBlob(chunks.channel, "app", pieces(LARGE), { chunkSize: 90_000 });
  assertEquals(chunks.seen.map(({ headers }) => headers.get("content-range")), [
    null,
    "0-89999",
    "90000-179999",
    "180000-199999",
  ]);
});

Deno.test("putBlob: the media type of the descriptor", async () => {
  const { channel } = fakeUploads();
  const put = await putBlob(channel, "app", SMALL, { mediaType: "text/plain" });
  assertEquals(put.mediaType, "text/plain");
});

const THERE: [name: string, body: () => Body, options: PutBlobOptions, methods: string[]][] = [
  ["bytes", () => LARGE, {}, ["HEAD"]],
  ["a Blob", () => new Blob([LARGE]), {}, ["HEAD"]],
  ["what opens", () => reopenable(LARGE).body, { digest: LARGE_DIGEST }, ["HEAD"]],
  ["a stream", () => pieces(LARGE), { digest: LARGE_DIGEST, size: LARGE.length }, ["HEAD"]],
  [
    "a stream of unknown size: the registry says it",
    () => pieces(LARGE),
    { digest: LARGE_DIGEST },
    ["HEAD", "HEAD"],
  ],
];

for (const [name, body, options, methods] of THERE) {
  Deno.test(`putBlob: a blob that is there is not sent: ${name}`, async () => {
    const registry = fakeUploads((server) => server.blobs.set(LARGE_DIGEST, LARGE));
    const put = await putBlob(registry.channel, "app", body(), options);
    assertEquals([put.digest, put.size], [LARGE_DIGEST, LARGE.length]);
    assertEquals(registry.methods(), methods);
  });
}

Deno.test("putBlob: a stream that is not needed is let go of", async () => {
  let cancelled = false;
  const stream = new ReadableStream<Bytes>({
    cancel() {
      cancelled = true;
    },
  });
  const { channel } = fakeUploads((server) => server.blobs.set(LARGE_DIGEST, LARGE));
  await putBlob(channel, "app", stream, { digest: LARGE_DIGEST, size: LARGE.length });
  assert(cancelled);
});

Deno.test("putBlob: an upload that was started is gone on with", async () => {
  for (const [bytes, digest] of [[SMALL, SMALL_DIGEST], [LARGE, LARGE_DIGEST]] as const) {
    for (const made of [() => bytes, () => reopenable(bytes).body, () => pieces(bytes)]) {
      const registry = fakeUploads();
      const { channel, methods, server } = registry;
      const session = await startBlobUpload(channel, "app");
      const options = { digest, size: bytes.length, session, absent: true };
      await putBlob(channel, "app", made(), options);
      assertEquals(methods(), ["POST", `PUT ${bytes.length}`]);
      assertEquals(server.blobs.get(digest), bytes);
    }
  }
});

Deno.test("putBlob: what opens is opened once, and read once", async () => {
  for (const options of [{}, { digest: LARGE_DIGEST }, { chunkSize: 70_000 }]) {
    const { body, opened } = reopenable(LARGE);
    await putBlob(fakeUploads().channel, "app", body, options);
    assertEquals(opened, [0]);
  }
});

Deno.test("putBlob, small and known not to be there: opened while the upload is started, where no POST takes it", async () => {
  const registry = fakeUploads(upload);
  const { channel } = registry;
  const options = { digest: SMALL_DIGEST, absent: true, verify: "target" } as const;
  const first = reopenable(SMALL);
  await putBlob(channel, "app", first.body, options);
  assertEquals(registry.methods(), ["POST 1000", "PUT 1000"]);
  assertEquals(first.opened, [0]);
  const second = reopenable(SMALL);
  await putBlob(channel, "other", second.body, options);
  assertEquals(registry.methods().slice(2), ["POST", "PUT 1000"]);
  assertEquals(second.opened, [0]);
});

Deno.test("putBlob, small and known not to be there: other bytes are not sent", async () => {
  const { channel, methods } = fakeUploads();
  const options = { digest: SMALL_DIGEST, absent: true, verify: "target" } as const;
  const { body } = reopenable(sample(1_001).subarray(1));
  await assertRejects(() => putBlob(channel, "app", body, options), BadDigestError);
  const longer = { ...reopenable(sample(1_001)).body, size: 1_000 };
  await assertRejects(() => putBlob(channel, "app", longer, options), SizeMismatchError);
  const broken = { size: 1_000, open: () => Promise.reject(new Error("no disk")) };
  await assertRejects(() => putBlob(channel, "app", broken, options), UploadError, "no disk");
  assertEquals(methods(), []);
});

for (const status of [400, 404, 405, 411, 415, 501]) {
  Deno.test(`end-4b POST: ${status} to a single POST is remembered`, async () => {
    const registry = fakeUploads((server) =>
      server.faults.push(["POST", answer(() => new Response(null, { status }))])
    );
    await putBlob(registry.channel, "app", SMALL);
    assertEquals(registry.methods().slice(2), ["POST", "PUT 1000"]);
    await putBlob(registry.channel, "app", sample(999));
    assertEquals(registry.methods().slice(4), ["HEAD", "POST", "PUT 999"]);
    assertEquals(registry.channel.capabilities.singlePost, false);
  });
}

Deno.test("end-4b POST: 202 to a single POST is remembered", async () => {
  const registry = fakeUploads(upload);
  await putBlob(registry.channel, "app", SMALL);
  await putBlob(registry.channel, "app", sample(999));
  assertEquals(registry.methods().slice(3), ["HEAD", "POST", "PUT 999"]);
});

Deno.test("end-4b POST: one that died is sent again", async () => {
  const registry = fakeUploads((server) =>
    server.faults.push(["POST", async (_, serve) => {
      await serve();
      return new Response(null, { status: 503 });
    }])
  );
  await putBlob(registry.channel, "app", SMALL);
  assertEquals(registry.methods(), ["HEAD", "POST 1000", "POST 1000"]);
});
