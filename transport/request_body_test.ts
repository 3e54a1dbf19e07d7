import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { UploadError } from "../errors.ts";
import { bodySource } from "../content/body.ts";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { readAll } from "../content/piece_reader.ts";
import type { RequestBody } from "./channel.ts";
import { bytesBody, sourceBody } from "./request_body.ts";

const HELLO = encodeText("hello");
const BLOB = new Blob([HELLO]);

async function read(body: RequestBody): Promise<Bytes> {
  return await readAll(await body.open(), { name: "bytes", bytes: 100, what: "it" });
}

interface Case {
  name: string;
  body: RequestBody;
  expected: { size?: number; reopenable: boolean; bytes?: Bytes; blob?: Blob };
}

const CASES: Case[] = [
  {
    name: "bytes",
    body: bytesBody(HELLO),
    expected: { size: 5, reopenable: true, bytes: HELLO },
  },
  {
    name: "a Blob",
    body: sourceBody(bodySource(BLOB)),
    expected: { size: 5, reopenable: true, blob: BLOB },
  },
  {
    name: "what opens again",
    body: sourceBody(bodySource({ size: 5, open: () => BLOB.stream() })),
    expected: { size: 5, reopenable: true },
  },
  {
    name: "what opens again, of unknown size",
    body: sourceBody(bodySource({ open: () => BLOB.stream() })),
    expected: { reopenable: true },
  },
  {
    name: "a stream",
    body: sourceBody(bodySource(BLOB.stream(), 5)),
    expected: { size: 5, reopenable: false },
  },
];

for (const { name, body, expected } of CASES) {
  Deno.test(`sourceBody: ${name}`, async () => {
    const { open: _open, ...rest } = body;
    assertEquals(rest, expected);
    assertEquals(await read(body), HELLO);
    if (expected.reopenable) assertEquals(await read(body), HELLO);
    else await assertRejects(() => body.open(), UploadError);
  });
}

Deno.test("bytesBody: the bytes themselves, no copy", () => {
  assertStrictEquals(bytesBody(HELLO).bytes, HELLO);
});
