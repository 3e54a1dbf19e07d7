import { assertEquals, assertThrows } from "@std/assert";
import { bodyOf, Chunk } from "./chunk.ts";
import { Range } from "./range.ts";

Deno.test("Chunk: length and place of every kind of data", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  assertEquals([new Chunk(bytes).length, new Chunk(bytes).pos], [3, 0]);
  assertEquals([new Chunk(bytes, 42).length, new Chunk(bytes, 42).pos], [3, 42]);
  assertEquals(new Chunk(bytes.buffer, 1).length, 3);
  assertEquals(new Chunk(new Uint16Array(2)).length, 4);
  assertEquals(new Chunk(new Blob(["foo"])).length, 3);
  const stream = new Chunk(new Blob(["foo"]).stream(), 3, 42);
  assertEquals([stream.length, stream.pos], [3, 42]);
  assertEquals([stream.withPos(9).length, stream.withPos(9).pos], [3, 9]);
  assertEquals(new Chunk(bytes).withPos(9).data, bytes);
  // @ts-expect-error The length is required.
  assertThrows(() => new Chunk(new Blob(["foo"]).stream()), TypeError);
});

Deno.test("Chunk: its range", () => {
  assertEquals(new Chunk(new Uint8Array(3)).range.toString(), "0-2");
  assertEquals(new Chunk(new Uint8Array(3), 3).range.toString(), "3-5");
  assertEquals(new Chunk(new Uint8Array(1), 7).range.toString(), "7-7");
});

Deno.test("bodyOf: a view is sent as the bytes it shows", () => {
  const { buffer } = new Uint8Array([0, 1, 2, 3, 4, 5]);
  assertEquals(bodyOf(new DataView(buffer, 2, 3)), new Uint8Array([2, 3, 4]));
  assertEquals(bodyOf(buffer), new Uint8Array([0, 1, 2, 3, 4, 5]));
});

Deno.test("Range: parsed and written", () => {
  for (
    const [text, pos, length] of [
      ["0-", 0, undefined],
      ["0-0", 0, 1],
      ["0-2", 0, 3],
      ["1-2", 1, 2],
      ["-1", -1, undefined],
    ] as [string, number, number | undefined][]
  ) {
    assertEquals({ ...Range.parse(text) }, { pos, length });
    assertEquals(new Range(pos, length).toString(), text);
  }
  for (const text of ["", "-", "a-b", "1", "0--1", "1-2-3", "bytes=0-1"]) {
    assertThrows(() => Range.parse(text), SyntaxError);
  }
});
