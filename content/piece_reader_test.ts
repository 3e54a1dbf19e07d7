import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { LimitError, TimeoutError } from "../errors.ts";
import { type Bytes, encodeText } from "./bytes.ts";
import {
  type PieceReader,
  pieceReader,
  readAll,
  readerStream,
  stallGuard,
} from "./piece_reader.ts";

function plainStream(...pieces: (Bytes | Error)[]): ReadableStream<Bytes> {
  const left = [...pieces];
  return new ReadableStream({
    pull(controller) {
      const piece = left.shift();
      if (piece === undefined) return controller.close();
      if (piece instanceof Error) throw piece;
      controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
}

function byteStream(bytes: Bytes): ReadableStream<Bytes> {
  let at = 0;
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: 16,
    pull(controller: ReadableByteStreamController) {
      const request = controller.byobRequest!;
      const view = request.view as Bytes;
      const piece = bytes.subarray(at, at + view.byteLength);
      if (piece.byteLength === 0) controller.close();
      view.set(piece);
      at += piece.byteLength;
      request.respond(piece.byteLength);
    },
  }, { highWaterMark: 0 });
}

/** A stream that never answers, and says whether it was let go of. */
function silence() {
  const state: { cancelled?: unknown } = {};
  const stream = new ReadableStream<Bytes>({
    cancel(reason) {
      state.cancelled = reason;
    },
  });
  return { reader: pieceReader(stream), state };
}

/** Time that passes when it is told to, in place of the machine's. */
function fakeTime() {
  const { setTimeout, clearTimeout } = globalThis;
  const { now } = performance;
  const timers = new Map<number, { at: number; run: () => void }>();
  let time = 1_000;
  let made = 0;
  let longest = 0;
  performance.now = () => time;
  globalThis.setTimeout = ((run: () => void, delay = 0) => {
    longest = Math.max(longest, delay);
    timers.set(++made, { at: time + delay, run });
    return made;
  }) as unknown as typeof setTimeout;
  globalThis.clearTimeout = ((id: number) => timers.delete(id)) as typeof clearTimeout;
  return {
    made: () => made,
    longest: () => longest,
    pass(milliseconds: number) {
      time += milliseconds;
      for (const [id, { at, run }] of [...timers]) {
        if (at <= time && timers.delete(id)) run();
      }
    },
    restore() {
      Object.assign(globalThis, { setTimeout, clearTimeout });
      performance.now = now;
    },
  };
}

async function texts(reader: PieceReader, view?: () => Bytes): Promise<string[]> {
  const pieces: string[] = [];
  for (;;) {
    const { done, value } = await reader.read(view?.());
    if (done) return pieces;
    pieces.push(new TextDecoder().decode(value));
  }
}

Deno.test("pieceReader: a byte stream is read into the caller's buffer", async () => {
  const reader = pieceReader(byteStream(encodeText("hello world")));
  const memory = new ArrayBuffer(20);
  const view = new Uint8Array(memory, 4, 5);
  const { done, value } = await reader.read(view);
  assertEquals([done, new TextDecoder().decode(value)], [false, "hello"]);
  assertEquals([memory.byteLength, view.byteLength], [0, 0], "the memory was taken");
  assertEquals([value!.buffer.byteLength, value!.byteOffset], [20, 4], "and comes back");
});

Deno.test("pieceReader: at the end of a byte stream the buffer comes back empty", async () => {
  const reader = pieceReader(byteStream(encodeText("")));
  const { done, value } = await reader.read(new Uint8Array(10));
  assertEquals([done, value!.byteLength, value!.buffer.byteLength], [true, 0, 10]);
});

Deno.test("pieceReader: a byte stream without a buffer gives 64 KiB at most", async () => {
  const reader = pieceReader(byteStream(new Uint8Array(100 * 1024)));
  const sizes = [await reader.read(), await reader.read(), await reader.read()]
    .map(({ value }) => value!.byteLength);
  assertEquals(sizes, [64 * 1024, 36 * 1024, 0]);
});

Deno.test("pieceReader: later reads without a buffer take 512 KiB, once one was filled", async () => {
  const reader = pieceReader(byteStream(new Uint8Array(700 * 1024)));
  const sizes: number[] = [];
  for (let at = 0; at < 3; at++) sizes.push((await reader.read()).value!.byteLength / 1024);
  assertEquals(sizes, [64, 512, 124]);
});

Deno.test("readerStream: pieceReader takes the reader back, and the stream is locked", async () => {
  const inner = pieceReader(plainStream(encodeText("hello")));
  const stream = readerStream(inner);
  assertStrictEquals(pieceReader(stream), inner);
  assertEquals(stream.locked, true);
  assertThrows(() => pieceReader(stream), TypeError);
  assertThrows(() => stream.getReader(), TypeError);
  assertEquals(await texts(inner), ["hello"]);
});

Deno.test("readerStream: a locked stream's reader is not taken", () => {
  const stream = readerStream(pieceReader(plainStream(encodeText("hello"))));
  stream.getReader();
  assertThrows(() => pieceReader(stream), TypeError);
});

Deno.test("readerStream: of a stream that was read or cancelled the reader is not taken", async () => {
  const inner = pieceReader(plainStream(encodeText("hello world"), encodeText("!")));
  const stream = readerStream(inner);
  const first = stream.getReader({ mode: "byob" });
  assertEquals((await first.read(new Uint8Array(5))).value, encodeText("hello"));
  first.releaseLock(); // the stream holds the rest of the piece, which the reader has given away
  assertEquals(await texts(pieceReader(stream)), [" world", "!"]);

  const cancelled = readerStream(pieceReader(plainStream(encodeText("hello"))));
  await cancelled.cancel();
  assertEquals(await texts(pieceReader(cancelled)), []);
});

Deno.test("readerStream: a piece that does not fill its memory is passed on where the memory is its own", async () => {
  // Through a byte stream, which reads into a buffer that was made for this piece alone.
  const own = readerStream(pieceReader(byteStream(encodeText("hello"))));
  const { value } = await own.getReader().read();
  assertEquals([new TextDecoder().decode(value), value!.buffer.byteLength], ["hello", 64 * 1024]);
  // Anybody's memory is copied.
  const whole = encodeText("hello world");
  const shared = readerStream(pieceReader(plainStream(whole.subarray(0, 5) as Bytes)));
  const copied = (await shared.getReader().read()).value!;
  assertEquals([copied.byteLength, copied.buffer.byteLength, whole.byteLength], [5, 5, 11]);
});

Deno.test("pieceReader: another stream gives its own pieces, and leaves the buffer alone", async () => {
  const reader = pieceReader(plainStream(encodeText("hello"), encodeText("!")));
  const view = new Uint8Array(2);
  assertEquals(await texts(reader, () => view), ["hello", "!"]);
  assertEquals(view.byteLength, 2);
});

Deno.test("pieceReader: empty pieces are skipped", async () => {
  const empty = new Uint8Array(0);
  const reader = pieceReader(plainStream(empty, encodeText("a"), empty, empty, encodeText("b")));
  assertEquals(await texts(reader), ["a", "b"]);
});

for (const kind of ["plain", "byte"]) {
  Deno.test(`pieceReader: cancel reaches a ${kind} stream`, async () => {
    let cancelled: unknown;
    const source: UnderlyingDefaultSource = {
      cancel(reason) {
        cancelled = reason;
      },
    };
    const stream: ReadableStream<Bytes> = kind === "byte"
      ? new ReadableStream({ ...source, type: "bytes" } as UnderlyingByteSource)
      : new ReadableStream(source);
    await pieceReader(stream).cancel("enough");
    assertEquals(cancelled, "enough");
  });
}

Deno.test("stallGuard: pieces pass, the view and the end too", async () => {
  const reader = stallGuard(pieceReader(byteStream(encodeText("hello world"))), {
    stallTimeout: 1_000,
  }, "it");
  assertEquals(await texts(reader, () => new Uint8Array(4)), ["hell", "o wo", "rld"]);
});

Deno.test("stallGuard: a read that takes too long is TIMEOUT, and the source is let go of", async () => {
  const { reader, state } = silence();
  const error = await assertRejects(
    () => stallGuard(reader, { stallTimeout: 5 }, "the blob").read(),
    TimeoutError,
    "Cannot read the blob: no bytes came for 5 ms",
  );
  assertEquals([error.code, error.retryable], ["TIMEOUT", true]);
  assertStrictEquals(state.cancelled, error);
});

Deno.test("stallGuard: every read has the whole time, the time between reads counts not", async () => {
  const time = fakeTime();
  const slow: PieceReader = {
    read: () => Promise.resolve({ done: false, value: encodeText("x") }),
    cancel: () => Promise.resolve(),
  };
  const silent: PieceReader = { read: () => new Promise(() => {}), cancel: slow.cancel };
  let source = slow;
  const reader = stallGuard(
    { ...slow, read: (view) => source.read(view) },
    { stallTimeout: 100 },
    "it",
  );
  try {
    for (let i = 0; i < 4; i++) {
      await reader.read();
      time.pass(60);
    }
    time.pass(1_000);
    await reader.read();
    source = silent;
    time.pass(70);
    let error: unknown;
    void reader.read().catch((thrown) => error = thrown);
    time.pass(99);
    await Promise.resolve();
    assertEquals(error, undefined);
    time.pass(1);
    await Promise.resolve();
    assert(error instanceof TimeoutError);
    assertEquals(time.made(), 4, "timers are made rarely, not for each read");
  } finally {
    time.restore();
  }
});

Deno.test("stallGuard: an error of the source is that error", async () => {
  const own = new TypeError("reset");
  const reader = stallGuard(pieceReader(plainStream(own)), { stallTimeout: 1_000 }, "it");
  assertStrictEquals(await assertRejects(() => reader.read()), own);
});

Deno.test("stallGuard: cancel ends a read that waits, and leaves no timer", async () => {
  const { reader, state } = silence();
  const guarded = stallGuard(reader, { stallTimeout: 60_000 }, "it");
  const reading = guarded.read();
  await guarded.cancel("enough");
  assertEquals([(await reading).done, state.cancelled], [true, "enough"]);
});

for (const forever of [Infinity, 2 ** 31]) {
  Deno.test(`stallGuard: a limit of ${forever} ms is no limit of 1 ms`, async () => {
    const time = fakeTime();
    const { reader } = silence();
    let ended = false;
    try {
      const guarded = stallGuard(reader, { stallTimeout: forever }, "it");
      void guarded.read().catch(() => ended = true);
      assertEquals(time.longest(), forever === Infinity ? 0 : 2 ** 31 - 1);
      time.pass(2 ** 31 - 1);
      await Promise.resolve();
      assertEquals(ended, false);
      await guarded.cancel();
    } finally {
      time.restore();
    }
  });
}

const LIMIT = { name: "pageBytes", bytes: 5, what: "the page" };

const FITTING: [name: string, pieces: string[]][] = [
  ["nothing", []],
  ["one piece", ["hello"]],
  ["several pieces", ["he", "l", "lo"]],
];

for (const [name, pieces] of FITTING) {
  Deno.test(`readAll: ${name}`, async () => {
    const reader = pieceReader(plainStream(...pieces.map(encodeText)));
    assertEquals(new TextDecoder().decode(await readAll(reader, LIMIT)), pieces.join(""));
  });
}

Deno.test("readAll: one byte more than the limit is LIMIT_EXCEEDED, and no more is read", async () => {
  let pulls = 0;
  let cancelled = false;
  const stream = new ReadableStream<Bytes>({
    pull(controller) {
      pulls++;
      controller.enqueue(encodeText("abc"));
    },
    cancel() {
      cancelled = true;
    },
  }, { highWaterMark: 0 });
  const error = await assertRejects(
    () => readAll(pieceReader(stream), LIMIT),
    LimitError,
    "Cannot read the page: it is larger than pageBytes, 5 bytes",
  );
  assertEquals([error.code, error.limit, error.maximum], ["LIMIT_EXCEEDED", "pageBytes", 5]);
  assertEquals([pulls, cancelled], [2, true]);
});

Deno.test("readAll: a byte stream's pieces do not overwrite each other", async () => {
  const bytes = Uint8Array.from({ length: 200 * 1024 }, (_, i) => i % 251);
  const read = await readAll(pieceReader(byteStream(bytes)), { ...LIMIT, bytes: Infinity });
  assertEquals(read.length, bytes.length);
  assert(read.every((byte, i) => byte === i % 251));
});

const EXPECTED: [name: string, expected: number, views: (number | undefined)[]][] = [
  ["as many bytes as expected", 10, [10, 7, 4, 1, 1]],
  ["fewer bytes than expected", 12, [12, 9, 6, 3, 2]],
  ["more bytes than expected", 8, [8, 5, 2, 1, undefined, undefined]],
];

for (const [name, expected, views] of EXPECTED) {
  Deno.test(`readAll: ${name}: no more memory is made than for those that are left`, async () => {
    const bytes = encodeText("0123456789");
    const given: (number | undefined)[] = [];
    let at = 0;
    const reader: PieceReader = {
      read(view) {
        given.push(view?.byteLength);
        const memory = view === undefined
          ? new Uint8Array(3)
          : new Uint8Array(view.buffer.transfer());
        const piece = bytes.subarray(at, at + Math.min(3, memory.byteLength));
        at += piece.byteLength;
        memory.set(piece);
        return Promise.resolve({
          done: piece.byteLength === 0,
          value: memory.subarray(0, piece.byteLength),
        });
      },
      cancel: () => Promise.resolve(),
    };
    const read = await readAll(reader, { ...LIMIT, bytes: 100 }, expected);
    assertEquals([new TextDecoder().decode(read), given], ["0123456789", views]);
  });
}

const RATES: [name: string, bytes: number, each: number, leastRate: number, fails: boolean][] = [
  ["a byte for each wait", 1, 90, 1024, true],
  ["just less than the least rate", 92, 90, 1024, true],
  ["the least rate", 93, 90, 1024, false],
  ["without a least rate", 1, 90, 0, false],
];
for (const [name, bytes, each, leastRate, fails] of RATES) {
  Deno.test(`stallGuard: ${name} ${fails ? "ends in LIMIT_EXCEEDED" : "goes on"}`, async () => {
    const time = fakeTime();
    let cancelled: unknown;
    const dripping: PieceReader = {
      async read() {
        time.pass(each);
        return await Promise.resolve({ done: false, value: new Uint8Array(bytes) });
      },
      cancel: (reason) => Promise.resolve(void (cancelled = reason)),
    };
    const guarded = stallGuard(dripping, { stallTimeout: 100, leastRate }, "the blob");
    const reading = async () => {
      for (let reads = 0; reads < 30; reads++) {
        await guarded.read();
        time.pass(1_000); // what the reader does with it does not count
      }
    };
    try {
      if (fails) {
        const error = await assertRejects(
          reading,
          LimitError,
          "less than leastRate, 1024 a second",
        );
        assertEquals([error.limit, error.maximum], ["leastRate", leastRate]);
        assertStrictEquals(cancelled, error);
      } else await reading();
    } finally {
      await guarded.cancel();
      time.restore();
    }
  });
}
