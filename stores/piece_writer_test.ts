import { assert, assertEquals, assertRejects } from "@std/assert";
import { assertBytes } from "../content/assert_bytes_test.ts";
import { type Bytes, concatBytes } from "../content/bytes.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import type { FileCursor } from "../runtime/files.ts";
import { PieceWriter } from "./piece_writer.ts";

const MIB = 1024 * 1024;

/** A file in memory, whose writes take a turn, and fail from a number of bytes on. */
class SlowFile implements FileCursor {
  readonly writes: Bytes[] = [];
  writing = 0;
  mostAtOnce = 0;

  constructor(readonly room = Infinity) {}

  read(): Promise<number> {
    return Promise.resolve(0);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.writing);
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.writing--;
    if (this.size + bytes.byteLength > this.room) throw new Error("the disk is full");
    this.writes.push(bytes.slice() as Bytes); // what the memory holds when the write ends
  }

  get size(): number {
    return this.writes.reduce((sum, each) => sum + each.byteLength, 0);
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Pieces of sizes, each filled with its number. */
function numbered(sizes: readonly number[]): Bytes[] {
  return sizes.map((size, index) => new Uint8Array(size).fill(index + 1));
}

/** A reader with its own memory, which it uses again for every piece. */
function ownMemory(pieces: readonly Bytes[]): PieceReader {
  const memory = new Uint8Array(Math.max(1, ...pieces.map(({ byteLength }) => byteLength)));
  const left = [...pieces];
  let last = 0;
  return {
    read() {
      const piece = left.shift();
      memory.fill(0xff, 0, last);
      last = piece?.byteLength ?? 0;
      if (piece === undefined) return Promise.resolve({ done: true });
      memory.set(piece);
      return Promise.resolve({ done: false, value: memory.subarray(0, piece.byteLength) as Bytes });
    },
    cancel: () => Promise.resolve(),
  };
}

/** A reader that reads into the view it gets, as byte streams do; at most so much of it. */
function intoViews(pieces: readonly Bytes[]): PieceReader {
  let left = concatBytes(pieces);
  const sizes = pieces.map(({ byteLength }) => byteLength);
  return {
    read(view) {
      const memory = structuredClone(view!.buffer, { transfer: [view!.buffer] });
      const size = Math.min(sizes.shift() ?? 0, memory.byteLength);
      const value = new Uint8Array(memory, 0, Math.min(size, left.byteLength));
      value.set(left.subarray(0, value.byteLength));
      left = left.slice(value.byteLength);
      if (left.byteLength > 0 && sizes.length === 0) sizes.push(left.byteLength);
      return Promise.resolve({ done: value.byteLength === 0, value });
    },
    cancel: () => Promise.resolve(),
  };
}

const SIZES: [name: string, sizes: number[]][] = [
  ["no pieces", []],
  ["one byte", [1]],
  ["small pieces", Array(5_000).fill(777)],
  ["large pieces", Array(6).fill(MIB)],
  ["one larger than any buffer", [3 * MIB + 5]],
  ["small and large ones in turn", [10, MIB, 20, 300_000, 5, 5, MIB, 1]],
];

for (const [name, sizes] of SIZES) {
  for (const reader of [ownMemory, intoViews]) {
    Deno.test(`PieceWriter: ${name}, ${reader.name}`, async () => {
      const pieces = numbered(sizes);
      const whole = concatBytes(pieces);
      const file = new SlowFile();
      const writer = new PieceWriter(file);
      const told: Bytes[] = [];
      const onPiece = (piece: Bytes) => void told.push(piece.slice());
      assertEquals(await writer.write(reader(pieces), { onPiece }), true);
      assertBytes(concatBytes(file.writes), whole, "written");
      assertBytes(concatBytes(told), whole, "told");
      assertEquals(writer.written, whole.byteLength);
      assert(file.mostAtOnce <= 1, "one write at a time");
    });
  }
}

Deno.test("PieceWriter: small pieces are written together while a write goes on", async () => {
  const file = new SlowFile();
  await new PieceWriter(file).write(ownMemory(numbered(Array(10_000).fill(100))));
  assertEquals(file.size, 1_000_000);
  assert(file.writes.length < 5_000, `${file.writes.length} writes`);
});

Deno.test("PieceWriter: no more than the maximum, whatever the pieces", async () => {
  const cases: [sizes: number[], maximum: number, written: number, ended: boolean][] = [
    [[10], 10, 10, true],
    [[10], 9, 9, false],
    [[10, 10], 10, 10, false],
    [[MIB, MIB], MIB + 1, MIB + 1, false],
    [[5], 0, 0, false],
    [[], 0, 0, true],
  ];
  for (const [sizes, maximum, written, ended] of cases) {
    const file = new SlowFile();
    const writer = new PieceWriter(file);
    assertEquals(await writer.write(ownMemory(numbered(sizes)), { maximum }), ended);
    assertEquals([writer.written, file.size], [written, written]);
  }
});

Deno.test("PieceWriter: what came before the reader fails is written", async () => {
  for (const sizes of [[3, 4], [MIB, 10, MIB, 20]]) {
    const inner = ownMemory(numbered(sizes));
    let reads = 0;
    const reader: PieceReader = {
      read: () => reads++ < sizes.length ? inner.read() : Promise.reject(new Error("cut")),
      cancel: () => Promise.resolve(),
    };
    const file = new SlowFile();
    const writer = new PieceWriter(file);
    await assertRejects(() => writer.write(reader), Error, "cut");
    assertEquals(writer.written, sizes.reduce((sum, size) => sum + size, 0));
    assertEquals(file.writing, 0, "nothing is written any more");
  }
});

Deno.test("PieceWriter: a file that fails ends it, with what the file has taken", async () => {
  const file = new SlowFile(2 * MIB);
  const writer = new PieceWriter(file);
  const pieces = numbered(Array(8).fill(MIB));
  await assertRejects(() => writer.write(intoViews(pieces)), Error, "the disk is full");
  assertEquals(writer.written, file.size);
  assert(file.size > MIB && file.size <= 2 * MIB, `${file.size} bytes`);
});

Deno.test("PieceWriter: nothing is written behind a write that failed", async () => {
  const file = new SlowFile();
  const { write } = file;
  let writes = 0;
  file.write = async (bytes) => {
    if (++writes === 2) throw new Error("the disk is full");
    await write.call(file, bytes);
  };
  const writer = new PieceWriter(file);
  const pieces = numbered(Array(8).fill(10));
  let reads = 0;
  const reader: PieceReader = {
    async read() {
      // The write fails while the next piece is on its way.
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { done: false, value: pieces[reads++]! };
    },
    cancel: () => Promise.resolve(),
  };
  await assertRejects(() => writer.write(reader), Error, "the disk is full");
  assertEquals([writer.written, file.writes], [10, [pieces[0]!]]);
  assertEquals(writes, 2);
});

Deno.test("PieceWriter: a piece is written as soon as nothing else is", async () => {
  const file = new SlowFile();
  const writer = new PieceWriter(file);
  let reads = 0;
  await writer.write({
    async read() {
      if (reads++ === 0) return { done: false, value: new Uint8Array(3) };
      while (writer.written < 3) await new Promise((resolve) => setTimeout(resolve, 1));
      return { done: true };
    },
    cancel: () => Promise.resolve(),
  });
  assertEquals(file.size, 3);
});

Deno.test("PieceWriter: an abort ends it between two pieces", async () => {
  const controller = new AbortController();
  const reader = ownMemory(numbered([1, 1, 1]));
  const writing = new PieceWriter(new SlowFile()).write({
    read(view) {
      controller.abort(new Error("enough"));
      return reader.read(view);
    },
    cancel: () => Promise.resolve(),
  }, { signal: controller.signal });
  await assertRejects(() => writing, Error, "enough");
});
