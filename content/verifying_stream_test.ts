import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { BadDigestError, InvalidDigestError, SizeMismatchError } from "../errors.ts";
import { bytesStream } from "./body.ts";
import { type Bytes, concatBytes, encodeText } from "./bytes.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { digestOf } from "./digest_of.ts";
import { type PieceReader, pieceReader } from "./piece_reader.ts";
import { passingStream, verifier, verifyingStream } from "./verifying_stream.ts";

const CONTENT = Uint8Array.from({ length: 700_001 }, (_, i) => (i * 7 + (i >> 8)) % 256);
const DIGEST = await digestOf(CONTENT);

/** A stream of the caller's pieces, which must come out of it unharmed. */
function piecesStream(pieces: Bytes[]): ReadableStream<Bytes> {
  const left = [...pieces];
  return new ReadableStream({
    pull(controller) {
      const piece = left.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
}

function cut(size: number): Bytes[] {
  const pieces: Bytes[] = [];
  for (let at = 0; at < CONTENT.length; at += size) pieces.push(CONTENT.slice(at, at + size));
  return pieces;
}

const SOURCES: [name: string, open: () => ReadableStream<Bytes>][] = [
  ["a byte stream", () => bytesStream(CONTENT)],
  ["small pieces", () => piecesStream(cut(1_000))],
  ["pieces larger than the buffer", () => piecesStream(cut(400_000))],
  ["one piece", () => piecesStream([CONTENT.slice()])],
  ["parts of one buffer", () => {
    const whole = CONTENT.slice();
    return piecesStream([whole.subarray(0, 300_000), whole.subarray(300_000)]);
  }],
  ["small parts of one buffer", () => {
    const whole = CONTENT.slice();
    return piecesStream(
      Array.from({ length: 71 }, (_, i) => whole.subarray(i * 10_000, (i + 1) * 10_000)),
    );
  }],
  ["empty pieces between", () => {
    const empty = new Uint8Array(0);
    return piecesStream([empty, CONTENT.slice(0, 5), empty, empty, CONTENT.slice(5), empty]);
  }],
];

const READERS: [name: string, read: (stream: ReadableStream<Bytes>) => Promise<Bytes>][] = [
  ["for await", async (stream) => {
    const pieces: Bytes[] = [];
    for await (const piece of stream) pieces.push(piece);
    return concatBytes(pieces);
  }],
  ["a byob reader of one buffer", async (stream) => {
    const pieces: Bytes[] = [];
    const reader = stream.getReader({ mode: "byob" });
    let buffer = new ArrayBuffer(64 * 1024);
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done) return concatBytes(pieces);
      pieces.push(value.slice());
      buffer = value.buffer;
      assertEquals(buffer.byteLength, 64 * 1024, "the buffer comes back");
    }
  }],
  ["a byob reader that fills parts of a buffer", async (stream) => {
    const pieces: Bytes[] = [];
    const reader = stream.getReader({ mode: "byob" });
    for (let offset = 1;; offset = 1 + offset % 7) {
      const { done, value } = await reader.read(
        new Uint8Array(new ArrayBuffer(9_999), offset, 777),
      );
      if (done) return concatBytes(pieces);
      assertEquals(value.byteOffset, offset);
      pieces.push(value.slice());
    }
  }],
  ["a byob reader of a buffer larger than any piece", async (stream) => {
    const pieces: Bytes[] = [];
    const reader = stream.getReader({ mode: "byob" });
    let buffer = new ArrayBuffer(1_000_003);
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(buffer, 3));
      if (done) return concatBytes(pieces);
      pieces.push(value.slice());
      buffer = value.buffer;
    }
  }],
  ["pipeTo", async (stream) => {
    const pieces: Bytes[] = [];
    await stream.pipeTo(new WritableStream({ write: (piece) => void pieces.push(piece) }));
    return concatBytes(pieces);
  }],
  ["davit itself, without a buffer", async (stream) => {
    const pieces: Bytes[] = [];
    const reader = pieceReader(stream);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return concatBytes(pieces);
      pieces.push(value!);
    }
  }],
  ["davit itself, with a buffer", async (stream) => {
    const pieces: Bytes[] = [];
    const reader = pieceReader(stream);
    let view: Bytes = new Uint8Array(70_001);
    for (;;) {
      const { done, value } = await reader.read(view);
      if (done) return concatBytes(pieces);
      pieces.push(value!.slice());
      if (view.byteLength === 0) view = new Uint8Array(value!.buffer);
    }
  }],
  ["Response.bytes", async (stream) => new Uint8Array(await new Response(stream).arrayBuffer())],
];

for (const [from, open] of SOURCES) {
  for (const [by, read] of READERS) {
    Deno.test(`verifyingStream: ${from}, read by ${by}`, async () => {
      const told: [number, boolean][] = [];
      const stream = await verifyingStream(pieceReader(open()), {
        digest: DIGEST,
        size: CONTENT.length,
      }, { onBytes: (bytes, done) => told.push([bytes, done]) });
      assertEquals(await digestOf(await read(stream)), DIGEST);
      assertEquals(told.at(-1), [CONTENT.length, true]);
      assertEquals(told.filter(([, done]) => done).length, 1);
      assert(told.every(([bytes], i) => i === 0 || bytes >= told[i - 1]![0]));
    });
  }
}

Deno.test("verifyingStream: a source's memory that is shared is not handed over", async () => {
  const whole = CONTENT.slice();
  const parts = [whole.subarray(0, 350_000), whole.subarray(350_000)];
  const stream = await verifyingStream(pieceReader(piecesStream(parts)), { digest: DIGEST });
  for await (const piece of stream) piece.fill(0);
  assertEquals(await digestOf(whole), DIGEST);
});

Deno.test("verifyingStream: Node's pooled Buffers keep their memory, whose slices are no copies", async () => {
  for (const mode of ["default", "byob"]) {
    const piece = Buffer.from("hello");
    assert(piece.buffer.byteLength > 5, "it is one of the pool's");
    const source = piecesStream([piece as unknown as Bytes]);
    const stream = await verifyingStream(pieceReader(source), { digest: HELLO });
    const reader = mode === "byob" ? stream.getReader({ mode: "byob" }) : stream.getReader();
    const { value } = await (reader as ReadableStreamBYOBReader).read(new Uint8Array(3));
    assertEquals(value!.buffer === piece.buffer, false);
    await reader.cancel();
    assertEquals(piece.toString(), "hello");
  }
});

const hello = encodeText("hello");
const HELLO = await digestOf(hello);
const HELLO_512 = await digestOf(hello, "sha512");
const OTHER = await digestOf(encodeText("other"));

interface Fault {
  name: string;
  digest: Digest;
  size?: number;
  error: new (message: string, options: never) => Error;
  code: string;
  actual: string | number;
  passed: string;
}

const FAULTS: Fault[] = [
  {
    name: "a wrong digest",
    digest: OTHER,
    size: 5,
    error: BadDigestError as never,
    code: "BAD_DIGEST",
    actual: HELLO,
    passed: "hello",
  },
  {
    name: "a wrong digest, of unknown size",
    digest: OTHER,
    error: BadDigestError as never,
    code: "BAD_DIGEST",
    actual: HELLO,
    passed: "hello",
  },
  {
    name: "a wrong sha512",
    digest: parseDigest(`sha512:${"0".repeat(128)}`),
    error: BadDigestError as never,
    code: "BAD_DIGEST",
    actual: HELLO_512,
    passed: "hello",
  },
  {
    name: "a short body",
    digest: HELLO,
    size: 6,
    error: SizeMismatchError as never,
    code: "SIZE_MISMATCH",
    actual: 5,
    passed: "hello",
  },
  {
    name: "a long body: nothing past the size is passed on",
    digest: HELLO,
    size: 4,
    error: SizeMismatchError as never,
    code: "SIZE_MISMATCH",
    actual: 5,
    passed: "",
  },
];

for (const { name, digest, size, error, code, actual, passed } of FAULTS) {
  for (const mode of ["default", "byob"]) {
    Deno.test(`verifyingStream: ${name} ends in ${code}, never in a clean end (${mode})`, async () => {
      const told: boolean[] = [];
      const expected = { digest, ...(size !== undefined && { size }) };
      const stream = await verifyingStream(pieceReader(piecesStream([hello.slice()])), expected, {
        onBytes: (_, done) => told.push(done),
      });
      let seen = "";
      const thrown = await assertRejects(async () => {
        const reader = mode === "byob" ? stream.getReader({ mode: "byob" }) : stream.getReader();
        for (;;) {
          const { done, value } = await (reader as ReadableStreamBYOBReader)
            .read(new Uint8Array(100));
          if (done) return;
          seen += new TextDecoder().decode(value);
        }
      });
      assertEquals((thrown as Error).constructor, error);
      const typed = thrown as BadDigestError | SizeMismatchError;
      assertEquals([typed.code, typed.actual], [code, actual]);
      assertEquals(typed.expected, code === "BAD_DIGEST" ? digest : size!);
      assertEquals(seen, passed);
      assertEquals(told.includes(true), false, "the end is never told");
    });
  }
}

Deno.test("verifyingStream: sha512 is computed with sha512, nothing at all with nothing", async () => {
  const read = async (bytes: Bytes, digest: Digest) =>
    await new Response(await verifyingStream(pieceReader(bytesStream(bytes)), { digest })).text();
  assertEquals(await read(hello, HELLO_512), "hello");
  const empty = new Uint8Array(0);
  assertEquals(await read(empty, await digestOf(empty)), "");
});

Deno.test("verifyingStream: an algorithm unknown here is refused before anything is read", async () => {
  const reader: PieceReader = {
    read: () => Promise.reject(new Error("read")),
    cancel: () => Promise.resolve(),
  };
  await assertRejects(
    () => verifyingStream(reader, { digest: parseDigest("blake3:abc") }),
    InvalidDigestError,
    "Cannot verify blake3:abc",
  );
});

/** A source that gives one piece and then waits, fails or is let go of. */
function held(second: "wait" | Error) {
  const state: { reads: number; cancelled: unknown[] } = { reads: 0, cancelled: [] };
  let release = () => {};
  const reader: PieceReader = {
    read() {
      if (state.reads++ === 0) return Promise.resolve({ done: false, value: encodeText("he") });
      if (second instanceof Error) return Promise.reject(second);
      return new Promise((resolve) => {
        release = () => resolve({ done: true });
      });
    },
    cancel(reason) {
      state.cancelled.push(reason);
      release();
      return Promise.resolve();
    },
  };
  return { reader, state };
}

Deno.test("verifyingStream: the source's own error is the stream's, and lets go of it", async () => {
  const own = new TypeError("reset");
  const { reader, state } = held(own);
  const stream = await verifyingStream(reader, { digest: HELLO });
  assertStrictEquals(await assertRejects(() => new Response(stream).text()), own);
  assertEquals(state.cancelled, [own]);
});

Deno.test("verifyingStream: an abort during a read is the stream's error", async () => {
  const { reader, state } = held("wait");
  const controller = new AbortController();
  const told: boolean[] = [];
  const stream = await verifyingStream(reader, { digest: HELLO }, {
    signal: controller.signal,
    onBytes: (_, done) => told.push(done),
  });
  const consumer = stream.getReader();
  await consumer.read();
  const reading = consumer.read();
  controller.abort(new Error("enough"));
  await assertRejects(() => reading, Error, "enough");
  assertEquals(state.cancelled, [controller.signal.reason]);
  assertEquals(told, [false]);
});

Deno.test("verifyingStream: a signal that has aborted reads nothing", async () => {
  const { reader, state } = held("wait");
  const signal = AbortSignal.abort(new Error("before"));
  const stream = await verifyingStream(reader, { digest: HELLO }, { signal });
  await assertRejects(() => stream.getReader().read(), Error, "before");
  assertEquals([state.reads, state.cancelled.length], [0, 1]);
});

Deno.test("verifyingStream: read by davit itself, a failure is the answer to every read", async () => {
  const failing = held(new TypeError("reset"));
  const aborting = held("wait");
  const controller = new AbortController();
  const { signal } = controller;
  const readers = await Promise.all([
    verifyingStream(failing.reader, { digest: HELLO }),
    verifyingStream(aborting.reader, { digest: HELLO }, { signal }),
    verifyingStream(pieceReader(bytesStream(hello)), { digest: OTHER }),
  ]).then((streams) => streams.map(pieceReader));
  for (const reader of readers) assertEquals((await reader.read()).done, false);
  const second = readers.map((reader) => reader.read().catch((error) => error.message));
  controller.abort(new Error("enough"));
  const messages = await Promise.all(second);
  assertEquals(messages.slice(0, 2), ["reset", "enough"]);
  assert(messages[2].startsWith(`Cannot verify ${OTHER}`), messages[2]);
  for (const [at, reader] of readers.entries()) {
    assertEquals(await reader.read().catch((error) => error.message), messages[at]);
  }
  assertEquals([failing.state.cancelled.length, aborting.state.cancelled.length], [1, 1]);
});

Deno.test("verifyingStream: nothing is read before it is asked for", async () => {
  const { reader, state } = held("wait");
  await verifyingStream(reader, { digest: HELLO });
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(state.reads, 0);
});

for (const [name, end] of [["end", "read"], ["cancel", "cancel"]] as const) {
  Deno.test(`verifyingStream: the ${name} takes the listener off the signal`, async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    signal.addEventListener = () => listeners++;
    signal.removeEventListener = () => listeners--;
    const stream = await verifyingStream(pieceReader(bytesStream(hello)), { digest: HELLO }, {
      signal,
    });
    assertEquals(listeners, 1);
    if (end === "read") await new Response(stream).text();
    else await stream.cancel();
    assertEquals(listeners, 0);
  });
}

Deno.test("passingStream: passes what comes, and tells the end", async () => {
  const told: [number, boolean][] = [];
  const stream = passingStream(pieceReader(bytesStream(hello)), {
    onBytes: (bytes, done) => told.push([bytes, done]),
  });
  assertEquals(await new Response(stream).text(), "hello");
  assertEquals(told, [[5, false], [5, true]]);
});

Deno.test("passingStream: a consumer that leaves during a read is no end", async () => {
  const { reader, state } = held("wait");
  const told: boolean[] = [];
  const stream = passingStream(reader, { onBytes: (_, done) => told.push(done) });
  const consumer = stream.getReader();
  await consumer.read();
  const reading = consumer.read();
  await consumer.cancel("enough");
  assertEquals((await reading).done, true);
  assertEquals([state.cancelled, told], [["enough"], [false]]);
});

Deno.test("verifier: takes pieces and finishes, or throws", async () => {
  const good = await verifier({ digest: HELLO, size: 5 });
  good.take(encodeText("hel"));
  good.take(encodeText("lo"));
  await good.finish();
  const long = await verifier({ digest: HELLO, size: 4 });
  await assertRejects(async () => await long.take(hello), SizeMismatchError, "more bytes arrived");
  const short = await verifier({ digest: HELLO, size: 6 });
  short.take(hello);
  await assertRejects(async () => await short.finish(), SizeMismatchError, "fewer bytes arrived");
});
