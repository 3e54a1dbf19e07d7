import { assertEquals, assertRejects } from "@std/assert";
import {
  BadDigestError,
  ForbiddenError,
  InvalidDigestError,
  InvalidOptionError,
  InvalidReferenceError,
  NotFoundError,
  RegistryResponseError,
  SizeMismatchError,
} from "../errors.ts";
import type { Body } from "../content/body.ts";
import { encodeText } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { type ErrorClass, failure, sample } from "./fake_registry_test.ts";
import { answer, type FakeUploads, fakeUploads, pieces, reopenable } from "./fake_uploads_test.ts";
import { putBlob, type PutBlobOptions } from "./put_blob.ts";

const SMALL = sample(1_000);
const LARGE = sample(200_000);
const SMALL_DIGEST = await digestOf(SMALL);
const LARGE_DIGEST = await digestOf(LARGE);

interface Bad {
  name: string;
  body: () => Body;
  options?: PutBlobOptions;
  server?: (server: FakeUploads) => void;
  repository?: string;
  error: ErrorClass;
  code: string;
  message: string;
  methods: string[];
}

const BAD: Bad[] = [
  {
    name: "bytes with a wrong digest",
    body: () => SMALL,
    options: { digest: LARGE_DIGEST },
    error: BadDigestError,
    code: "BAD_DIGEST",
    message:
      `Cannot send the blob to registry.test/app as ${LARGE_DIGEST}: the body's 1000 bytes have the digest ${SMALL_DIGEST}`,
    methods: [],
  },
  {
    name: "a Blob with a wrong digest",
    body: () => new Blob([SMALL]),
    options: { digest: LARGE_DIGEST },
    error: BadDigestError,
    code: "BAD_DIGEST",
    message: `the body's 1000 bytes have the digest ${SMALL_DIGEST}`,
    methods: [],
  },
  {
    name: "a stream with a wrong digest: nothing is closed",
    body: () => pieces(LARGE),
    options: { digest: SMALL_DIGEST, size: LARGE.length },
    error: BadDigestError,
    code: "BAD_DIGEST",
    message: `have the digest ${LARGE_DIGEST}`,
    methods: ["HEAD", "POST", "PUT 180000", "DELETE"],
  },
  {
    name: "what opens with a wrong digest: nothing is closed",
    body: () => reopenable(LARGE).body,
    options: { digest: SMALL_DIGEST, chunkSize: 150_000 },
    error: BadDigestError,
    code: "BAD_DIGEST",
    message: `have the digest ${LARGE_DIGEST}`,
    methods: ["HEAD", "POST", "PATCH 150000", "DELETE"],
  },
  {
    name: "a stream of unknown size with a wrong digest: nothing is closed",
    body: () => pieces(LARGE),
    options: { digest: SMALL_DIGEST },
    error: BadDigestError,
    code: "BAD_DIGEST",
    message: `have the digest ${LARGE_DIGEST}`,
    methods: ["HEAD", "POST", "DELETE"],
  },
  {
    name: "a stream shorter than declared",
    body: () => pieces(LARGE),
    options: { size: LARGE.length + 1 },
    error: SizeMismatchError,
    code: "SIZE_MISMATCH",
    message: "the body has fewer bytes than the 200001 declared (200000)",
    methods: ["POST", "PATCH 200000", "DELETE"],
  },
  {
    name: "a stream longer than declared: it never passes for a whole one",
    body: () => pieces(LARGE),
    options: { size: LARGE.length - 1 },
    error: SizeMismatchError,
    code: "SIZE_MISMATCH",
    message: "the body has more bytes than the 199999 declared",
    methods: ["POST", "PATCH 180000", "DELETE"],
  },
  {
    name: "what opens longer than declared, in chunks",
    body: () => reopenable(sample(600_000), 500_000).body,
    options: { chunkSize: 200_000 },
    error: SizeMismatchError,
    code: "SIZE_MISMATCH",
    message: "the body has more bytes than the 500000 declared",
    methods: ["POST", "PATCH 200000", "DELETE"],
  },
  {
    name: "a malformed digest",
    body: () => SMALL,
    options: { digest: "sha256:x" },
    error: InvalidDigestError,
    code: "INVALID_DIGEST",
    message: "as a digest",
    methods: [],
  },
  {
    name: "a digest of an algorithm unknown here",
    body: () => pieces(SMALL),
    options: { digest: "blake3:abc" },
    error: InvalidDigestError,
    code: "INVALID_DIGEST",
    message: "Cannot verify blake3:abc",
    methods: [],
  },
  {
    name: "chunks of no bytes",
    body: () => SMALL,
    options: { chunkSize: 0 },
    error: InvalidOptionError,
    code: "INVALID_OPTION",
    message: "'chunkSize' must be a positive count of bytes: current value is 0",
    methods: [],
  },
  {
    name: "a body that is none",
    body: () => "hello" as unknown as Body,
    error: InvalidOptionError,
    code: "INVALID_OPTION",
    message: "it must be a Uint8Array, a Blob, a ReadableStream or {size?, open()}",
    methods: [],
  },
  {
    name: "a malformed repository",
    body: () => SMALL,
    repository: "App",
    error: InvalidReferenceError,
    code: "INVALID_REFERENCE",
    message: "as a repository name",
    methods: [],
  },
  {
    name: "404 NAME_UNKNOWN (ECR): no other POST",
    body: () => SMALL,
    server: (server) => server.faults.push(["POST", answer(() => failure(404, "NAME_UNKNOWN"))]),
    error: NotFoundError,
    code: "NOT_FOUND",
    message: "NAME_UNKNOWN",
    methods: ["HEAD", "POST"],
  },
  {
    name: "403",
    body: () => LARGE,
    server: (server) => server.faults.push(["POST", answer(() => failure(403, "DENIED"))]),
    error: ForbiddenError,
    code: "FORBIDDEN",
    message: "Cannot start an upload to registry.test/app: 403 DENIED",
    methods: ["HEAD", "POST"],
  },
  {
    name: "the registry finds another digest",
    body: () => LARGE,
    server: (server) => server.faults.push(["PUT", answer(() => failure(400, "DIGEST_INVALID"))]),
    error: RegistryResponseError,
    code: "REGISTRY_RESPONSE",
    message: "Cannot close an upload to registry.test/app: 400 DIGEST_INVALID",
    methods: ["HEAD", "POST", "PUT", "DELETE"],
  },
];

for (const { name, body, options, server, repository = "app", methods, ...is } of BAD) {
  Deno.test(`putBlob: ${name} is ${is.code}`, async () => {
    const registry = fakeUploads(server);
    const error = await assertRejects(
      () => putBlob(registry.channel, repository, body(), options),
      is.error,
      is.message,
    );
    assertEquals(error.code, is.code);
    assertEquals(registry.methods(), methods);
    assertEquals([...registry.server.blobs], []);
    assertEquals([...registry.server.sessions], [], "the upload was cancelled");
    registry.assertClosed();
  });
}

Deno.test("putBlob: the options are not written to, and frozen ones will do", async () => {
  const options = Object.freeze({ chunkSize: 600, mediaType: "a/b" });
  await putBlob(fakeUploads().channel, "app", encodeText("hello"), options);
});
