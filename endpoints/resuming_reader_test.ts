import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  BadDigestError,
  DownloadError,
  HttpError,
  NetworkError,
  NotFoundError,
  SizeMismatchError,
  TimeoutError,
} from "../errors.ts";
import { type Bytes, concatBytes } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { getBlob, type GetBlobOptions } from "./blobs.ts";
import {
  brokenBody,
  type ErrorClass,
  failure,
  type FakeOptions,
  fakeRegistry,
  type Handler,
  reset,
  sample,
  steps,
} from "./fake_registry_test.ts";

const SIZE = 300_000;
const CONTENT = sample(SIZE);
const DIGEST = await digestOf(CONTENT);

type Then = Error | "end" | "stall";

/** A 200 with the whole content, which breaks after so many bytes. */
function whole(breaksAt = SIZE, then: Then = "end", length: number | null = SIZE): Response {
  return new Response(brokenBody(CONTENT.subarray(0, breaksAt), then), {
    headers: length === null ? {} : { "content-length": String(length) },
  });
}

/** A 206 with the bytes from the range's start on, which breaks after so many of them. */
function rest(breaksAfter = SIZE, then: Then = "end"): Handler {
  return ({ headers }) => {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.get("range")!)!;
    const from = Number(first);
    const end = last === "" ? SIZE - 1 : Number(last);
    return new Response(brokenBody(CONTENT.slice(from, end + 1).subarray(0, breaksAfter), then), {
      status: 206,
      headers: { "content-range": `bytes ${from}-${end}/${SIZE}` },
    });
  };
}

const broken = () => new TypeError("the connection was reset");

/** Ways to read a stream; each answers all bytes. */
const READERS: Record<string, (stream: ReadableStream<Bytes>) => Promise<Bytes>> = {
  async "for await"(stream) {
    const pieces: Bytes[] = [];
    for await (const piece of stream) pieces.push(piece);
    return concatBytes(pieces);
  },
  async byob(stream) {
    const pieces: Bytes[] = [];
    const reader = stream.getReader({ mode: "byob" });
    let buffer = new ArrayBuffer(40_000);
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(buffer, 3, 30_000));
      if (done) return concatBytes(pieces);
      pieces.push(value.slice());
      buffer = value.buffer;
      assertEquals([buffer.byteLength, value.byteOffset], [40_000, 3]);
    }
  },
};

function ranges(seen: { headers: Headers }[]): (string | null)[] {
  return seen.map(({ headers }) => headers.get("range"));
}

interface Resumption {
  name: string;
  steps: (Response | Error | Handler)[];
  asked: (string | null)[];
  resumes: number;
  options?: FakeOptions;
}

const RESUMPTIONS: Resumption[] = [
  {
    name: "cut in the middle, 206",
    steps: [() => whole(100_000, broken()), rest()],
    asked: [null, "bytes=100000-299999"],
    resumes: 1,
  },
  {
    name: "a clean end too early, 206",
    steps: [() => whole(100_000), rest()],
    asked: [null, "bytes=100000-299999"],
    resumes: 1,
  },
  {
    name: "cut before the first byte",
    steps: [() => whole(0, broken()), rest()],
    asked: [null, "bytes=0-299999"],
    resumes: 1,
  },
  {
    name: "cut again and again: what arrives counts, not how often",
    steps: [
      () => whole(50_000, broken()),
      rest(50_000, broken()),
      rest(50_000, broken()),
      rest(50_000, broken()),
      rest(),
    ],
    asked: [
      null,
      "bytes=50000-299999",
      "bytes=100000-299999",
      "bytes=150000-299999",
      "bytes=200000-299999",
    ],
    resumes: 4,
  },
  {
    name: "200 from byte 0 is read up to where it broke",
    steps: [() => whole(100_000, broken()), () => whole()],
    asked: [null, "bytes=100000-299999"],
    resumes: 1,
  },
  {
    name: "200 from byte 0, cut once more",
    steps: [() => whole(100_000, broken()), () => whole(200_000, broken()), rest()],
    asked: [null, "bytes=100000-299999", "bytes=200000-299999"],
    resumes: 2,
  },
  {
    name: "a stalled body",
    steps: [() => whole(100_000, "stall"), rest()],
    asked: [null, "bytes=100000-299999"],
    resumes: 1,
    options: { limits: { stallTimeout: 5 } },
  },
  {
    name: "of unknown size",
    steps: [() => whole(100_000, broken(), null), rest()],
    asked: [null, "bytes=100000-"],
    resumes: 1,
  },
  {
    name: "of unknown size, cut behind the last byte: 416",
    steps: [() => whole(SIZE, broken(), null), () => failure(416, "RANGE")],
    asked: [null, "bytes=300000-"],
    resumes: 1,
  },
  {
    name: "cut behind the last byte of a known size needs nothing",
    steps: [() => whole(SIZE, broken())],
    asked: [null],
    resumes: 0,
  },
  {
    name: "503 to the resumption is tried again",
    steps: [() => whole(100_000, broken()), () => new Response(null, { status: 503 }), rest()],
    asked: [null, "bytes=100000-299999", "bytes=100000-299999"],
    resumes: 1,
  },
  {
    name: "a reset of the resumption is tried again",
    steps: [() => whole(100_000, broken()), reset(), rest()],
    asked: [null, "bytes=100000-299999", "bytes=100000-299999"],
    resumes: 1,
  },
];

for (const { name, steps: all, asked, resumes, options } of RESUMPTIONS) {
  for (const byteStreams of [true, false]) {
    for (const [reader, read] of Object.entries(READERS)) {
      const how = `${byteStreams ? "byte streams" : "other streams"}, ${reader}`;
      Deno.test(`end-2 GET blobs, resumed: ${name} (${how})`, async () => {
        const registry = fakeRegistry(steps(...all), { ...options, byteStreams });
        const { stream } = await getBlob(registry.channel, "app", DIGEST);
        assertEquals(await digestOf(await read(stream)), DIGEST);
        assertEquals(ranges(registry.seen), asked);
        assertEquals(registry.of("resume").length, resumes);
        registry.assertClosed();
      });
    }
  }
}

Deno.test("end-2 GET blobs, resumed: the event, and the waits", async () => {
  const registry = fakeRegistry(
    steps(whole(100_000, broken()), rest(0, broken()), rest()),
    { retry: { maxAttempts: 5 } },
  );
  const { stream } = await getBlob(registry.channel, "app", DIGEST);
  await READERS["for await"]!(stream);
  const resume = { type: "resume", direction: "download", digest: DIGEST, offset: 100_000 };
  assertEquals<unknown>(registry.of("resume"), [
    { ...resume, reason: "the connection was reset" },
    { ...resume, reason: "the connection was reset" },
  ]);
  const [first, second] = registry.clock.delays;
  assert(first! >= 50 && first! <= 100, `${first}`);
  assert(second! >= 100 && second! <= 200, `${second}`);
});

Deno.test("end-2 GET blobs, resumed: the mixture of streams that a redirect may bring", async () => {
  const plain = () => whole(100_000, broken());
  const bytes = () =>
    new Response(new Blob([CONTENT.slice(100_000)]).stream(), {
      status: 206,
      headers: { "content-range": `bytes 100000-${SIZE - 1}/${SIZE}` },
    });
  for (const all of [[plain, bytes], [() => whole(100_000), rest()]]) {
    const registry = fakeRegistry(steps(...all));
    const { stream } = await getBlob(registry.channel, "app", DIGEST);
    assertEquals(await digestOf(await READERS.byob!(stream)), DIGEST);
  }
});

const PARTS: [name: string, range: GetBlobOptions["range"], asked: string[], end: number][] = [
  [
    "a-b",
    { offset: 1_000, length: 150_000 },
    ["bytes=1000-150999", "bytes=51000-150999"],
    151_000,
  ],
  ["a-", { offset: 1_000 }, ["bytes=1000-", `bytes=51000-${SIZE - 1}`], SIZE],
];

for (const [name, range, asked, end] of PARTS) {
  for (const [reader, read] of Object.entries(READERS)) {
    Deno.test(`end-2 GET blobs, resumed: a part, ${name} (${reader})`, async () => {
      const registry = fakeRegistry(steps(rest(50_000, broken()), rest()));
      const blob = await getBlob(registry.channel, "app", DIGEST, range ? { range } : {});
      assertEquals(await read(blob.stream), CONTENT.slice(1_000, end));
      assertEquals(ranges(registry.seen), asked);
      registry.assertClosed();
    });
  }
}

Deno.test("end-2 GET blobs, resumed: a part by 200 from byte 0, cut, and by 200 again", async () => {
  const registry = fakeRegistry(steps(() => whole(60_000, broken()), () => whole()));
  const range = { offset: 50_000, length: 20_000 };
  const blob = await getBlob(registry.channel, "app", DIGEST, { range });
  assertEquals(await READERS.byob!(blob.stream), CONTENT.slice(50_000, 70_000));
  assertEquals(ranges(registry.seen), ["bytes=50000-69999", "bytes=60000-69999"]);
  registry.assertClosed();
});

const UNKNOWN_SIZE: [name: string, range: GetBlobOptions["range"], bytes: number][] = [
  ["at an offset above 0", { offset: 50_000 }, 100_000],
  ["at an offset above 0, though all bytes came", { offset: 50_000 }, SIZE],
  ["of a part from 0", { offset: 0, length: 150_000 }, 100_000],
];

for (const [name, range, bytes] of UNKNOWN_SIZE) {
  Deno.test(`end-2 GET blobs, resumed: 416, of unknown size, ${name}: never a clean end`, async () => {
    const registry = fakeRegistry(
      steps(() => whole(bytes, broken(), null), () => failure(416, "RANGE")),
    );
    const blob = await getBlob(registry.channel, "app", DIGEST, { range: range! });
    const error = await assertRejects(
      () => READERS["for await"]!(blob.stream),
      DownloadError,
      ` of registry.test/app: it ended after ${bytes - (range!.offset ?? 0)} bytes`,
    );
    assertInstanceOf(error.cause, HttpError);
    registry.assertClosed();
  });
}

interface Failure {
  name: string;
  steps: (Response | Error | Handler)[];
  requests: number;
  error: ErrorClass;
  code: string;
  message: string;
  cause?: ErrorClass | typeof TypeError;
  options?: FakeOptions;
}

const FAILURES: Failure[] = [
  {
    name: "cut at the same place every time",
    steps: [() => whole(100_000, broken()), rest(0, broken()), rest(0, broken())],
    requests: 3,
    error: DownloadError,
    code: "DOWNLOAD_FAILED",
    message: `${DIGEST} of registry.test/app: it ended after 100000 of 300000 bytes`,
    cause: TypeError,
  },
  {
    name: "no Range support, and cut at the same place every time",
    steps: [
      () => whole(100_000, broken()),
      () => whole(100_000, broken()),
      () => whole(100_000, broken()),
    ],
    requests: 3,
    error: DownloadError,
    code: "DOWNLOAD_FAILED",
    message: "it ended after 100000 of 300000 bytes",
    cause: TypeError,
  },
  {
    name: "of unknown size",
    steps: [() => whole(100_000, broken(), null), rest(0, broken()), rest(0, broken())],
    requests: 3,
    error: DownloadError,
    code: "DOWNLOAD_FAILED",
    message: "it ended after 100000 bytes",
    cause: TypeError,
  },
  {
    name: "stalled every time",
    steps: [() => whole(100_000, "stall"), rest(0, "stall"), rest(0, "stall")],
    requests: 3,
    error: DownloadError,
    code: "DOWNLOAD_FAILED",
    message: "it ended after 100000 of 300000 bytes",
    cause: TimeoutError,
    options: { limits: { stallTimeout: 5 } },
  },
  {
    name: "an end too early every time",
    steps: [() => whole(100_000), rest(0), rest(0)],
    requests: 3,
    error: DownloadError,
    code: "DOWNLOAD_FAILED",
    message: "it ended after 100000 of 300000 bytes",
    cause: NetworkError,
  },
  {
    name: "no connection any more",
    steps: [() => whole(100_000, broken()), reset(), reset(), reset()],
    requests: 4,
    error: DownloadError,
    code: "DOWNLOAD_FAILED",
    message: "it ended after 100000 of 300000 bytes",
    cause: NetworkError,
  },
  {
    name: "206 from another place",
    steps: [
      () => whole(100_000, broken()),
      () =>
        new Response(CONTENT, {
          status: 206,
          headers: { "content-range": `bytes 0-${SIZE - 1}/${SIZE}` },
        }),
    ],
    requests: 2,
    error: DownloadError,
    code: "DOWNLOAD_FAILED",
    message: "it ended after 100000 of 300000 bytes",
  },
  {
    name: "416 though bytes are missing",
    steps: [() => whole(100_000, broken()), () => failure(416, "RANGE")],
    requests: 2,
    error: DownloadError,
    code: "DOWNLOAD_FAILED",
    message: "it ended after 100000 of 300000 bytes",
    cause: HttpError as unknown as ErrorClass,
  },
  {
    name: "416 of unknown size, but bytes are missing",
    steps: [() => whole(100_000, broken(), null), () => failure(416, "RANGE")],
    requests: 2,
    error: BadDigestError,
    code: "BAD_DIGEST",
    message: "the 100000 bytes that arrived",
  },
  {
    name: "gone in the meantime",
    steps: [() => whole(100_000, broken()), () => failure(404, "BLOB_UNKNOWN")],
    requests: 2,
    error: NotFoundError,
    code: "NOT_FOUND",
    message: `Cannot pull the blob ${DIGEST} of registry.test/app: 404 BLOB_UNKNOWN`,
  },
  {
    name: "other bytes after the resumption",
    steps: [() => whole(100_000, broken()), ({ headers }) => {
      assertEquals(headers.get("range"), "bytes=100000-299999");
      return new Response(sample(200_000), {
        status: 206,
        headers: { "content-range": `bytes 100000-${SIZE - 1}/${SIZE}` },
      });
    }],
    requests: 2,
    error: BadDigestError,
    code: "BAD_DIGEST",
    message: `Cannot verify ${DIGEST}`,
  },
  {
    name: "more bytes after the resumption",
    steps: [() => whole(100_000, broken()), () =>
      new Response(sample(SIZE + 5).slice(100_000), {
        status: 206,
        headers: { "content-range": `bytes 100000-${SIZE - 1}/${SIZE}` },
      })],
    requests: 2,
    error: SizeMismatchError,
    code: "SIZE_MISMATCH",
    message: "more bytes arrived",
  },
];

for (const { name, steps: all, requests, error, code, message, cause, options } of FAILURES) {
  for (const [reader, read] of Object.entries(READERS)) {
    Deno.test(`end-2 GET blobs, resumed: ${name} is ${code} (${reader})`, async () => {
      const registry = fakeRegistry(steps(...all), options);
      const { stream } = await getBlob(registry.channel, "app", DIGEST);
      const thrown = await assertRejects(() => read(stream), error, message);
      assertEquals([thrown.code, registry.seen.length], [code, requests]);
      if (cause !== undefined) assertInstanceOf(thrown.cause, cause);
      registry.assertClosed();
    });
  }
}

Deno.test("end-2 GET blobs, resumed: maxAttempts 1 resumes nothing", async () => {
  const registry = fakeRegistry(steps(whole(100_000, broken())), { retry: { maxAttempts: 1 } });
  const blob = await getBlob(registry.channel, "app", DIGEST);
  const error = await assertRejects(() => blob.bytes(), DownloadError);
  assertEquals([error.retryable, registry.of("resume").length], [true, 0]);
});

Deno.test("end-2 GET blobs: a consumer that leaves while it waits resumes nothing", async () => {
  for (const mode of ["default", "byob"]) {
    const registry = fakeRegistry(steps(whole(1_000, "stall")));
    const { stream } = await getBlob(registry.channel, "app", DIGEST);
    const reader = mode === "byob" ? stream.getReader({ mode: "byob" }) : stream.getReader();
    const read = () => (reader as ReadableStreamBYOBReader).read(new Uint8Array(5_000));
    await read();
    const reading = read();
    await reader.cancel("enough");
    await reading;
    await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals([registry.seen.length, registry.of("resume").length], [1, 0]);
    assertEquals(registry.of("progress").filter(({ done }) => done).length, 0);
    registry.assertClosed();
  }
});

Deno.test("end-2 GET blobs: a consumer that leaves while it resumes leaves nothing open", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  const registry = fakeRegistry(steps(whole(1_000, broken()), () => {
    asked.resolve();
    return answer.promise;
  }));
  const { stream } = await getBlob(registry.channel, "app", DIGEST);
  const reader = stream.getReader();
  await reader.read();
  const reading = reader.read();
  await asked.promise;
  await reader.cancel("enough");
  await reading;
  answer.resolve(await rest()(registry.seen[1]!));
  await new Promise((resolve) => setTimeout(resolve, 5));
  registry.assertClosed();
});

for (const phase of ["the body", "the wait", "the resumption"]) {
  Deno.test(`end-2 GET blobs: an abort during ${phase} rejects with the signal's reason`, async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const stop = () => controller.abort(new Error("enough"));
    const then = phase === "the body" ? "stall" : broken();
    const registry = fakeRegistry(steps(() => whole(1_000, then), () => {
      stop();
      return new Promise<Response>(() => {});
    }));
    if (phase === "the wait") {
      registry.clock.sleep = () => {
        stop();
        return Promise.reject(signal.reason);
      };
    }
    const { stream } = await getBlob(registry.channel, "app", DIGEST, { signal });
    const reader = stream.getReader();
    await reader.read();
    const reading = reader.read();
    if (phase === "the body") stop();
    await assertRejects(() => reading, Error, "enough");
    assertEquals(registry.seen.length, phase === "the resumption" ? 2 : 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    registry.assertClosed();
  });
}

Deno.test("end-2 GET blobs: progress four times a second, and at the end", async () => {
  const registry = fakeRegistry(() => whole());
  const { stream } = await getBlob(registry.channel, "app", DIGEST);
  const reader = stream.getReader({ mode: "byob" });
  for (;;) {
    registry.clock.time += 50;
    const { done } = await reader.read(new Uint8Array(10_000));
    if (done) break;
  }
  const events = registry.of("progress");
  assertEquals(events.map(({ bytes }) => bytes), [
    50_000,
    100_000,
    150_000,
    200_000,
    250_000,
    SIZE,
    SIZE,
  ]);
  assertEquals(events.filter(({ done }) => done).length, 1);
  const { type: _, ...last } = events.at(-1)!;
  assertEquals<unknown>(last, {
    direction: "download",
    digest: DIGEST,
    repository: "app",
    total: SIZE,
    bytes: SIZE,
    done: true,
  });
});
