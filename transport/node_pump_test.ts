import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Bytes } from "../content/bytes.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import { nextTurn, type NodeRequest } from "../runtime/http.ts";
import { nodePump } from "./node_pump.ts";
import type { SendClock } from "./send_clock.ts";

const MIB = 1024 * 1024;

/** A request that takes what is written when the test says so. */
function fakeRequest() {
  const writes: { bytes: Uint8Array; taken: () => void }[] = [];
  const state = { ended: false };
  const outgoing: NodeRequest = {
    write(bytes, taken) {
      writes.push({ bytes, taken });
      return true;
    },
    end: () => void (state.ended = true),
    destroy: () => {},
    on: () => {},
  };
  return { outgoing, writes, state };
}

function fakeClock() {
  const log: string[] = [];
  const clock: Pick<SendClock, "waitFor" | "sent" | "stop"> = {
    waitFor: (side) => void log.push(side),
    sent: () => void log.push("sent"),
    stop: () => {},
  };
  return { clock, log };
}

/** A source that fills the buffers it is given, each with its number. */
function fillingReader(pieces: number): PieceReader & { memory: Set<number>; cancelled: number } {
  let count = 0;
  return {
    memory: new Set(),
    cancelled: 0,
    read(view) {
      if (count === pieces) return Promise.resolve({ done: true });
      const value = new Uint8Array(view!.buffer.transfer()) as Bytes;
      value.fill(++count);
      return Promise.resolve({ done: false, value });
    },
    cancel() {
      this.cancelled++;
      return Promise.resolve();
    },
  };
}

function turns(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

function neverFails(error: unknown): never {
  throw error;
}

Deno.test("nodePump writes a buffer again only when it was taken, and reads on meanwhile", async () => {
  const { outgoing, writes, state } = fakeRequest();
  const { clock } = fakeClock();
  const buffers = new Set<ArrayBufferLike>();
  const reader = fillingReader(5);
  const pump = nodePump(reader, outgoing, clock, neverFails);
  for (let piece = 1; piece <= 5; piece++) {
    await turns();
    assertEquals(writes.length, piece, "one write at a time");
    const { bytes, taken } = writes[piece - 1]!;
    assertEquals([bytes[0], bytes[MIB - 1], bytes.length], [piece, piece, MIB]);
    buffers.add(bytes.buffer);
    assertEquals([state.ended, pump.finished()], [false, false]);
    taken();
  }
  await turns();
  assertEquals([state.ended, pump.finished()], [true, true]);
});

Deno.test("nodePump makes two buffers, however long the body is", async () => {
  const { outgoing } = fakeRequest();
  outgoing.write = (_bytes, taken) => {
    queueMicrotask(taken);
    return true;
  };
  let made = 0;
  const { Uint8Array } = globalThis;
  const reader = fillingReader(50);
  globalThis.Uint8Array = new Proxy(Uint8Array, {
    construct(target, [length, ...rest]) {
      if (length === MIB) made++;
      return Reflect.construct(target, [length, ...rest]);
    },
  });
  try {
    const done = Promise.withResolvers<void>();
    outgoing.end = done.resolve;
    nodePump(reader, outgoing, fakeClock().clock, neverFails);
    await done.promise;
  } finally {
    globalThis.Uint8Array = Uint8Array;
  }
  assert(made <= 3, `${made} buffers`);
});

for (const [size, piece] of [[100, 100], [0, 1], [3 * MIB, MIB], [undefined, MIB]] as const) {
  Deno.test(`nodePump makes buffers of ${piece} for a body of ${size} bytes`, async () => {
    const { outgoing, writes } = fakeRequest();
    const pump = nodePump(fillingReader(1), outgoing, fakeClock().clock, neverFails, size);
    await turns();
    assertEquals(writes[0]!.bytes.byteLength, piece);
    pump.stop();
  });
}

Deno.test("nodePump lets small pieces of the source's own wait up to 1 MiB", async () => {
  const { outgoing, writes } = fakeRequest();
  const piece = new Uint8Array(64 * 1024);
  const reader: PieceReader = {
    read: () => Promise.resolve({ done: false, value: piece }),
    cancel: () => Promise.resolve(),
  };
  const pump = nodePump(reader, outgoing, fakeClock().clock, neverFails);
  await turns();
  assertEquals(writes.length, 16);
  writes[0]!.taken();
  await turns();
  assertEquals(writes.length, 17);
  pump.stop();
});

Deno.test("nodePump sends a piece that is larger than what may wait", async () => {
  const { outgoing, writes, state } = fakeRequest();
  const pieces = [new Uint8Array(3 * MIB), new Uint8Array(3 * MIB)];
  const reader: PieceReader = {
    read: () => {
      const value = pieces.shift();
      return Promise.resolve(value === undefined ? { done: true } : { done: false, value });
    },
    cancel: () => Promise.resolve(),
  };
  nodePump(reader, outgoing, fakeClock().clock, neverFails);
  await turns();
  assertEquals(writes.length, 1);
  writes[0]!.taken();
  await turns();
  assertEquals(writes.length, 2);
  assertEquals(state.ended, false);
  writes[1]!.taken();
  await turns();
  assertEquals(state.ended, true);
});

Deno.test("nodePump lets an early answer be seen though every write succeeds at once", async () => {
  const { outgoing } = fakeRequest();
  let written = 0;
  outgoing.write = (bytes, taken) => {
    written += bytes.byteLength;
    taken();
    return true;
  };
  const piece = new Uint8Array(64 * 1024);
  const reader: PieceReader = {
    read: () =>
      Promise.resolve(written < 64 * MIB ? { done: false, value: piece } : { done: true }),
    cancel: () => Promise.resolve(),
  };
  const pump = nodePump(reader, outgoing, fakeClock().clock, neverFails);
  await nextTurn();
  pump.stop();
  assert(written <= 8 * MIB, `${written} bytes were written before anything else had its turn`);
});

Deno.test("nodePump tells whose turn it is", async () => {
  const { outgoing, writes } = fakeRequest();
  const { clock, log } = fakeClock();
  const next = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let read = 0;
  const reader: PieceReader = {
    async read() {
      await next[read]!.promise;
      return read++ === 0 ? { done: false, value: new Uint8Array(1) } : { done: true };
    },
    cancel: () => Promise.resolve(),
  };
  nodePump(reader, outgoing, clock, neverFails);
  await turns();
  assertEquals(log.splice(0), ["source"]);
  next[0]!.resolve();
  await turns();
  assertEquals(log.splice(0), ["server", "server"]);
  writes[0]!.taken();
  assertEquals(log.splice(0), ["source"]);
  next[1]!.resolve();
  await turns();
  assertEquals(log.splice(0), ["sent"]);
});

Deno.test("nodePump that is stopped writes no more, and tells the source once", async () => {
  for (const when of ["waiting for the server", "reading"]) {
    const { outgoing, writes, state } = fakeRequest();
    const reader = fillingReader(50);
    const late = Promise.withResolvers<void>();
    if (when === "reading") {
      const { read } = reader;
      reader.read = async (view) => {
        await late.promise;
        return await read(view);
      };
    }
    const pump = nodePump(reader, outgoing, fakeClock().clock, neverFails);
    await turns();
    pump.stop();
    pump.stop();
    late.resolve();
    writes[0]?.taken();
    await turns();
    assertEquals(writes.length, when === "reading" ? 0 : 1, when);
    assertEquals([state.ended, pump.finished(), reader.cancelled], [false, false, 1], when);
  }
});

Deno.test("nodePump fails as its source fails", async () => {
  const error = new RangeError("the disk is gone");
  const reader: PieceReader = {
    read: () => Promise.reject(error),
    cancel: () => Promise.reject(new Error("so is the cable")),
  };
  const failed = new Promise((_, reject) => {
    nodePump(reader, fakeRequest().outgoing, fakeClock().clock, reject);
  });
  assertStrictEquals(await assertRejects(() => failed), error);
});
