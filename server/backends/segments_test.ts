import { assertEquals, assertRejects } from "@std/assert";
import { type Bytes, encodeText } from "../../content/bytes.ts";
import type { PieceReader } from "../../content/piece_reader.ts";
import { joinSegments, writeSegments } from "./segments.ts";

/** A reader of pieces in memory that it uses again; it fails in the end where there is an error. */
function reader(texts: string[], error?: Error): PieceReader {
  const memory = new Uint8Array(100);
  const left = texts.map(encodeText);
  return {
    read() {
      const piece = left.shift();
      if (piece !== undefined) {
        memory.fill(0);
        memory.set(piece);
        const value = memory.subarray(0, piece.byteLength) as Bytes;
        return Promise.resolve({ done: false, value });
      }
      return error === undefined ? Promise.resolve({ done: true }) : Promise.reject(error);
    },
    cancel: () => Promise.resolve(),
  };
}

const WRITES: [pieces: string[], maximum: number, segments: string[], ended: boolean][] = [
  [[], Infinity, [], true],
  [["0"], Infinity, ["0"], true],
  [["0123"], Infinity, ["0123"], true],
  [["01", "23", "4"], Infinity, ["0123", "4"], true],
  [["0123456789"], Infinity, ["0123", "4567", "89"], true],
  [["01", "23456", "789"], 10, ["0123", "4567", "89"], true],
  [["01", "23456", "789"], 9, ["0123", "4567", "8"], false],
  [["01", "23456", "789"], 4, ["0123"], false],
  [["01"], 0, [], false],
];

for (const [pieces, maximum, segments, ended] of WRITES) {
  Deno.test(`writeSegments: ${JSON.stringify(pieces)}, at most ${maximum}`, async () => {
    const written: string[] = [];
    let reported = "";
    const reached = await writeSegments(reader(pieces), {
      bytes: 4,
      maximum,
      onPiece: (piece) => void (reported += new TextDecoder().decode(piece)),
      write: (segment) => {
        written.push(new TextDecoder().decode(segment));
        return Promise.resolve();
      },
    });
    assertEquals([written, reported, reached], [segments, segments.join(""), ended]);
  });
}

Deno.test("writeSegments: what came before the reader fails is written", async () => {
  const written: string[] = [];
  const write = (segment: Bytes) => {
    written.push(new TextDecoder().decode(segment));
    return Promise.resolve();
  };
  const writing = writeSegments(reader(["01234", "5"], new Error("cut")), { bytes: 4, write });
  await assertRejects(() => writing, Error, "cut");
  assertEquals(written, ["0123", "45"]);
});

Deno.test("writeSegments: a storage that fails ends it", async () => {
  const write = () => Promise.reject(new Error("the storage is full"));
  const writing = writeSegments(reader(["01234"]), { bytes: 4, write });
  await assertRejects(() => writing, Error, "the storage is full");
});

/** Segments of digits, which note when they are opened. */
function digits(opened: string[]) {
  return ["0123", "", "4567", "89"].map((text) => ({
    size: text.length,
    open: (offset: number, length: number) => {
      opened.push(text.slice(offset, offset + length));
      return Promise.resolve(new Blob([text.slice(offset, offset + length)]).stream());
    },
  }));
}

const JOINS: [offset: number | undefined, length: number | undefined, opened: string[]][] = [
  [undefined, undefined, ["0123", "4567", "89"]],
  [0, 10, ["0123", "4567", "89"]],
  [0, 4, ["0123"]],
  [4, 4, ["4567"]],
  [3, 2, ["3", "4"]],
  [2, 7, ["23", "4567", "8"]],
  [9, 1, ["9"]],
  [10, 5, []],
  [5, 0, []],
];

for (const [offset, length, expected] of JOINS) {
  Deno.test(`joinSegments: ${length} bytes from ${offset} on`, async () => {
    const opened: string[] = [];
    const stream = joinSegments(digits(opened), offset, length);
    assertEquals(opened, [], "nothing is opened before it is read");
    assertEquals(await new Response(stream).text(), expected.join(""));
    assertEquals(opened, expected);
  });
}

Deno.test("joinSegments: a cancelled stream opens no more, and closes what is open", async () => {
  const opened: string[] = [];
  let cancelled: unknown;
  const [first, ...others] = digits(opened);
  const stream = joinSegments([{
    ...first!,
    open: () =>
      Promise.resolve(
        new ReadableStream<Bytes>({
          pull: (controller) => controller.enqueue(encodeText("0")),
          cancel: (reason) => void (cancelled = reason),
        }),
      ),
  }, ...others]);
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel("enough");
  assertEquals([cancelled, opened], ["enough", []]);
});
