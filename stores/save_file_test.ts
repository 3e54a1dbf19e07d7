import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path/join";
import { bytesStream } from "../content/body.ts";
import { type Bytes, concatBytes } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { pieceReader } from "../content/piece_reader.ts";
import { verifyingStream } from "../content/verifying_stream.ts";
import {
  BadDigestError,
  ContentNotFoundError,
  InvalidOptionError,
  StorageError,
} from "../errors.ts";
import { createArchive } from "./create_archive.ts";
import { fileUploadJournal } from "./file_upload_journal.ts";
import { inFolder } from "./folder_fixture_test.ts";
import { LayoutStore } from "./layout_store.ts";
import { openArchive } from "./open_archive.ts";
import { openFile } from "./open_file.ts";
import { saveFile } from "./save_file.ts";

const MIB = 1024 * 1024;

/** Bytes that differ from one place to the next, so that a shifted or swapped buffer shows. */
function pattern(size: number): Bytes {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let at = 0; at < words.length; at++) words[at] = at * 2_654_435_761;
  return new Uint8Array(words.buffer, 0, size).slice();
}

function pieces(bytes: Bytes, size: number): ReadableStream<Bytes> {
  let offset = 0;
  return new ReadableStream<Bytes>({
    pull(controller) {
      if (offset === bytes.byteLength) return controller.close();
      const piece = bytes.slice(offset, offset + size);
      offset += piece.byteLength;
      controller.enqueue(piece);
    },
  });
}

const SIZES: [name: string, size: number][] = [
  ["no bytes", 0],
  ["one byte", 1],
  ["a buffer less one", MIB - 1],
  ["a buffer", MIB],
  ["a buffer and one", MIB + 1],
  ["several buffers and a rest", 5 * MIB + 12_345],
];

for (const [name, size] of SIZES) {
  Deno.test(`saveFile, openFile: ${name}, by both kinds of reader`, () =>
    inFolder(async (folder) => {
      const bytes = pattern(size);
      const sources: (() => ReadableStream<Bytes> | Promise<ReadableStream<Bytes>>)[] = [
        () => bytesStream(bytes),
        () => pieces(bytes, 7_777),
        () => pieces(bytes, 3 * MIB),
        async () =>
          await verifyingStream(pieceReader(bytesStream(bytes)), {
            digest: await digestOf(bytes),
            size,
          }),
      ];
      for (const [at, source] of sources.entries()) {
        const path = join(folder, `file ${at}`);
        assertEquals(await saveFile(path, await source()), size);
        assertEquals(await digestOf(await Deno.readFile(path)), await digestOf(bytes));
        const file = await openFile(path);
        assertEquals(file.size, size);
        const read: Bytes[] = [];
        for await (const piece of await file.open()) read.push(piece);
        assertEquals(await digestOf(concatBytes(read)), await digestOf(bytes));
      }
      assertEquals((await names(folder)).length, sources.length, "nothing else is left");
    }));
}

Deno.test("openFile: from an offset", () =>
  inFolder(async (folder) => {
    const path = join(folder, "file");
    await Deno.writeFile(path, pattern(3 * MIB));
    const stream = await (await openFile(path)).open(2 * MIB + 1);
    const rest = await new Response(stream).bytes();
    assertEquals(await digestOf(rest), await digestOf(pattern(3 * MIB).subarray(2 * MIB + 1)));
  }));

Deno.test("openFile: a cancelled stream closes the file", () =>
  inFolder(async (folder) => {
    const path = join(folder, "file");
    await Deno.writeFile(path, pattern(3 * MIB));
    const stream = await (await openFile(path)).open();
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel(); // a file left open fails the test
  }));

Deno.test("openFile: a folder is refused", () =>
  inFolder(async (folder) => {
    await assertRejects(() => openFile(folder), InvalidOptionError, "it is not a file");
  }));

Deno.test("openFile: a file that is not there, at once or when it is read", () =>
  inFolder(async (folder) => {
    const path = join(folder, "file");
    const places = [path, join(folder, "none", "file"), join(folder, "n".repeat(300))];
    for (const place of places) {
      const error = await assertRejects(() => openFile(place), ContentNotFoundError);
      assertEquals(error.message, `Cannot open ${place}: there is no such file`);
    }
    await Deno.writeTextFile(path, "hello");
    const file = await openFile(path);
    await Deno.remove(path);
    await assertRejects(async () => await file.open(), ContentNotFoundError, path);
    await Deno.mkdir(path);
    const reading = async () => await new Response(await file.open()).text();
    assertEquals(
      (await assertRejects(reading, StorageError, "a folder is in its place")).path,
      path,
    );
  }));

Deno.test("openFile and its like: what can be no path is refused", async () => {
  const stream = () => new Blob(["x"]).stream();
  for (const path of ["", "a\0b"]) {
    await assertRejects(() => openFile(path), InvalidOptionError, "'path'");
    await assertRejects(() => saveFile(path, stream()), InvalidOptionError, "'path'");
    await assertRejects(() => openArchive(path), InvalidOptionError, "'path'");
    await assertRejects(() => createArchive(path, { format: "oci" }), InvalidOptionError, "a path");
    assertThrows(() => new LayoutStore(path), InvalidOptionError, "'folder'");
    assertThrows(() => fileUploadJournal(path), InvalidOptionError, "'folder'");
  }
});

Deno.test("saveFile: what does not verify leaves nothing, and what was there stays", () =>
  inFolder(async (folder) => {
    const path = join(folder, "file");
    await Deno.writeTextFile(path, "before");
    const digest = await digestOf(pattern(1));
    const stream = await verifyingStream(pieceReader(bytesStream(pattern(2 * MIB))), { digest });
    await assertRejects(() => saveFile(path, stream), BadDigestError);
    assertEquals(await Deno.readTextFile(path), "before");
    assertEquals(await names(folder), ["file"]);
  }));

Deno.test("saveFile: an abort leaves nothing", () =>
  inFolder(async (folder) => {
    const controller = new AbortController();
    let pulls = 0;
    let cancelled: unknown;
    const stream = new ReadableStream<Bytes>({
      pull(to) {
        to.enqueue(pattern(MIB));
        if (++pulls === 3) controller.abort(new Error("enough"));
      },
      cancel(reason) {
        cancelled = reason;
      },
    });
    const saving = saveFile(join(folder, "file"), stream, { signal: controller.signal });
    await assertRejects(() => saving, Error, "enough");
    assertEquals((cancelled as Error).message, "enough");
    assertEquals(await names(folder), []);
  }));

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found;
}
