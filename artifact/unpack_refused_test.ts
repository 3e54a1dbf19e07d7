import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { type Part, tarOf } from "../content/tar_sample_test.ts";
import {
  BadDigestError,
  InvalidArchiveError,
  InvalidDigestError,
  InvalidManifestError,
  LimitError,
  UnsafePathError,
} from "../errors.ts";
import {
  dir,
  file,
  folder,
  gzipped,
  hard,
  type Layers,
  symlink,
  TAR_DIGEST,
  TITLE,
  unpacked,
} from "./unpack_fixture_test.ts";
import type { UnpackFilesOptions } from "./unpack_files.ts";

// deno-lint-ignore no-explicit-any
type Failure = new (...args: any[]) => Error;
const of = async (...parts: Part[]) => folder("d", await gzipped(tarOf(...parts)));
const titled = (title: string) => ({ body: "x", annotations: { [TITLE]: title } });
const bomb = await gzipped(tarOf(file("d/a", "\0".repeat(40_000_000))));

const refused: [
  title: string,
  layers: Layers,
  error: Failure,
  message: string,
  options?: UnpackFilesOptions,
][] = [
  ["a title with ..", [titled("../a")], UnsafePathError, "leads out"],
  ["a title with .. further on", [titled("a/../../b")], UnsafePathError, "leads out"],
  ["an absolute title", [titled("/etc/passwd")], UnsafePathError, "absolute"],
  ["a title with a drive letter", [titled("C:/a")], UnsafePathError, "drive"],
  ["a title with a backslash", [titled("a\\b")], UnsafePathError, "backslash"],
  ["a title with NUL", [titled("a\0b")], UnsafePathError, "NUL"],
  ["a file called .", [titled("./")], UnsafePathError, "a file as"],
  ["one title twice", [titled("a"), titled("./a")], InvalidManifestError, "two layers"],
  ["a file under a file", [titled("a"), titled("a/b")], UnsafePathError, '"a" is a file'],
  ["a file where a folder is", [titled("a/b"), titled("a")], InvalidArchiveError, "twice"],
  [
    "a title and a file in a folder",
    [titled("d/a"), await of(file("d/a"))],
    InvalidArchiveError,
    "twice",
  ],
  [
    "a title under a folder's link",
    [await of(symlink("d/a", "b"), dir("d/b")), titled("d/a/c")],
    UnsafePathError,
    "is a link",
  ],
  ["a name with ..", [await of(file("d/../../a"))], UnsafePathError, "leads out"],
  ["an absolute name", [await of(file("/a"))], UnsafePathError, "absolute"],
  [
    "a name outside of the title's folder",
    [await of(file("e/a"))],
    UnsafePathError,
    "not in the folder",
  ],
  [
    "a name that begins as the title",
    [await of(file("dd/a"))],
    UnsafePathError,
    "not in the folder",
  ],
  ["a file in the folder's place", [await of(file("d"))], InvalidArchiveError, "in its place"],
  [
    "a link in the folder's place",
    [await of(symlink("d", "e"))],
    InvalidArchiveError,
    "in its place",
  ],
  ["a link to outside", [await of(symlink("d/a", "../x"))], UnsafePathError, "leads out"],
  [
    "a link to outside, from further in",
    [await of(symlink("d/a/b", "../../x"))],
    UnsafePathError,
    "leads out",
  ],
  ["an absolute link", [await of(symlink("d/a", "/etc/passwd"))], UnsafePathError, "absolute"],
  [
    "a link whose .. are behind a name",
    [await of(dir("d/e/f"), symlink("d/l", "e/f"), symlink("d/m", "l/../../x"))],
    UnsafePathError,
    "leads out",
  ],
  [
    "a link through a link, up",
    [await of(symlink("d/e/l", ".."), symlink("d/m", "e/l/.."))],
    UnsafePathError,
    "leads out",
  ],
  [
    "a file through a link",
    [await of(symlink("d/a", "."), file("d/a/b"))],
    UnsafePathError,
    "is a link",
  ],
  [
    "a link, then a file of its name",
    [await of(symlink("d/a", "b"), file("d/a"))],
    InvalidArchiveError,
    "twice",
  ],
  ["a file twice", [await of(file("d/a"), file("d/a"))], InvalidArchiveError, "twice"],
  [
    "a folder, then a link of its name",
    [await of(dir("d/a"), symlink("d/a", "b"))],
    InvalidArchiveError,
    "twice",
  ],
  [
    "a file, then a folder of its name",
    [await of(file("d/a"), dir("d/a"))],
    UnsafePathError,
    "is a file",
  ],
  ["a hard link to outside", [await of(hard("d/a", "../x"))], UnsafePathError, "leads out"],
  ["an absolute hard link", [await of(hard("d/a", "/etc/passwd"))], UnsafePathError, "absolute"],
  [
    "a hard link to what is not there",
    [await of(hard("d/a", "d/b"))],
    InvalidArchiveError,
    "not before it",
  ],
  [
    "a hard link to a link",
    [await of(symlink("d/b", "c"), hard("d/a", "d/b"))],
    InvalidArchiveError,
    "not before it",
  ],
  ["a device", [await of({ name: "d/a", flag: "3" })], InvalidArchiveError, "device"],
  ["a pipe", [await of({ name: "d/a", flag: "6" })], InvalidArchiveError, "pipe"],
  [
    "no tar",
    [folder("d", await gzipped(encodeText("x".repeat(600))))],
    InvalidArchiveError,
    "checksum",
  ],
  [
    "a cut gzip",
    [folder("d", (await gzipped(tarOf(file("d/a")))).slice(0, -10))],
    InvalidArchiveError,
    "gzip",
  ],
  [
    "zstd",
    [folder("d", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0) as Bytes)],
    InvalidArchiveError,
    "zstd",
  ],
  [
    "another tar than its digest",
    [folder("d", await gzipped(tarOf(file("d/a"))), { [TAR_DIGEST]: `sha256:${"0".repeat(64)}` })],
    BadDigestError,
    "",
  ],
  [
    "a digest that is none",
    [folder("d", await gzipped(tarOf(file("d/a"))), { [TAR_DIGEST]: "x" })],
    InvalidDigestError,
    "",
  ],
  ["a bomb", [folder("d", bomb)], LimitError, "maxRatio"],
  ["more bytes unpacked than allowed", [folder("d", bomb)], LimitError, "maxBytes", {
    maxBytes: 1e6,
    maxRatio: 1e9,
  }],
  ["more bytes than allowed", [titled("a"), titled("b")], LimitError, "maxBytes", { maxBytes: 1 }],
  [
    "more bytes than allowed in two folders",
    [await of(file("d/a", "x".repeat(1500))), folder("e", tarOf(file("e/a", "x".repeat(1500))))],
    LimitError,
    "maxBytes",
    { maxBytes: 2600 },
  ],
  ["more files than allowed", [titled("a"), titled("b")], LimitError, "maxEntries", {
    maxEntries: 1,
  }],
  ["more entries than allowed", [await of(file("d/a"), file("d/b"))], LimitError, "maxEntries", {
    maxEntries: 2,
  }],
];

for (const [title, layers, error, message, options] of refused) {
  Deno.test(`unpackFiles: ${title}: ${error.name}, and nothing is left`, async () => {
    const result = await unpacked([titled("good"), ...layers], { ...(options && { options }) });
    assertInstanceOf(result.error, error);
    assert(result.error.message.includes(message), result.error.message);
    assertEquals([result.lines, result.around], [[], []]);
  });
}
