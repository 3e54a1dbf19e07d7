import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { InvalidOptionError, UploadError } from "../errors.ts";
import { type Body, bytesStream, type OpenBody, openBody } from "./body.ts";
import { type Bytes, encodeText } from "./bytes.ts";
import { type PieceReader, readAll } from "./piece_reader.ts";

const HELLO = encodeText("hello world");

async function text(reader: PieceReader): Promise<string> {
  const bytes = await readAll(reader, { name: "bytes", bytes: 100, what: "it" });
  return new TextDecoder().decode(bytes);
}

interface Case {
  name: string;
  body: () => Body;
  size?: number;
  expected: { size: number | undefined; reopenable: boolean };
}

const CASES: Case[] = [
  { name: "bytes", body: () => HELLO, expected: { size: 11, reopenable: true } },
  {
    name: "bytes: their own size counts",
    body: () => HELLO,
    size: 5,
    expected: { size: 11, reopenable: true },
  },
  {
    name: "bytes in the middle of a buffer",
    body: () => encodeText("--hello world--").subarray(2, 13),
    expected: { size: 11, reopenable: true },
  },
  {
    name: "a Blob",
    body: () => new Blob([HELLO]),
    expected: { size: 11, reopenable: true },
  },
  {
    name: "open(), of known size",
    body: () => ({ size: 11, open: (at = 0) => bytesStream(HELLO.subarray(at)) }),
    expected: { size: 11, reopenable: true },
  },
  {
    name: "open(), its own size before the option",
    body: () => ({ size: 11, open: (at = 0) => bytesStream(HELLO.subarray(at)) }),
    size: 5,
    expected: { size: 11, reopenable: true },
  },
  {
    name: "open() that takes its time, its size from the option",
    body: () => ({ open: (at = 0) => Promise.resolve(bytesStream(HELLO.subarray(at))) }),
    size: 11,
    expected: { size: 11, reopenable: true },
  },
  {
    name: "a stream",
    body: () => bytesStream(HELLO),
    expected: { size: undefined, reopenable: false },
  },
  {
    name: "a stream, its size from the option",
    body: () => bytesStream(HELLO),
    size: 11,
    expected: { size: 11, reopenable: false },
  },
];

for (const { name, body, size, expected } of CASES) {
  Deno.test(`openBody: ${name}`, async () => {
    const source = openBody(body(), size);
    assertEquals([source.size, source.reopenable], [expected.size, expected.reopenable]);
    assertEquals(await text(await source.open()), "hello world");
    if (!expected.reopenable) return;
    assertEquals(await text(await source.open()), "hello world");
    assertEquals(await text(await source.open(6)), "world");
    assertEquals(await text(await source.open(11)), "");
  });
}

Deno.test("openBody: bytes and a Blob are at hand as they are", () => {
  const blob = new Blob([HELLO]);
  assertStrictEquals(openBody(HELLO).bytes, HELLO);
  assertStrictEquals(openBody(blob).blob, blob);
  assertEquals(openBody(bytesStream(HELLO)).bytes, undefined);
});

Deno.test("openBody: open() is called on its own object", async () => {
  class Source {
    size = 11;
    open(): ReadableStream<Bytes> {
      return bytesStream(HELLO.subarray(0, this.size));
    }
  }
  assertEquals(await text(await openBody(new Source()).open()), "hello world");
});

Deno.test("openBody: what open() throws is thrown", async () => {
  const source = openBody({
    open() {
      throw new Error("no such file");
    },
  });
  await assertRejects(() => source.open(), Error, "no such file");
});

const GONE: [name: string, again: (source: OpenBody) => Promise<unknown>][] = [
  ["a second time", async (source) => {
    await source.open();
    return await source.open();
  }],
  ["from an offset", (source) => source.open(5)],
];

for (const [name, again] of GONE) {
  Deno.test(`openBody: a stream that is opened ${name} is gone`, async () => {
    const error = await assertRejects(
      () => again(openBody(bytesStream(HELLO))),
      UploadError,
      "Pass {size, open()} instead of a stream",
    );
    assertEquals([error.code, error.retryable], ["UPLOAD_FAILED", false]);
  });
}

const REFUSED: [name: string, body: unknown, size: number | undefined, message: string][] = [
  ["null", null, undefined, "it must be a Uint8Array, a Blob, a ReadableStream or {size?, open()}"],
  ["undefined", undefined, undefined, "it must be"],
  ["a text", "hello", undefined, "it must be"],
  ["an object", {}, undefined, "it must be"],
  ["a function", () => {}, undefined, "it must be"],
  ["a negative size", { open() {} }, -1, "its size must be a count of bytes: current value is -1"],
  ["half a byte", bytesStream(HELLO), 1.5, "current value is 1.5"],
  ["no number", { size: NaN, open() {} }, undefined, "current value is NaN"],
];

for (const [name, body, size, message] of REFUSED) {
  Deno.test(`openBody: refuses ${name}`, () => {
    const error = assertThrows(() => openBody(body as Body, size), InvalidOptionError, message);
    assertEquals(error.code, "INVALID_OPTION");
  });
}

Deno.test("openBody: refuses a stream that somebody reads", () => {
  const stream = bytesStream(HELLO);
  stream.getReader();
  assertThrows(() => openBody(stream), InvalidOptionError, "it is locked to a reader");
});

Deno.test("bytesStream: a Node Buffer keeps its memory, whose slices are no copies", async () => {
  const buffer = Buffer.from("hello");
  const stream = bytesStream(buffer);
  assertEquals((await stream.getReader().read()).value, encodeText("hello"));
  assertEquals(buffer.toString(), "hello");
});

Deno.test("bytesStream: the array stays the caller's, whoever reads", async () => {
  const bytes = new Uint8Array(600 * 1024).fill(7);
  const reader = bytesStream(bytes).getReader({ mode: "byob" });
  let view = new Uint8Array(100 * 1024);
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read(view);
    if (done) break;
    assert(value.every((byte) => byte === 7));
    size += value.byteLength;
    value.fill(0);
    view = new Uint8Array(value.buffer);
  }
  assertEquals(size, bytes.byteLength);
  assert(bytes.every((byte) => byte === 7));
});

Deno.test("bytesStream: pieces of 256 KiB, copied when they are asked for", async () => {
  const bytes = new Uint8Array(600 * 1024);
  const sizes: number[] = [];
  for await (const piece of bytesStream(bytes)) {
    sizes.push(piece.byteLength / 1024);
    bytes.fill(1);
    assertEquals(piece[0], sizes.length === 1 ? 0 : 1);
  }
  assertEquals(sizes, [256, 256, 88]);
});
