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
const gzippedFolder = async (parts: Part[], more?: Record<string, string>) =>
  folder("d", await gzipped(tarOf(...parts)), more);
const titled = (title: string) => ({ body: "x", annotations: { [TITLE]: title } });
/** Folders whose tars lead out of their place. */
const unsafe: [title: string, parts: Part[], message: string][] = [
  ["a name with ..", [file("d/../../a")], "leads out"],
  ["an absolute name", [file("/a")], "absolute"],
  ["a name outside of the title's folder", [file("e/a")], "not in the folder"],
  ["a name that begins as the title", [file("dd/a")], "not in the folder"],
  ["a link to outside", [symlink("d/a", "../x")], "leads out"],
  ["a link to outside, from further in", [symlink("d/a/b", "../../x")], "leads out"],
  ["an absolute link", [symlink("d/a", "/etc/passwd")], "absolute"],
  [
    "a link whose .. are behind a name",
    [dir("d/e/f"), symlink("d/l", "e/f"), symlink("d/m", "l/../../x")],
    "leads out",
  ],
  ["a link through a link, up", [symlink("d/e/l", ".."), symlink("d/m", "e/l/..")], "leads out"],
  ["a file through a link", [symlink("d/a", "."), file("d/a/b")], "is a link"],
  ["a file, then a folder of its name", [file("d/a"), dir("d/a")], "is a file"],
  ["a hard link to outside", [hard("d/a", "../x")], "leads out"],
  ["an absolute hard link", [hard("d/a", "/etc/passwd")], "absolute"],
];

/** Folders whose tars are none of ours. */
const invalid: [title: string, parts: Part[], message: string][] = [
  ["a file in the folder's place", [file("d")], "in its place"],
  ["a link in the folder's place", [symlink("d", "e")], "in its place"],
  ["a link, then a file of its name", [symlink("d/a", "b"), file("d/a")], "twice"],
  ["a file twice", [file("d/a"), file("d/a")], "twice"],
  ["a folder, then a link of its name", [dir("d/a"), symlink("d/a", "b")], "twice"],
  ["a hard link to what is not there", [hard("d/a", "d/b")], "not before it"],
  ["a hard link to a link", [symlink("d/b", "c"), hard("d/a", "d/b")], "not before it"],
  ["a device", [{ name: "d/a", flag: "3" }], "device"],
  ["a pipe", [{ name: "d/a", flag: "6" }], "pipe"],
];

const one = [file("d/a")];
const noTar = await gzipped(encodeText("x".repeat(600)));
const cut = (await gzipped(tarOf(...one))).slice(0, -10);
const zstd = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0) as Bytes;
const otherTar = await gzippedFolder(one, { [TAR_DIGEST]: `sha256:${"0".repeat(64)}` });

const broken: [title: string, layers: Layers, error: Failure, message: string][] = [
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
    [titled("d/a"), await gzippedFolder(one)],
    InvalidArchiveError,
    "twice",
  ],
  [
    "a title under a folder's link",
    [await gzippedFolder([symlink("d/a", "b"), dir("d/b")]), titled("d/a/c")],
    UnsafePathError,
    "is a link",
  ],
  ["no tar", [folder("d", noTar)], InvalidArchiveError, "checksum"],
  ["a cut gzip", [folder("d", cut)], InvalidArchiveError, "gzip"],
  ["zstd", [folder("d", zstd)], InvalidArchiveError, "zstd"],
  ["another tar than its digest", [otherTar], BadDigestError, ""],
  [
    "a digest that is none",
    [await gzippedFolder(one, { [TAR_DIGEST]: "x" })],
    InvalidDigestError,
    "",
  ],
];

const two = [titled("a"), titled("b")];
const twoFiles = [await gzippedFolder([file("d/a"), file("d/b")])];
const twoFolders = [
  await gzippedFolder([file("d/a", "x".repeat(1500))]),
  folder("e", tarOf(file("e/a", "x".repeat(1500)))),
];
const bomb = [await gzippedFolder([file("d/a", "\0".repeat(40_000_000))])];

const beyond: [title: string, layers: Layers, limit: string, options: UnpackFilesOptions][] = [
  ["a bomb", bomb, "maxRatio", {}],
  ["more bytes unpacked than allowed", bomb, "maxBytes", { maxBytes: 1e6, maxRatio: 1e9 }],
  ["more bytes than allowed", two, "maxBytes", { maxBytes: 1 }],
  ["more bytes than allowed in two folders", twoFolders, "maxBytes", { maxBytes: 2600 }],
  ["more files than allowed", two, "maxEntries", { maxEntries: 1 }],
  ["more entries than allowed", twoFiles, "maxEntries", { maxEntries: 2 }],
];

function refuses(
  title: string,
  layers: Layers,
  error: Failure,
  message: string,
  options?: UnpackFilesOptions,
): void {
  Deno.test(`unpackFiles: ${title}: ${error.name}, and nothing is left`, async () => {
    const result = await unpacked([titled("good"), ...layers], { ...(options && { options }) });
    assertInstanceOf(result.error, error);
    assert(result.error.message.includes(message), result.error.message);
    assertEquals([result.lines, result.around], [[], []]);
  });
}

for (const [title, parts, message] of unsafe) {
  refuses(title, [await gzippedFolder(parts)], UnsafePathError, message);
}
for (const [title, parts, message] of invalid) {
  refuses(title, [await gzippedFolder(parts)], InvalidArchiveError, message);
}
for (const [title, layers, error, message] of broken) refuses(title, layers, error, message);
for (const [title, layers, limit, options] of beyond) {
  refuses(title, layers, LimitError, limit, options);
}
