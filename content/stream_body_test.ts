import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Readable } from "node:stream";
import { InvalidOptionError } from "../errors.ts";
import { type Body, openBody } from "./body.ts";
import { encodeText } from "./bytes.ts";
import { readAll } from "./piece_reader.ts";
import { bodyOf } from "./stream_body.ts";

async function text(body: Body): Promise<string> {
  const reader = await openBody(body).open();
  const bytes = await readAll(reader, { name: "bytes", bytes: 1_000_000, what: "it" });
  return new TextDecoder().decode(bytes);
}

const BODIES: [name: string, body: Body][] = [
  ["bytes", encodeText("a")],
  ["a Blob", new Blob(["a"])],
  ["a ReadableStream", new Blob(["a"]).stream()],
  ["open()", { open: () => new Blob(["a"]).stream() }],
];

for (const [name, body] of BODIES) {
  Deno.test(`bodyOf: ${name} stays as it is`, () => assertStrictEquals(bodyOf(body), body));
}

Deno.test("bodyOf: an iterable with open(), as Node's streams of files are, is iterated", async () => {
  const body = {
    open: () => new Blob(["wrong"]).stream(),
    async *[Symbol.asyncIterator]() {
      yield encodeText("right");
    },
  };
  assertEquals(await text(bodyOf(body)), "right");
});

Deno.test("bodyOf: a Node stream", async () => {
  const stream = Readable.from([encodeText("hello"), encodeText(" "), encodeText("world")]);
  assertEquals(await text(bodyOf(stream)), "hello world");
});

Deno.test("bodyOf: what is read ahead stays small", async () => {
  let made = 0;
  async function* pieces() {
    for (; made < 10; made++) yield encodeText("x");
  }
  const reader = (bodyOf(pieces()) as ReadableStream).getReader();
  await reader.read();
  assertEquals(made, 0);
  await reader.cancel();
});

Deno.test("bodyOf: giving up ends the iterator", async () => {
  let ended = false;
  async function* pieces() {
    try {
      yield encodeText("a");
      yield encodeText("b");
    } finally {
      ended = true;
    }
  }
  const reader = (bodyOf(pieces()) as ReadableStream).getReader();
  await reader.read();
  await reader.cancel();
  assert(ended);
});

Deno.test("bodyOf: what the iterator throws is thrown", async () => {
  // deno-lint-ignore require-yield
  async function* pieces(): AsyncGenerator<Uint8Array> {
    throw new Error("disk");
  }
  await assertRejects(() => text(bodyOf(pieces())), Error, "disk");
});

Deno.test("bodyOf: pieces of text are refused", async () => {
  const stream = Readable.from(["hello"]) as unknown as AsyncIterable<Uint8Array>;
  const error = await assertRejects(
    () => text(bodyOf(stream)),
    InvalidOptionError,
    "its pieces must be bytes: current piece is a string",
  );
  assertEquals(error.code, "INVALID_OPTION");
});

for (const value of ["hello", null, undefined, 5, {}, []]) {
  Deno.test(`bodyOf: ${JSON.stringify(value)} is left to openBody, which refuses it`, () => {
    assertThrows(() => openBody(bodyOf(value as unknown as Body)), InvalidOptionError);
  });
}
