import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  BadDigestError,
  InvalidContentError,
  InvalidDigestError,
  InvalidOptionError,
  InvalidReferenceError,
  NotFoundError,
  RegistryResponseError,
  SizeMismatchError,
  UnsupportedError,
} from "../errors.ts";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import {
  deleteBlob,
  findBlob,
  getBlob,
  type GetBlobOptions,
  hasBlob,
  headBlob,
  statBlob,
} from "./blobs.ts";
import { type ErrorClass, failure, fakeRegistry, sample, steps } from "./fake_registry_test.ts";

const CONTENT = sample(300_000);
const DIGEST = await digestOf(CONTENT);
const SHA512 = await digestOf(CONTENT, "sha512");
const PATH = `/v2/app/blobs/${DIGEST}`;

function ok(bytes: Bytes | ReadableStream<Bytes> = CONTENT, headers: HeadersInit = {}): Response {
  const size: Record<string, string> = bytes instanceof Uint8Array
    ? { "content-length": String(bytes.byteLength) }
    : {};
  return new Response(bytes, { headers: { ...size, ...headers } });
}

/** A 206 for bytes of the content. */
function part(first: number, last: number, headers: HeadersInit = {}): Response {
  return new Response(CONTENT.slice(first, last + 1), {
    status: 206,
    headers: { "content-range": `bytes ${first}-${last}/${CONTENT.length}`, ...headers },
  });
}

for (const byteStreams of [true, false]) {
  const kind = byteStreams ? "a byte stream" : "another stream";
  Deno.test(`end-2 GET blobs: the bytes, verified, from ${kind}`, async () => {
    const registry = fakeRegistry(steps(ok()), { byteStreams });
    const blob = await getBlob(registry.channel, "app", DIGEST);
    assertEquals([blob.size, blob.verified], [CONTENT.length, true]);
    assertEquals(await digestOf(await blob.bytes()), DIGEST);
    const [seen] = registry.seen;
    assertEquals(seen!.line, `GET ${PATH}`);
    assertEquals(seen!.headers.get("accept-encoding"), "identity");
    assertEquals(seen!.headers.get("range"), null);
    assertEquals(seen!.request.intent, { repository: "app", actions: ["pull"] });
    registry.assertClosed();
  });

  Deno.test(`end-2 GET blobs: read into the consumer's own buffer, from ${kind}`, async () => {
    const registry = fakeRegistry(steps(ok()), { byteStreams });
    const { stream } = await getBlob(registry.channel, "app", DIGEST);
    const reader = stream.getReader({ mode: "byob" });
    let buffer = new ArrayBuffer(50_000);
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done) break;
      assertEquals(value, CONTENT.slice(size, size + value.byteLength));
      size += value.byteLength;
      buffer = value.buffer;
    }
    assertEquals(size, CONTENT.length);
    registry.assertClosed();
  });
}

Deno.test("end-2 GET blobs: by sha512, whatever digest is answered", async () => {
  const registry = fakeRegistry(steps(ok(CONTENT, { "docker-content-digest": DIGEST })));
  const blob = await getBlob(registry.channel, "app", SHA512);
  assertEquals((await blob.bytes()).length, CONTENT.length);
});

Deno.test("end-2 GET blobs: no Content-Length, and the digest decides", async () => {
  const registry = fakeRegistry(steps(new Response(CONTENT), new Response(CONTENT.slice(1))));
  const blob = await getBlob(registry.channel, "app", DIGEST);
  assertEquals(blob.size, undefined);
  assertEquals((await blob.bytes()).length, CONTENT.length);
  const other = await getBlob(registry.channel, "app", DIGEST);
  await assertRejects(() => other.bytes(), BadDigestError);
  assertEquals(registry.seen.length, 2, "of an unknown size nothing can be missing");
});

Deno.test("end-2 GET blobs: no bytes at all", async () => {
  const empty = new Uint8Array(0);
  const digest = await digestOf(empty);
  const none = () => new Response(null, { headers: { "content-length": "0" } });
  const registry = fakeRegistry(steps(ok(empty), none, none));
  for (let i = 0; i < 2; i++) {
    const blob = await getBlob(registry.channel, "app", digest);
    assertEquals([blob.size, (await blob.bytes()).length], [0, 0]);
  }
  const wrong = await getBlob(registry.channel, "app", DIGEST);
  await assertRejects(() => wrong.bytes(), BadDigestError);
});

Deno.test("end-2 GET blobs: text and JSON", async () => {
  const bytes = encodeText('{"a":"é"}');
  const digest = await digestOf(bytes);
  const registry = fakeRegistry(() => ok(bytes));
  const blob = () => getBlob(registry.channel, "app", digest);
  assertEquals(await (await blob()).text(), '{"a":"é"}');
  assertEquals(await (await blob()).json(), { a: "é" });
});

Deno.test("end-2 GET blobs: what is no JSON is INVALID_CONTENT", async () => {
  const registry = fakeRegistry(steps(ok()));
  const blob = await getBlob(registry.channel, "app", DIGEST);
  const error = await assertRejects(
    () => blob.json(),
    InvalidContentError,
    "of registry.test/app as JSON: it is something else",
  );
  assertEquals(error.code, "INVALID_CONTENT");
});

Deno.test("end-2 GET blobs: a redirect to storage is followed, with an event", async () => {
  const location = "https://cdn.test/blob?sig=1";
  const registry = fakeRegistry(
    steps(new Response(null, { status: 307, headers: { location } }), ok()),
  );
  const blob = await getBlob(registry.channel, "app", DIGEST);
  await blob.bytes();
  assertEquals(registry.lines(), [`GET ${PATH}`, `GET ${location}`]);
  assertEquals([blob.answer.hops.length, blob.answer.url.href], [1, location]);
});

interface Bad {
  name: string;
  digest?: string;
  repository?: string;
  options?: GetBlobOptions;
  answer?: Response;
  error: ErrorClass;
  code: string;
  message: string;
}

const BAD: Bad[] = [
  {
    name: "another size than the one given: before any byte",
    options: { size: 5 },
    answer: ok(),
    error: SizeMismatchError,
    code: "SIZE_MISMATCH",
    message: "it has 300000 bytes instead of 5",
  },
  {
    name: "a malformed digest",
    digest: "sha256:../x",
    error: InvalidDigestError,
    code: "INVALID_DIGEST",
    message: "as a digest",
  },
  {
    name: "an algorithm unknown here",
    digest: "blake3:abc",
    error: InvalidDigestError,
    code: "INVALID_DIGEST",
    message: "Cannot verify blake3:abc",
  },
  {
    name: "a malformed repository",
    repository: "App",
    error: InvalidReferenceError,
    code: "INVALID_REFERENCE",
    message: "as a repository name",
  },
  {
    name: "404 BLOB_UNKNOWN",
    answer: failure(404, "BLOB_UNKNOWN"),
    error: NotFoundError,
    code: "NOT_FOUND",
    message: `Cannot pull the blob ${DIGEST} of registry.test/app: 404 BLOB_UNKNOWN`,
  },
  {
    name: "206 that was not asked for",
    answer: part(0, 9),
    error: RegistryResponseError,
    code: "REGISTRY_RESPONSE",
    message: "206",
  },
];

for (const { name, digest = DIGEST, repository = "app", options, answer, ...is } of BAD) {
  Deno.test(`end-2 GET blobs: ${name} is ${is.code}`, async () => {
    const registry = fakeRegistry(steps(...(answer ? [answer] : [])));
    const error = await assertRejects(
      () => getBlob(registry.channel, repository, digest, options),
      is.error,
      is.message,
    );
    assertEquals([error.code, registry.seen.length], [is.code, answer ? 1 : 0]);
    registry.assertClosed();
  });
}

const WRONG: [name: string, answer: Response, error: ErrorClass, code: string][] = [
  ["other bytes", ok(sample(300_001).slice(1)), BadDigestError, "BAD_DIGEST"],
  [
    "too many bytes",
    ok(sample(300_001), { "content-length": "300000" }),
    SizeMismatchError,
    "SIZE_MISMATCH",
  ],
  [
    "too many bytes of an unknown size",
    new Response(sample(300_001)),
    BadDigestError,
    "BAD_DIGEST",
  ],
];

for (const [name, answer, error, code] of WRONG) {
  Deno.test(`end-2 GET blobs: ${name} end in ${code}, never in a clean end`, async () => {
    const registry = fakeRegistry(steps(answer));
    const { stream } = await getBlob(registry.channel, "app", DIGEST);
    let clean = false;
    const thrown = await assertRejects(async () => {
      for await (const _ of stream);
      clean = true;
    }, error);
    assertEquals([thrown.code, clean, registry.seen.length], [code, false, 1]);
    registry.assertClosed();
  });
}

Deno.test("end-2 GET blobs: the size that is given counts where none is answered", async () => {
  const registry = fakeRegistry(steps(new Response(CONTENT)));
  const blob = await getBlob(registry.channel, "app", DIGEST, { size: 299_999 });
  assertEquals(blob.size, 299_999);
  await assertRejects(() => blob.bytes(), SizeMismatchError, "more bytes arrived");
});

interface Part {
  name: string;
  range: GetBlobOptions["range"];
  header: string;
  answer: () => Response;
  expected: [first: number, end: number];
  size?: number | "unknown";
}

const PARTS: Part[] = [
  {
    name: "a-b",
    range: { offset: 10, length: 20 },
    header: "bytes=10-29",
    answer: () => part(10, 29),
    expected: [10, 30],
  },
  {
    name: "a-",
    range: { offset: 299_990 },
    header: "bytes=299990-",
    answer: () => part(299_990, 299_999),
    expected: [299_990, 300_000],
  },
  {
    name: "from the start",
    range: { length: 5 },
    header: "bytes=0-4",
    answer: () => part(0, 4),
    expected: [0, 5],
  },
  {
    name: "clipped by the registry",
    range: { offset: 299_990, length: 100 },
    header: "bytes=299990-300089",
    answer: () => part(299_990, 299_999),
    expected: [299_990, 300_000],
  },
  {
    name: "more than was asked for is cut off",
    range: { offset: 10, length: 20 },
    header: "bytes=10-29",
    answer: () => part(10, 299_999),
    expected: [10, 30],
  },
  {
    name: "a body longer than its Content-Range is cut off",
    range: { offset: 10 },
    header: "bytes=10-",
    answer: () => part(10, 99, { "content-range": "bytes 10-19/20" }),
    expected: [10, 20],
  },
  {
    name: "200 from byte 0 is skipped over",
    range: { offset: 200_000, length: 20 },
    header: "bytes=200000-200019",
    answer: () => ok(),
    expected: [200_000, 200_020],
  },
  {
    name: "200 from byte 0, to the end",
    range: { offset: 200_000 },
    header: "bytes=200000-",
    answer: () => ok(),
    expected: [200_000, 300_000],
  },
  {
    name: "200 of unknown size",
    range: { offset: 200_000 },
    header: "bytes=200000-",
    answer: () => new Response(CONTENT),
    expected: [200_000, 300_000],
    size: "unknown",
  },
  {
    name: "200, past the end",
    range: { offset: 300_001 },
    header: "bytes=300001-",
    answer: () => ok(),
    expected: [0, 0],
  },
];

for (const { name, range, header, answer, expected: [first, end], size } of PARTS) {
  for (const mode of ["default", "byob"] as const) {
    Deno.test(`end-2 GET blobs, range: ${name} (${mode})`, async () => {
      const registry = fakeRegistry(steps(answer()));
      const blob = await getBlob(registry.channel, "app", DIGEST, range ? { range } : {});
      assertEquals(blob.verified, false, "a part cannot be verified");
      assertEquals(blob.size, size === "unknown" ? undefined : end - first);
      const read = mode === "default" ? await blob.bytes() : await readByob(blob.stream);
      assert(read.every((byte, i) => byte === CONTENT[first + i]));
      assertEquals(read.length, end - first);
      assertEquals(registry.seen[0]!.headers.get("range"), header);
      assertEquals(registry.seen.length, 1);
      registry.assertClosed();
    });
  }
}

async function readByob(stream: ReadableStream<Bytes>): Promise<Bytes> {
  const reader = stream.getReader({ mode: "byob" });
  const pieces: number[] = [];
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(7_777));
    if (done) return Uint8Array.from(pieces);
    for (const byte of value) pieces.push(byte);
  }
}

const RANGES: [name: string, contentRange: string | undefined][] = [
  ["another start", "bytes 0-19/300000"],
  ["no Content-Range", undefined],
  ["nonsense", "bytes */300000"],
  ["an end before its start", "bytes 10-9/300000"],
];

for (const [name, range] of RANGES) {
  Deno.test(`end-2 GET blobs, range: 206 with ${name} is INVALID_CONTENT`, async () => {
    const registry = fakeRegistry(steps(
      new Response(CONTENT, { status: 206, headers: range ? { "content-range": range } : {} }),
    ));
    const error = await assertRejects(
      () => getBlob(registry.channel, "app", DIGEST, { range: { offset: 10, length: 20 } }),
      InvalidContentError,
      "another range than the one from 10",
    );
    assertEquals(error.code, "INVALID_CONTENT");
    registry.assertClosed();
  });
}

Deno.test("end-2 GET blobs, range: 416 past the end", async () => {
  const registry = fakeRegistry(steps(failure(416, "SIZE_INVALID")));
  const error = await assertRejects(
    () => getBlob(registry.channel, "app", DIGEST, { range: { offset: 300_000 } }),
    RegistryResponseError,
  );
  assertEquals(error.statusCode, 416);
});

const OPTIONS: [name: string, range: GetBlobOptions["range"], message: string][] = [
  ["a negative offset", { offset: -1 }, "'offset' must be a count of bytes: current value is -1"],
  ["half a byte", { offset: 0.5 }, "current value is 0.5"],
  ["no bytes", { length: 0 }, "'length' must be a positive count of bytes: current value is 0"],
  ["no number", { length: NaN }, "current value is NaN"],
];

for (const [name, range, message] of OPTIONS) {
  Deno.test(`end-2 GET blobs, range: ${name} is INVALID_OPTION`, async () => {
    const registry = fakeRegistry(steps());
    await assertRejects(
      () => getBlob(registry.channel, "app", DIGEST, range ? { range } : {}),
      InvalidOptionError,
      message,
    );
    assertEquals(registry.seen.length, 0);
  });
}

Deno.test("end-2 HEAD blobs: the response, its hops, and 404", async () => {
  const registry = fakeRegistry(steps(
    new Response(null, { status: 307, headers: { location: "https://cdn.test/x" } }),
    new Response(null, { headers: { "content-length": "5" } }),
    new Response(null, { status: 404 }),
  ));
  const { hops, response } = await headBlob(registry.channel, "app", DIGEST);
  assertEquals([hops.length, response.headers.get("content-length")], [1, "5"]);
  await assertRejects(
    () => headBlob(registry.channel, "app", DIGEST),
    NotFoundError,
    `Cannot look at the blob ${DIGEST} of registry.test/app: 404`,
  );
  assertEquals(registry.lines()[0], `HEAD ${PATH}`);
});

const STATS: [name: string, headers: Record<string, string>, mediaType: string][] = [
  ["without a type", { "content-length": "5" }, "application/octet-stream"],
  ["with a type", { "content-length": "5", "content-type": "Text/Plain;x=y" }, "text/plain"],
];

for (const [name, headers, mediaType] of STATS) {
  Deno.test(`end-2 HEAD blobs: the descriptor, ${name}`, async () => {
    const registry = fakeRegistry(steps(new Response(null, { headers })));
    const found = await statBlob(registry.channel, "app", DIGEST);
    assertEquals(found, { mediaType, digest: DIGEST, size: 5 });
  });
}

Deno.test("end-2 HEAD blobs: no size, so GET is asked; never a made-up one", async () => {
  const silent = () => new Response(null);
  const registry = fakeRegistry(steps(silent, ok(), silent, new Response("x")));
  assertEquals((await statBlob(registry.channel, "app", DIGEST))!.size, CONTENT.length);
  await assertRejects(
    () => statBlob(registry.channel, "app", DIGEST),
    InvalidContentError,
    "the registry does not say its size",
  );
  assertEquals(registry.lines().map((line) => line.split(" ")[0]), ["HEAD", "GET", "HEAD", "GET"]);
  registry.assertClosed();
});

Deno.test("end-2 HEAD blobs: 404 is no blob, 403 is an error", async () => {
  const registry = fakeRegistry((seen) =>
    failure(seen.url.pathname.includes("app") ? 404 : 403, "X")
  );
  assertEquals(await statBlob(registry.channel, "app", DIGEST), undefined);
  assertEquals(await findBlob(registry.channel, "app", DIGEST), undefined);
  assertEquals(await hasBlob(registry.channel, "app", DIGEST), false);
  await assertRejects(() => statBlob(registry.channel, "other", DIGEST));
  await assertRejects(() => findBlob(registry.channel, "other", DIGEST));
  await assertRejects(() => hasBlob(registry.channel, "other", DIGEST));
});

const SIZES_SAID: [headers: HeadersInit, size: number | undefined, has: boolean][] = [
  [{ "content-length": "9" }, undefined, true],
  [{ "content-length": "9" }, 9, true],
  [{ "content-length": "9" }, 10, false],
  [{ "content-length": "9" }, 0, true],
  [{ "content-type": "a/b" }, 10, true],
];

for (const [headers, size, has] of SIZES_SAID) {
  Deno.test(`end-2 HEAD blobs: whether one of ${size} bytes is there: ${JSON.stringify(headers)}`, async () => {
    const { channel } = fakeRegistry(steps(new Response(null, { headers })));
    assertEquals(await hasBlob(channel, "app", DIGEST, size === undefined ? {} : { size }), has);
  });
}

const DELETIONS: [status: number, error: ErrorClass | undefined][] = [
  [202, undefined],
  [200, undefined],
  [204, undefined],
  [405, UnsupportedError],
  [400, UnsupportedError],
  [404, NotFoundError],
];

for (const [status, error] of DELETIONS) {
  Deno.test(`end-10 DELETE blobs: ${status}${error ? ` is ${error.name}` : ""}`, async () => {
    const registry = fakeRegistry(steps(new Response(null, { status })));
    const deleting = deleteBlob(registry.channel, "app", DIGEST);
    if (error) await assertRejects(() => deleting, error, `Cannot delete the blob ${DIGEST}`);
    else await deleting;
    assertEquals(registry.lines(), [`DELETE ${PATH}`]);
    assertEquals(registry.seen[0]!.request.intent, { repository: "app", actions: ["delete"] });
  });
}
