import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { assertBytes } from "../content/assert_bytes_test.ts";
import { bytesStream } from "../content/body.ts";
import { type Bytes, concatBytes, encodeText } from "../content/bytes.ts";
import { takeMemory } from "../content/memory.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import { PieceList } from "./piece_list.ts";

const MIB = 1024 * 1024;

function pattern(size: number): Bytes {
  return new Uint8Array(size).map((_, index) => (index * 31) >>> 3);
}

async function readWith(
  stream: ReadableStream<Bytes>,
  view: number | undefined,
): Promise<{ bytes: Bytes; largest: number }> {
  const pieces: Bytes[] = [];
  let largest = 0;
  if (view === undefined) {
    for await (const piece of stream) pieces.push(piece);
  } else {
    const reader = stream.getReader({ mode: "byob" });
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(view));
      if (done) break;
      pieces.push(value as Bytes);
    }
  }
  for (const piece of pieces) largest = Math.max(largest, piece.byteLength);
  return { bytes: concatBytes(pieces), largest };
}

for (const size of [0, 1, 4095, 4096, 4097, 70_000, MIB - 1, MIB, MIB + 1, 3 * MIB + 5]) {
  Deno.test(`PieceList: ${size} bytes come back, however they are read`, async () => {
    const content = pattern(size);
    const list = new PieceList();
    for (let at = 0; at < size; at += 9_999) list.append(content.subarray(at, at + 9_999));
    assertEquals(list.size, size);
    list.trim();
    assertBytes(list.bytes(), content);
    assertBytes(concatBytes([...list.pieces()]), content);
    for (const view of [undefined, 1000, 4 * MIB]) {
      assertBytes((await readWith(list.stream(), view)).bytes, content, `view ${view}`);
    }
  });
}

Deno.test("PieceList.stream: a part, across pieces", async () => {
  const content = pattern(3 * MIB);
  const list = new PieceList();
  list.append(content);
  const parts: [offset: number, length: number][] = [
    [0, 10],
    [MIB - 5, 10],
    [MIB - 5, MIB + 10],
    [MIB, MIB],
    [2 * MIB + 7, Infinity],
    [3 * MIB, Infinity],
    [5, 0],
  ];
  for (const [offset, length] of parts) {
    const expected = content.subarray(offset, offset + length);
    assertBytes((await readWith(list.stream(offset, length), undefined)).bytes, expected);
    assertBytes((await readWith(list.stream(offset, length), 77_777)).bytes, expected);
    assertBytes(list.bytes(offset, length), expected);
  }
});

Deno.test("PieceList.stream: pieces are large", async () => {
  const list = new PieceList();
  list.append(pattern(4 * MIB));
  assertEquals((await readWith(list.stream(), undefined)).largest, 256 * 1024);
  assertEquals((await readWith(list.stream(), MIB)).largest, MIB);
});

Deno.test("PieceList: nothing that is given out or taken in is shared", async () => {
  const list = new PieceList();
  const given = encodeText("hello");
  list.append(given);
  given.fill(0);
  list.bytes().fill(0);
  for await (const piece of list.stream()) piece.fill(0);
  assertEquals(new TextDecoder().decode(list.bytes()), "hello");
});

Deno.test("PieceList.trim: a few bytes hold little memory, and more can be appended", () => {
  const list = new PieceList();
  list.append(encodeText("hello"));
  list.trim();
  assertEquals([...list.pieces()].map((piece) => piece.buffer.byteLength), [5]);
  list.append(encodeText(" world"));
  assertEquals(new TextDecoder().decode(list.bytes()), "hello world");
});

Deno.test("PieceList.fill: everything that a reader has, with its own pieces or a buffer", async () => {
  const content = pattern(2 * MIB + 11);
  const streams = [
    bytesStream(content),
    new Blob([content]).stream(),
    new ReadableStream<Bytes>({
      start(controller) {
        for (let at = 0; at < content.byteLength; at += 100_001) {
          controller.enqueue(content.slice(at, at + 100_001));
        }
        controller.close();
      },
    }),
  ];
  for (const stream of streams) {
    const list = new PieceList();
    let seen = 0;
    const ended = await list.fill(pieceReader(stream), (piece) => seen += piece.byteLength);
    assertEquals([ended, seen], [true, content.byteLength]);
    assertBytes(list.bytes(), content);
  }
});

Deno.test("PieceList.fill: stops at the number of bytes, and says whether there was more", async () => {
  const cases: [size: number, maximum: number, ended: boolean, kept: number][] = [
    [100, 100, true, 100],
    [99, 100, true, 99],
    [101, 100, false, 100],
    [5 * MIB, 100, false, 100],
    [0, 0, true, 0],
    [1, 0, false, 0],
    [2 * MIB, 2 * MIB, true, 2 * MIB],
    [2 * MIB, 2 * MIB - 1, false, 2 * MIB - 1],
  ];
  for (const [size, maximum, ended, kept] of cases) {
    const content = pattern(size);
    const list = new PieceList();
    const reader = pieceReader(bytesStream(content));
    assertEquals(await list.fill(reader, () => {}, maximum), ended, `${size}, ${maximum}`);
    assertBytes(list.bytes(), content.subarray(0, kept));
  }
});

Deno.test("PieceList.fill: asks for no more memory than there are bytes left to take", async () => {
  for (
    const [size, maximum, views] of [
      [1024, 1024, [1024, 1024]],
      [100_000, 100_000, [65_536, 65_536, 65_536]],
      [300_000, 300_000, [65_536, 234_464, 234_464]],
      [4 * MIB, undefined, [65_536, MIB, MIB, MIB, MIB, MIB]],
    ] as [number, number | undefined, number[]][]
  ) {
    const seen: number[] = [];
    let left = size;
    const reader: PieceReader = {
      read(view) {
        seen.push(view!.byteLength);
        const count = Math.min(left, view!.byteLength);
        left -= count;
        const value = takeMemory(view!).subarray(0, count) as Bytes;
        return Promise.resolve({ done: count === 0, value });
      },
      cancel: () => Promise.resolve(),
    };
    assert(await new PieceList().fill(reader, () => {}, maximum));
    assertEquals(seen, views);
  }
});

Deno.test("PieceList.fill: when the reader fails, what was seen is there", async () => {
  for (const type of ["bytes", undefined] as const) {
    const failure = new Error("gone");
    let pulls = 0;
    const source = {
      pull(controller: ReadableStreamController<Bytes>) {
        if (pulls++ < 3) controller.enqueue(encodeText("hello") as never);
        else controller.error(failure);
      },
    };
    const stream = type === "bytes"
      ? new ReadableStream({ ...source, type }, { highWaterMark: 0 })
      : new ReadableStream(source, { highWaterMark: 0 });
    const list = new PieceList();
    let seen = 0;
    const reader = pieceReader(stream as ReadableStream<Bytes>);
    const error = await assertRejects(() => list.fill(reader, (piece) => seen += piece.byteLength));
    assertStrictEquals(error, failure);
    assertEquals([seen, list.size], [15, 15]);
    assertEquals(new TextDecoder().decode(list.bytes()), "hellohellohello");
  }
});

Deno.test("PieceList.stream: the signal ends it, also between two reads", async () => {
  const list = new PieceList();
  list.append(pattern(MIB));
  const controller = new AbortController();
  const reader = list.stream(0, Infinity, controller.signal).getReader();
  await reader.read();
  const reason = new Error("enough");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => reader.read()), reason);
});

Deno.test("PieceList: appending small pieces to a large list copies nothing again", () => {
  const list = new PieceList();
  const piece = new Uint8Array(1000);
  const time = (count: number) => {
    const start = performance.now();
    for (let index = 0; index < count; index++) list.append(piece);
    return performance.now() - start;
  };
  const first = time(20_000);
  time(20_000);
  // Quadratic copying would take a minute, and the third part five times as long as the first.
  assert(time(20_000) < 4 * first + 5_000);
  assertEquals(list.size, 60_000_000);
});
