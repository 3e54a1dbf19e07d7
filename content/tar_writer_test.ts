import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { InvalidOptionError, UnsafePathError } from "../errors.ts";
import { bytesStream } from "./body.ts";
import { type Bytes, concatBytes, encodeText } from "./bytes.ts";
import { digestOf } from "./digest_of.ts";
import { BLOCK_BYTES, readTarHeader, writeTarBlock } from "./tar_header.ts";
import { readTar } from "./tar_reader.ts";
import { readerOf } from "./tar_sample_test.ts";
import { type TarSource, writeTar } from "./tar_writer.ts";

async function written(...sources: TarSource[]): Promise<Bytes> {
  return concatBytes(await Array.fromAsync(writeTar(sources)));
}

function file(name: string, content: string, more: Partial<TarSource> = {}): TarSource {
  const bytes = encodeText(content);
  return {
    ...{ name, type: "file", mode: 0o644, mtime: 1_767_323_045, size: bytes.byteLength },
    open: () => bytesStream(bytes),
    ...more,
  };
}

const FOLDER = { type: "directory", mode: 0o755, mtime: 1_767_323_045 } as const;

/** Names that fit in one field, in two, and in none, where PAX has to say them. */
const SOURCES: TarSource[] = [
  { ...FOLDER, name: "dir" },
  { name: "dir/link", type: "symlink", mode: 0o777, mtime: 0, target: "sub/one" },
  { ...FOLDER, name: "dir/sub" },
  file("dir/sub/one", "one\n"),
  file("dir/sub/setuid", "x".repeat(512), { mode: 0o4755 }),
  file(`dir/${"d".repeat(90)}/${"e".repeat(90)}`, "two\n"),
  file(`dir/${"f".repeat(120)}`, "three\n"),
  file("dir/ü.txt", "ü"),
  { name: "dir/far", type: "symlink", mode: 0o777, mtime: 0, target: `sub/${"g".repeat(100)}` },
];

Deno.test("writeTar: what was written is read again", async () => {
  const tar = await written(...SOURCES);
  const limits = { maxEntries: 100, maxBytes: 10_000 };
  const found = [];
  for await (const { name, type, mode, mtime, size, target } of readTar(readerOf(tar), limits)) {
    found.push({ name, type, mode, mtime, size, target });
  }
  assertEquals(
    found,
    SOURCES.map(({ name, type, mode, mtime, size = 0, target }) => (
      { name, type, mode, mtime, size, target }
    )),
  );
});

/** The digest is of what Go's archive/tar writes for the same entries, as oras does. */
Deno.test("writeTar: byte for byte what Go writes, with two blocks of zeros at the end", async () => {
  const tar = await written(...SOURCES);
  assertEquals(tar.subarray(-1024).every((byte) => byte === 0), true);
  assertEquals(
    await digestOf(tar),
    "sha256:3e7299f48f18a2ad28c61a445913ae8d1f7f247ce733aaad54a126c6a0facd7b",
  );
});

Deno.test("writeTar: nothing: the end alone", async () => {
  assertEquals(await written(), new Uint8Array(1024));
});

Deno.test("writeTar: a file that has changed since it was looked at: InvalidOptionError", async () => {
  await assertRejects(
    () => written(file("a", "x", { size: 2 })),
    InvalidOptionError,
    "fewer bytes",
  );
  await assertRejects(
    () => written(file("a", "xyz", { size: 2 })),
    InvalidOptionError,
    "more bytes",
  );
});

Deno.test("writeTar: what no reader should take: UnsafePathError", async () => {
  for (const name of ["../a", "/a", "a\\b", "C:/a"]) {
    await assertRejects(() => written(file(name, "x")), UnsafePathError);
  }
  for (const target of ["../a", "/a"]) {
    const link: TarSource = { name: "a", type: "symlink", mode: 0o777, mtime: 0, target };
    await assertRejects(() => written(link), UnsafePathError);
  }
});

Deno.test("writeTarBlock: any size in one block; a name that does not fit is refused", () => {
  for (const size of [0, 12_345, 8 ** 11 - 1, 8 ** 11, 2 ** 40 + 7]) {
    const block = writeTarBlock("layer.tar", size);
    assertEquals(block.byteLength, BLOCK_BYTES);
    const { name, size: read, flag } = readTarHeader(block);
    assertEquals([name, read, flag], ["layer.tar", size, "0"]);
  }
  assertThrows(() => writeTarBlock("x".repeat(101), 1), InvalidOptionError, "too long");
});
