/** Streams, which can be sent once: what can be mended all the same, and what is said otherwise. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  HttpError,
  NetworkError,
  RegistryResponseError,
  TimeoutError,
  UnauthorizedError,
  UploadError,
} from "../errors.ts";
import type { Bytes } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { type ErrorClass, failure, reset, sample } from "./fake_registry_test.ts";
import {
  after,
  answer,
  before,
  type FakeUploads,
  fakeUploads,
  midway,
  pieces,
} from "./fake_uploads_test.ts";
import { putBlob, type PutBlobOptions } from "./put_blob.ts";

const LARGE = sample(1_000_000);
const DIGEST = await digestOf(LARGE);
const SIZE = LARGE.length;

type Fault = FakeUploads["faults"][number];

interface Case {
  name: string;
  options: PutBlobOptions;
  faults: (server: FakeUploads) => Fault[];
  methods: string[];
}

interface Gone extends Case {
  cause?: ErrorClass;
  message?: string;
}

const KNOWN = { digest: DIGEST, size: SIZE };
const CHUNKS = { chunkSize: 400_000 };

/** A registry that does not say how far an upload is, as ECR. */
function hasNoStatus(server: FakeUploads): Fault[] {
  server.range = () => null;
  return [1, 2].map(() => ["GET", answer(() => new Response(null, { status: 404 }))]);
}

const taken: Fault = ["PATCH", (_, serve) => serve()];

/** The registry loses most of what it had, and then the connection breaks. */
function losing(server: FakeUploads): Fault[1] {
  return async (seen) => {
    await seen.read();
    server.sessions.set("u1", LARGE.slice(0, 100));
    throw reset();
  };
}

const GONE: Gone[] = [
  {
    name: "reset before a byte, in the PUT",
    options: KNOWN,
    faults: () => [["PUT", before()]],
    methods: ["HEAD", "POST", "PUT", "HEAD", "DELETE"],
    cause: NetworkError,
  },
  {
    name: "reset midway, in the PUT",
    options: KNOWN,
    faults: (server) => [["PUT", midway(server, 300_000)]],
    methods: ["HEAD", "POST", "PUT 300000", "HEAD", "DELETE"],
    cause: NetworkError,
  },
  {
    name: "reset midway, in the PATCH",
    options: { size: SIZE },
    faults: (server) => [["PATCH", midway(server, 300_000)]],
    methods: ["POST", "PATCH 300000", "DELETE"],
    cause: NetworkError,
  },
  {
    name: "503 in the PATCH",
    options: { size: SIZE },
    faults: () => [["PATCH", answer(() => new Response(null, { status: 503 }))]],
    methods: ["POST", "PATCH", "DELETE"],
    cause: RegistryResponseError,
    message: "503",
  },
  {
    name: "a PATCH without Content-Range is refused",
    options: { size: SIZE },
    faults: () => [["PATCH", answer(() => failure(400, "BLOB_UPLOAD_INVALID"))]],
    methods: ["POST", "PATCH", "DELETE"],
    cause: RegistryResponseError,
    message: "BLOB_UPLOAD_INVALID",
  },
  {
    name: "413",
    options: KNOWN,
    faults: () => [["PUT", answer(() => new Response(null, { status: 413 }))]],
    methods: ["HEAD", "POST", "PUT", "DELETE"],
    cause: RegistryResponseError,
    message: "413",
  },
  {
    name: "416",
    options: KNOWN,
    faults: () => [["PUT", answer(() => failure(416, "SIZE_INVALID"))]],
    methods: ["HEAD", "POST", "PUT", "DELETE"],
    cause: RegistryResponseError,
    message: "SIZE_INVALID",
  },
  {
    name: "the upload is gone",
    options: { size: SIZE },
    faults: () => [["PATCH", answer(() => failure(404, "BLOB_UPLOAD_UNKNOWN"))]],
    methods: ["POST", "PATCH", "DELETE"],
    cause: HttpError as unknown as ErrorClass,
    message: "BLOB_UPLOAD_UNKNOWN",
  },
  {
    name: "in chunks: the upload is gone after the second",
    options: { chunkSize: 300_000 },
    faults: () => [
      ["PATCH", (_, serve) => serve()],
      ["PATCH", (_, serve) => serve()],
      ["PATCH", answer(() => failure(404, "BLOB_UPLOAD_UNKNOWN"))],
    ],
    methods: ["POST", "PATCH 300000", "PATCH 300000", "PATCH", "DELETE"],
    cause: HttpError as unknown as ErrorClass,
  },
  {
    name: "in chunks: the registry lost bytes that are gone",
    options: { chunkSize: 300_000 },
    faults: (server) => [taken, taken, ["PATCH", losing(server)]],
    methods: ["POST", "PATCH 300000", "PATCH 300000", "PATCH 300000", "GET", "DELETE"],
    message: "those bytes of the stream are gone",
  },
  {
    name: "in chunks, no status: a part of the second was taken",
    options: CHUNKS,
    faults: (server) => [...hasNoStatus(server), taken, ["PATCH", midway(server, 300_000)]],
    methods: [
      "POST",
      "PATCH 400000",
      "PATCH 327680",
      "GET",
      "PATCH 400000", // 416: so it is there
      "GET",
      "PUT 200000", // 416: it is not
      "DELETE",
    ],
    cause: HttpError as unknown as ErrorClass,
  },
  {
    name: "in chunks, no status: the second went out twice, and the third is refused its place",
    options: CHUNKS,
    faults: (server) => [
      ...hasNoStatus(server),
      taken,
      ["PATCH", answer(() => new Response(null, { status: 503 }))],
      ["PUT", answer(() => failure(416, "BLOB_UPLOAD_INVALID"))],
    ],
    methods: ["POST", "PATCH 400000", "PATCH", "GET", "PATCH 400000", "PUT", "GET", "DELETE"],
    cause: HttpError as unknown as ErrorClass,
  },
  {
    name: "in chunks, no status: the second dies each time",
    options: CHUNKS,
    faults: (server) => [
      ...hasNoStatus(server),
      taken,
      ...[1, 2, 3].map((): Fault => ["PATCH", before()]),
    ],
    methods: ["POST", "PATCH 400000", "PATCH", "GET", "PATCH", "GET", "PATCH", "DELETE"],
    cause: NetworkError,
  },
];

for (const { name, options, faults, methods, cause, message = "" } of GONE) {
  Deno.test(`putBlob, a stream: ${name} is UPLOAD_FAILED, and says open()`, async () => {
    const registry = fakeUploads((server) => server.faults.push(...faults(server)));
    const error = await assertRejects(
      () => putBlob(registry.channel, "app", pieces(LARGE), options),
      UploadError,
      "Pass {size, open()} instead of a stream",
    );
    assertEquals([error.code, error.retryable], ["UPLOAD_FAILED", false]);
    assert(error.message.includes(message), error.message);
    if (cause !== undefined) assertInstanceOf(error.cause, cause);
    assertEquals(registry.methods(), methods);
    assertEquals([...registry.server.blobs], []);
    registry.assertClosed();
  });
}

const MENDED: Case[] = [
  {
    name: "in chunks, no status: the first died midway, so a new upload is as good",
    options: CHUNKS,
    faults: (server) => [...hasNoStatus(server), ["PATCH", midway(server, 300_000)]],
    methods: [
      "POST",
      "PATCH 327680",
      "GET",
      "DELETE",
      "POST",
      "PATCH 400000",
      "PATCH 400000",
      "PUT 200000",
    ],
  },
  {
    name:
      "in chunks: the registry lost bytes of the first, which is at hand while the second goes out",
    options: CHUNKS,
    faults: (server) => [taken, ["PATCH", losing(server)]],
    methods: [
      "POST",
      "PATCH 400000",
      "PATCH 400000",
      "GET",
      "PATCH 400000",
      "PATCH 400000",
      "PUT 199900",
    ],
  },
  {
    name: "in chunks, no status: the second died before a byte",
    options: CHUNKS,
    faults: (server) => [...hasNoStatus(server), taken, ["PATCH", before()]],
    methods: ["POST", "PATCH 400000", "PATCH", "GET", "PATCH 400000", "PUT 200000"],
  },
  {
    name: "in chunks, no status: the second died after it landed",
    options: CHUNKS,
    faults: (server) => [...hasNoStatus(server), taken, ["PATCH", after()]],
    methods: [
      "POST",
      "PATCH 400000",
      "PATCH 400000",
      "GET",
      "PATCH 400000", // 416
      "GET",
      "PUT 200000",
    ],
  },
  {
    name: "in chunks, no status: 503 to the second, and to the closing one",
    options: CHUNKS,
    faults: (server) => [
      ...hasNoStatus(server),
      taken,
      ["PATCH", answer(() => new Response(null, { status: 503 }))],
      ["PUT", answer(() => new Response(null, { status: 503 }))],
    ],
    methods: [
      "POST",
      "PATCH 400000",
      "PATCH",
      "GET",
      "PATCH 400000",
      "PUT",
      "HEAD",
      "GET",
      "PUT 200000",
    ],
  },
  ...[404, 400, 405].map((status): Case => ({
    name: `in chunks: one is taken, and the second a ${status}: all in one request`,
    options: CHUNKS,
    faults: () => [
      ["PATCH", (_, serve) => serve()],
      ["PATCH", answer(() => failure(status, "UNSUPPORTED"))],
    ],
    methods: ["POST", "PATCH 400000", "PATCH", "DELETE", "POST", "PATCH 1000000", "PUT"],
  })),
  {
    name: "a reset of the POST",
    options: KNOWN,
    faults: () => [["POST", before()]],
    methods: ["HEAD", "POST", "POST", "PUT 1000000"],
  },
  {
    name: "a PUT that died after it landed",
    options: KNOWN,
    faults: () => [["PUT", after()]],
    methods: ["HEAD", "POST", "PUT 1000000", "HEAD"],
  },
  {
    name: "a closing PUT that died, when every byte is there",
    options: { size: SIZE },
    faults: () => [["PUT", before()]],
    methods: ["POST", "PATCH 1000000", "PUT", "HEAD", "GET", "PUT"],
  },
  {
    name: "in chunks: a PATCH that died before a byte",
    options: CHUNKS,
    faults: () => [["PATCH", before()]],
    methods: ["POST", "PATCH", "GET", "PATCH 400000", "PATCH 400000", "PUT 200000"],
  },
  {
    name: "in chunks: a PATCH that died midway",
    options: CHUNKS,
    faults: (server) => [["PATCH", midway(server, 300_000)]],
    methods: ["POST", "PATCH 327680", "GET", "PATCH 400000", "PUT 272320"],
  },
  {
    name: "in chunks: a PATCH that died after it landed",
    options: CHUNKS,
    faults: () => [["PATCH", after()]],
    methods: ["POST", "PATCH 400000", "GET", "PATCH 400000", "PUT 200000"],
  },
  {
    name: "in chunks: the PUT died before a byte",
    options: CHUNKS,
    faults: () => [["PUT", before()]],
    methods: ["POST", "PATCH 400000", "PATCH 400000", "PUT", "HEAD", "GET", "PUT 200000"],
  },
  {
    name: "in chunks: the first one's upload is gone",
    options: CHUNKS,
    faults: () => [["PATCH", answer(() => failure(404, "BLOB_UPLOAD_UNKNOWN"))]],
    methods: ["POST", "PATCH", "DELETE", "POST", "PATCH 400000", "PATCH 400000", "PUT 200000"],
  },
  {
    name: "in chunks: 413 to the second",
    options: CHUNKS,
    faults: () => [
      ["PATCH", (_, serve) => serve()],
      ["PATCH", answer(() => new Response(null, { status: 413 }))],
    ],
    methods: ["POST", "PATCH 400000", "PATCH", "PATCH 200000", "PATCH 200000", "PUT 200000"],
  },
  {
    name: "in chunks: 503 every other time",
    options: CHUNKS,
    faults: () => [
      ["PATCH", answer(() => new Response(null, { status: 503 }))],
      ["PATCH", (_, serve) => serve()],
      ["PATCH", answer(() => new Response(null, { status: 503 }))],
      ["PATCH", (_, serve) => serve()],
      ["PUT", answer(() => new Response(null, { status: 503 }))],
    ],
    methods: [
      "POST",
      "PATCH",
      "GET",
      "PATCH 400000",
      "PATCH",
      "GET",
      "PATCH 400000",
      "PUT",
      "HEAD",
      "GET",
      "PUT 200000",
    ],
  },
];

for (const { name, options, faults, methods } of MENDED) {
  Deno.test(`putBlob, a stream: ${name} is mended`, async () => {
    const registry = fakeUploads((server) => server.faults.push(...faults(server)));
    const put = await putBlob(registry.channel, "app", pieces(LARGE), options);
    assertEquals([put.digest, put.size], [DIGEST, SIZE]);
    assertEquals(registry.methods(), methods);
    assertEquals(registry.server.blobs.get(DIGEST), LARGE);
    registry.assertClosed();
  });
}

Deno.test("putBlob, a stream: 401 is the registry's refusal, not the stream's fault", async () => {
  const registry = fakeUploads((server) =>
    server.faults.push(["PUT", answer(() => failure(401, "UNAUTHORIZED"))])
  );
  await assertRejects(
    () => putBlob(registry.channel, "app", pieces(LARGE), KNOWN),
    UnauthorizedError,
  );
  assertEquals(registry.methods(), ["HEAD", "POST", "PUT", "DELETE"]);
});

/** A stream that breaks after some bytes. */
function failing(error: Error): ReadableStream<Bytes> {
  let given = false;
  return new ReadableStream({
    pull(controller) {
      if (given) throw error;
      given = true;
      controller.enqueue(LARGE.slice(0, 100_000));
    },
  }, { highWaterMark: 0 });
}

for (const options of [KNOWN, { size: SIZE }, {}, { chunkSize: 50_000 }] as PutBlobOptions[]) {
  const how = JSON.stringify(Object.keys(options));
  Deno.test(`putBlob, a stream: its own failure is UPLOAD_FAILED with the cause, once (${how})`, async () => {
    const own = new Error("the disk broke");
    const registry = fakeUploads();
    const error = await assertRejects(
      () => putBlob(registry.channel, "app", failing(own), options),
      UploadError,
      "Cannot send the blob to registry.test/app: its body failed: the disk broke",
    );
    assertEquals([error.code, error.cause], ["UPLOAD_FAILED", own]);
    assertEquals(registry.methods().filter((method) => method === "POST").length, 1);
    assertEquals([...registry.server.sessions], [], "the upload was cancelled");
    assertEquals([...registry.server.blobs], []);
  });
}

Deno.test("putBlob: an open() that fails is UPLOAD_FAILED with the cause", async () => {
  const own = new Error("no such file");
  const registry = fakeUploads();
  const body = {
    size: SIZE,
    open() {
      throw own;
    },
  };
  const error = await assertRejects(() => putBlob(registry.channel, "app", body), UploadError);
  assertEquals(error.cause, own);
  assertEquals([...registry.server.sessions], []);
});

Deno.test("putBlob: a body of davit's own that timed out is opened again", async () => {
  let opened = 0;
  const registry = fakeUploads();
  const body = {
    size: SIZE,
    open(offset = 0) {
      return opened++ === 0 ? failing(new TimeoutError("slow")) : pieces(LARGE.subarray(offset));
    },
  };
  await putBlob(registry.channel, "app", body);
  assertEquals(registry.server.blobs.get(DIGEST), LARGE);
});
