/**
 * What comes out of a pull's stream, in whichever runtime runs this, for every way of reading it and
 * for bodies in pieces of all sizes: `streams.mjs`. Prints how much it read; throws at the first thing
 * wrong.
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { openFile, saveFile } from "@davit/registry-client/stores";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import http, { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const MIB = 1024 * 1024;

/** Several pieces for each of the sizes below, and a rest. */
const SIZE = 3 * MIB + 17;

const CONTENT = Buffer.allocUnsafeSlow(SIZE);
for (let at = 0; at < SIZE; at++) CONTENT[at] = (at * 31 + (at >> 13)) & 255;

function sha256(bytes) {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

const DIGEST = sha256(CONTENT);

/** Reads with buffers of one size, which stand somewhere in their memory; each comes back. */
function byob(bytes, offset = 0) {
  return async (stream) => {
    const reader = stream.getReader({ mode: "byob" });
    const pieces = [];
    let memory = new ArrayBuffer(offset + bytes);
    for (;;) {
      const view = new Uint8Array(memory, offset, bytes);
      const { done, value } = await reader.read(view);
      assert.equal(view.byteLength, 0, "a buffer that is given is taken");
      if (done) return pieces;
      assert.equal(value.byteOffset, offset);
      pieces.push(value.slice());
      memory = value.buffer;
      assert.equal(memory.byteLength, offset + bytes);
    }
  };
}

/** Every way of reading a stream; each answers the pieces that it got. */
const READERS = {
  async "a default reader"(stream) {
    const reader = stream.getReader();
    const pieces = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return pieces;
      pieces.push(value);
    }
  },
  async "for await"(stream) {
    const pieces = [];
    for await (const piece of stream) pieces.push(piece);
    return pieces;
  },
  "a byob reader of 1 MiB": byob(MIB),
  "a byob reader of 4,096 bytes": byob(4096),
  "a byob reader of 99,991 bytes within its memory": byob(99_991, 13),
  async "Response.text()"(stream) {
    const text = await new Response(stream).text();
    assert.equal(text, new TextDecoder().decode(CONTENT));
    return [CONTENT];
  },
  async "pipeTo"(stream) {
    const pieces = [];
    await stream.pipeTo(new WritableStream({ write: (piece) => void pieces.push(piece) }));
    return pieces;
  },
  async "saveFile"(stream) {
    const folder = await mkdtemp(join(tmpdir(), "davit_streams_"));
    try {
      const path = join(folder, "file");
      assert.equal(await saveFile(path, stream), SIZE);
      const pieces = [];
      for await (const piece of await (await openFile(path)).open()) pieces.push(piece);
      assert.deepEqual(Buffer.concat(pieces), await readFile(path));
      return pieces;
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

/** A stream of pieces as they are. */
function streamOf(pieces) {
  const left = [...pieces];
  return new ReadableStream({
    pull(controller) {
      if (left.length === 0) controller.close();
      else controller.enqueue(left.shift());
    },
  }, { highWaterMark: 0 });
}

/** The content in parts of one memory. */
function parts(size) {
  const memory = new Uint8Array(CONTENT);
  const pieces = [];
  for (let at = 0; at < SIZE; at += size) pieces.push(memory.subarray(at, at + size));
  return pieces;
}

/** The content in pieces that each have a memory of their own. */
function copies(size) {
  return parts(size).map((piece) => piece.slice());
}

const NOTHING = new Uint8Array(0);

/** Bodies by the sizes of their pieces. */
const BODIES = {
  "small pieces": () => copies(1_000),
  "pieces of 64 KiB": () => copies(64 * 1024),
  "one piece": () => copies(SIZE),
  "pieces in one memory": () => parts(100_003),
  "empty pieces between": () =>
    copies(50_021).flatMap((piece) => [NOTHING.slice(), piece, NOTHING.slice()]),
};

let read = 0;

async function check(client, what) {
  for (const [how, reader] of Object.entries(READERS)) {
    try {
      const pieces = await reader((await client.getBlob(DIGEST)).stream);
      const whole = Buffer.concat(pieces);
      assert.equal(whole.length, SIZE);
      assert.equal(sha256(whole), DIGEST);
    } catch (cause) {
      throw new Error(`${what}, read by ${how}: ${cause.message}`, { cause });
    }
    read++;
  }
}

// Streams of the program's own, by its own fetch.
for (const [what, pieces] of Object.entries(BODIES)) {
  const fetch = () => Promise.resolve(new Response(streamOf(pieces())));
  await check(new RegistryClientV2({ name: "registry.test/app", fetch }), what);
}

// What the runtime's own HTTP receives: with a length, in chunks, and in spurts.
const server = createServer(async ({ url }, response) => {
  const [, way] = url.split("/").slice(2);
  if (way === "length") {
    response.setHeader("content-length", SIZE);
    response.end(CONTENT);
    return;
  }
  if (way === "broken") {
    response.setHeader("content-length", SIZE);
    response.write(CONTENT.subarray(0, MIB), () => response.destroy());
    return;
  }
  for (const piece of copies(way === "chunks" ? 10_007 : MIB)) {
    response.write(piece);
    if (way === "spurts") await new Promise((resolve) => setTimeout(resolve, 5));
  }
  response.end();
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
function clientOf(way) {
  const retry = { maxAttempts: 1 };
  return new RegistryClientV2({ name: `${origin}/app/${way}`, retry });
}
// A body whose length is known comes over davit's own connections; any other, once that is seen, by
// `node:http`.
let byHttp = 0;
const original = http.request;
http.request = (...args) => {
  byHttp++;
  return original(...args);
};
for (const way of ["length", "chunks", "spurts"]) {
  byHttp = 0;
  await check(clientOf(way), way);
  assert.equal(byHttp, way === "length" ? 0 : Object.keys(READERS).length, way);
}
http.request = original;

// A reader's buffer is filled from several pieces of what came.
{
  const { stream } = await clientOf("length").getBlob(DIGEST);
  const sizes = (await byob(MIB)(stream)).map(({ length }) => length);
  assert.ok(Math.max(...sizes) > 64 * 1024, `no buffer took more than one piece: ${sizes}`);
}

// A body that breaks is an error, however it is read, and so is one of other bytes.
for (const [how, reader] of Object.entries(READERS)) {
  const { stream } = await clientOf("broken").getBlob(DIGEST);
  await assert.rejects(reader(stream), { code: "DOWNLOAD_FAILED" }, how);
  const fetch = () => Promise.resolve(new Response(streamOf([CONTENT.subarray(1).slice()])));
  const other = new RegistryClientV2({ name: "registry.test/app", fetch });
  await assert.rejects(
    (async () => await reader((await other.getBlob(DIGEST)).stream))(),
    { code: "BAD_DIGEST" },
    how,
  );
}

// Small Buffers share one memory, Node's pool: a part of it may be read, and the rest stays.
{
  const text = "pooled";
  const pool = Buffer.from(`(${text})`);
  const digest = sha256(text);
  const fetch = () => Promise.resolve(new Response(streamOf([pool.subarray(1, 1 + text.length)])));
  const client = new RegistryClientV2({ name: "registry.test/app", fetch });
  assert.equal(await (await client.getBlob(digest)).text(), text);
  for (const reader of [READERS["for await"], READERS.pipeTo, byob(4), byob(MIB)]) {
    const pieces = await reader((await client.getBlob(digest)).stream);
    assert.equal(Buffer.concat(pieces).toString(), text);
    assert.equal(pool.toString(), `(${text})`);
  }
}

server.closeAllConnections?.();
await new Promise((resolve) => server.close(resolve));
process.stdout.write(`${read} reads\n`);
