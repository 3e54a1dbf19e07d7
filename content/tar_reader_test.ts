import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { InvalidArchiveError, LimitError, UnsafePathError } from "../errors.ts";
import { type Bytes, concatBytes, encodeText } from "./bytes.ts";
import { decodeBase64 } from "@std/encoding/base64";
import { gunzip } from "./gzip.ts";
import { BLOCK_BYTES, TAR_END } from "./tar_header.ts";
import { readTar, type TarEntry } from "./tar_reader.ts";
import { type Part, part, patched, pax, readerOf, tarOf } from "./tar_sample_test.ts";

const LIMITS = { maxEntries: 100, maxBytes: 1_000_000 };

/** Each entry in one line: name, type, mode, target and content. */
async function lines(bytes: Uint8Array, limits = LIMITS, step?: number): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of readTar(readerOf(bytes, step), limits)) {
    found.push([entry.name, entry.type, entry.target, await text(entry)].filter(Boolean).join(" "));
  }
  return found;
}

async function text({ content }: TarEntry): Promise<string> {
  const pieces: Bytes[] = [];
  for await (const piece of content) pieces.push(piece);
  return new TextDecoder().decode(concatBytes(pieces));
}

const LONG = `${"d".repeat(90)}/${"e".repeat(90)}`;
const LONGER = "f".repeat(300);

const right: [title: string, tar: Bytes, expected: string[]][] = [
  ["nothing", new Uint8Array(0), []],
  ["nothing but the end", TAR_END, []],
  ["a file", tarOf({ name: "a", content: "hello" }), ["a file hello"]],
  ["an empty file", tarOf({ name: "a" }), ["a file"]],
  ["a file of the old form", tarOf({ name: "a", flag: "\0", content: "x" }), ["a file x"]],
  ["a folder of the old form", tarOf({ name: "a/", flag: "\0" }), ["a directory"]],
  ["a contiguous file", tarOf({ name: "a", flag: "7", content: "x" }), ["a file x"]],
  ["a label of GNU's", tarOf({ name: "label", flag: "V" }, { name: "a" }), ["a file"]],
  ["names in other forms", tarOf({ name: "./a" }, { name: "./b//c/./d" }), [
    "a file",
    "b/c/d file",
  ]],
  ["the folder itself", tarOf({ name: "./", flag: "5" }, { name: ".", flag: "5" }), [
    ". directory",
    ". directory",
  ]],
  [
    "links",
    tarOf({ name: "a", flag: "2", target: "../b" }, { name: "c", flag: "1", target: "d/a" }),
    ["a symlink ../b", "c link d/a"],
  ],
  ["a name in two fields", tarOf({ name: LONG, content: "x" }), [`${LONG} file x`]],
  ["a name in PAX", tarOf({ name: LONGER, content: "x" }), [`${LONGER} file x`]],
  ["a name that is not ASCII", tarOf({ name: "é/ü", content: "x" }), ["é/ü file x"]],
  ["a target in PAX", tarOf({ name: "a", flag: "2", target: LONGER }), [`a symlink ${LONGER}`]],
  [
    "GNU's long name",
    tarOf(part({ name: "././@LongLink", flag: "L", content: `${LONGER}\0` }), {
      name: "cut",
      content: "x",
    }),
    [`${LONGER} file x`],
  ],
  [
    "GNU's long target",
    tarOf(part({ name: "././@LongLink", flag: "K", content: `${LONGER}\0` }), {
      name: "a",
      flag: "2",
      target: "cut",
    }),
    [`a symlink ${LONGER}`],
  ],
  [
    "GNU's magic, with a time where the prefix would be",
    tarOf(
      patched(patched({ name: "a", content: "x" }, 257, "ustar  \0"), 345, "14000000000"),
    ),
    ["a file x"],
  ],
  ["a size in PAX", tarOf(pax({ size: "1" }), patched({ name: "a", content: "x" }, 124, "0")), [
    "a file x",
  ]],
  [
    "a size in base 256",
    tarOf(
      patched({ name: "a", content: "x" }, 124, [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    ),
    ["a file x"],
  ],
  ["records for all that follows", tarOf(pax({ path: "z" }, "g"), { name: "a" }), ["z file"]],
  ["a record over one for all", tarOf(pax({ path: "z" }, "g"), pax({ path: "y" }), { name: "a" }), [
    "y file",
  ]],
  ["records for one entry alone", tarOf(pax({ path: "z" }), { name: "a" }, { name: "b" }), [
    "z file",
    "b file",
  ]],
  [
    "records of other keys",
    tarOf(pax({ "SCHILY.xattr.user.x": "1", mtime: "1.5" }), {
      name: "a",
    }),
    ["a file"],
  ],
  ["a time before 1970", tarOf(pax({ mtime: "-1.5" }), { name: "a" }), ["a file"]],
  [
    "extended attributes that are no text",
    tarOf(bytesRecord("SCHILY.xattr.security.capability"), {
      name: "a",
    }),
    ["a file"],
  ],
  ["records of all files that are no text", tarOf(bytesRecord("comment", "g"), { name: "a" }), [
    "a file",
  ]],
  ["no end", part({ name: "a", content: "x" }), ["a file x"]],
  [
    "one block of zeros as the end",
    concatBytes([
      part({ name: "a", content: "x" }),
      new Uint8Array(BLOCK_BYTES),
    ]),
    ["a file x"],
  ],
  ["something behind the end", concatBytes([tarOf({ name: "a" }), encodeText("garbage")]), [
    "a file",
  ]],
  ["zeros up to 10,240", concatBytes([tarOf({ name: "a" }), new Uint8Array(8704)]), ["a file"]],
  ["no zeros behind the last file", part({ name: "a", content: "x" }).slice(0, BLOCK_BYTES + 1), [
    "a file x",
  ]],
  ["a sum with signs", tarOf(signedSum()), ["é file"]],
];

/** A header whose checksum takes bytes for signed numbers, as old writers did. */
function signedSum(): Bytes {
  const whole = patched({ name: "ee" }, 0, encodeTextArray("é"));
  const sum = whole.reduce(
    (total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte < 128 ? byte : byte - 256),
    0,
  );
  whole.set(encodeText(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return whole;
}

function encodeTextArray(value: string): number[] {
  return [...encodeText(value)];
}

for (const [title, tar, expected] of right) {
  Deno.test(`readTar: ${title}`, async () => {
    for (const step of [1, 511, 100_000]) assertEquals(await lines(tar, LIMITS, step), expected);
  });
}

Deno.test("readTar: mode and time", async () => {
  for await (const entry of readTar(readerOf(tarOf({ name: "a", mode: 0o4755 })), LIMITS)) {
    assertEquals([entry.mode, entry.mtime, entry.size], [0o4755, 1_600_000_000, 0]);
  }
});

Deno.test("readTar: what is not read, or only in part, is passed over", async () => {
  const tar = tarOf({ name: "a", content: "x".repeat(2000) }, { name: "b", content: "y" });
  const seen: string[] = [];
  for await (const entry of readTar(readerOf(tar), LIMITS)) {
    seen.push(entry.name);
    for await (const _ of entry.content) break;
  }
  assertEquals(seen, ["a", "b"]);
});

Deno.test("readTar: the source is read to its end, and given up by who stops early", async () => {
  const tar = concatBytes([tarOf({ name: "a" }), new Uint8Array(5000)]);
  const all = readerOf(tar);
  await Array.fromAsync(readTar(all, LIMITS));
  assertEquals((await all.read()).done, true);
  let cancelled = false;
  const source = readerOf(tar);
  const watched = { ...source, cancel: () => (cancelled = true, source.cancel()) };
  for await (const _ of readTar(watched, LIMITS)) break;
  assert(cancelled);
});

Deno.test("readTar: where each content is, also when the source passes over it", async () => {
  const tar = tarOf({ name: LONGER, content: "x".repeat(2000) }, { name: "b", content: "yz" });
  let skipped = 0;
  for (const skips of [false, true]) {
    let at = 0;
    const source = {
      read: () => {
        const value = tar.slice(at, at += 512) as Bytes;
        return Promise.resolve(value.byteLength > 0 ? { done: false, value } : { done: true });
      },
      cancel: async () => {},
    };
    const skip = (count: number) => {
      const most = Math.min(count, tar.byteLength - at);
      at += most;
      skipped += most;
      return Promise.resolve(most);
    };
    const found: string[] = [];
    const limits = { maxEntries: 9, maxBytes: 9999 };
    for await (const { offset, size } of readTar(skips ? { ...source, skip } : source, limits)) {
      found.push(new TextDecoder().decode(tar.slice(offset, offset + size)));
    }
    assertEquals(found, ["x".repeat(2000), "yz"]);
  }
  assert(skipped >= 2000);
});

Deno.test("readTar: a source that passes over less than a file has: cut", async () => {
  const tar = part({ name: "abc", size: 5000 });
  let at = 0;
  const source = {
    read: () => Promise.resolve({ done: at > 0, value: tar.slice(at, at = 512) as Bytes }),
    cancel: async () => {},
    skip: () => Promise.resolve(100),
  };
  await assertRejects(
    () => Array.fromAsync(readTar(source, LIMITS)),
    InvalidArchiveError,
    '4900 bytes before the end of "abc"',
  );
});

Deno.test("readTar: a slash before a name is left out where nothing is unpacked", async () => {
  const names: string[] = [];
  const tar = tarOf(file("/a/b"), file("//c"), file("./d"));
  for await (const { name } of readTar(readerOf(tar), LIMITS, { absoluteNames: true })) {
    names.push(name);
  }
  assertEquals(names, ["a/b", "c", "d"]);
  const bad = readTar(readerOf(tarOf(file("/../a"))), LIMITS, { absoluteNames: true });
  await assertRejects(() => Array.fromAsync(bad), UnsafePathError, "leads out");
});

Deno.test("readTar: what the source throws", async () => {
  const broken = { read: () => Promise.reject(new RangeError("gone")), cancel: async () => {} };
  await assertRejects(() => Array.fromAsync(readTar(broken, LIMITS)), RangeError, "gone");
});

/** What `oras push` made of a folder with files, a link, an empty folder and names that are not ASCII. */
Deno.test("readTar: a folder that oras pushed", async () => {
  const packed = decodeBase64(ORAS_FOLDER);
  const source = gunzip(readerOf(packed), { maxBytes: 1_000_000, maxRatio: 1000 });
  const found: string[] = [];
  for await (const { name, type, mode } of readTar(source, LIMITS)) {
    found.push(`${type} ${mode.toString(8)} ${name}`);
  }
  assertEquals(found, ORAS_ENTRIES);
});

// deno-lint-ignore no-explicit-any
type Failure = new (...args: any[]) => Error;
type Broken = [title: string, tar: Bytes, error: Failure, message: string];
const file = (name: string): Part => ({ name, content: "x" });

/** A record whose value is no text. */
function bytesRecord(key: string, flag = "x"): Bytes {
  const record = encodeText(`${key}=????\n`);
  const length = record.byteLength + 3;
  record.set([0x01, 0xff, 0xfe, 0x00], record.byteLength - 5);
  const header = part({ name: "PaxHeaders/x", flag, size: length });
  const filled = new Uint8Array(512);
  filled.set(encodeText(`${length} `));
  filled.set(record, 3);
  return concatBytes([header, filled]);
}

const broken: Broken[] = [
  ["a name with ..", tarOf(file("a/../b")), UnsafePathError, "leads out"],
  ["a name of .. alone", tarOf({ name: "..", flag: "5" }), UnsafePathError, "leads out"],
  ["an absolute name", tarOf(file("/etc/passwd")), UnsafePathError, "absolute"],
  ["an absolute name in PAX", tarOf(pax({ path: "/x" }), file("a")), UnsafePathError, "absolute"],
  ["a drive letter", tarOf(file("C:/x")), UnsafePathError, "drive letter"],
  ["a backslash", tarOf(file("a\\..\\b")), UnsafePathError, "backslash"],
  ["NUL in PAX's name", tarOf(pax({ path: "a\0b" }), file("a")), UnsafePathError, "NUL"],
  ["a file without a name", tarOf(patched(file("a"), 0, "\0")), UnsafePathError, "empty"],
  ["a file called .", tarOf(file("./")), InvalidArchiveError, "has content"],
  ["an empty file called .", tarOf({ name: "." }), InvalidArchiveError, "has no name"],
  ["a device", tarOf({ name: "a", flag: "3" }), InvalidArchiveError, '"a", which is a device'],
  ["a block device", tarOf({ name: "a", flag: "4" }), InvalidArchiveError, "which is a device"],
  ["a folder of GNU's dump", tarOf({ name: "a/", flag: "D" }), InvalidArchiveError, "incremental"],
  ["GNU's second volume", tarOf({ name: "a", flag: "M" }), InvalidArchiveError, "another volume"],
  ["a type of nobody's", tarOf({ name: "a", flag: "Q" }), InvalidArchiveError, 'unknown type "Q"'],
  ["a pipe", tarOf({ name: "a", flag: "6" }), InvalidArchiveError, "which is a pipe"],
  ["GNU's sparse file", tarOf({ name: "a", flag: "S" }), InvalidArchiveError, "is sparse"],
  [
    "PAX's sparse file",
    tarOf(pax({ "GNU.sparse.major": "1" }), file("a")),
    InvalidArchiveError,
    '"a", which is sparse',
  ],
  [
    "PAX's sparse file under another name",
    tarOf(
      pax({ "GNU.sparse.major": "1", "GNU.sparse.name": "real" }),
      file("GNUSparseFile.7/real"),
    ),
    InvalidArchiveError,
    '"real", which is sparse',
  ],
  [
    "a link with content",
    tarOf({ ...file("a"), flag: "2" } as Part),
    InvalidArchiveError,
    "has content",
  ],
  [
    "a folder with content",
    tarOf({ ...file("a"), flag: "5" } as Part),
    InvalidArchiveError,
    "has content",
  ],
  ["no tar", encodeText("no tar at all. ".repeat(100)), InvalidArchiveError, "checksum"],
  ["a web page", encodeText("<html>".repeat(100)), InvalidArchiveError, "it is no tar"],
  ["a short text", encodeText("{}"), InvalidArchiveError, "it is no tar"],
  ["a header that was changed", part(file("a")).fill(0x62, 0, 1), InvalidArchiveError, "checksum"],
  ["a cut header", part(file("a")).slice(0, 300), InvalidArchiveError, "middle of a header"],
  ["a cut file", part(file("abc")).slice(0, 512), InvalidArchiveError, 'the end of "abc"'],
  [
    "a file longer than the tar",
    tarOf({ name: "abc", content: "x", size: 5000 }),
    InvalidArchiveError,
    '"abc"',
  ],
  ["an extension without an entry", pax({ path: "a" }), InvalidArchiveError, "middle of a header"],
  ["a cut extension", pax({ path: "a" }).slice(0, 515), InvalidArchiveError, "middle of a header"],
  [
    "an entry behind zeros",
    concatBytes([new Uint8Array(512), part(file("a"))]),
    InvalidArchiveError,
    "block of zeros",
  ],
  [
    "a record without =",
    tarOf(part({ name: "x", flag: "x", content: "5 abc" })),
    InvalidArchiveError,
    "record",
  ],
  [
    "a record longer than the rest",
    tarOf(part({ name: "x", flag: "x", content: "99 a=b\n" })),
    InvalidArchiveError,
    "record",
  ],
  [
    "a record without a length",
    tarOf(part({ name: "x", flag: "x", content: "a=b\n" })),
    InvalidArchiveError,
    "record",
  ],
  [
    "a record of a negative length",
    tarOf(part({ name: "x", flag: "x", content: "-7 a=b\n" })),
    InvalidArchiveError,
    "record",
  ],
  [
    "a record of length 0",
    tarOf(part({ name: "x", flag: "x", content: "0 a=b\n" })),
    InvalidArchiveError,
    "record",
  ],
  ...[
    "7 a=bc\n\0\0\0",
    "7 a=bc\n3",
    "7 a=bc\n\n",
    "7 a=bc\n2\n",
    "7 a=bc\n0 ",
    "0x7 a=b\n",
    "1e1 a=bcd\n",
  ]
    .map((content): Broken => [
      `records ${JSON.stringify(content)}`,
      tarOf(part({ name: "x", flag: "x", content }), file("a")),
      InvalidArchiveError,
      "record of its extended header is broken",
    ]),
  [
    "a path in PAX that is not UTF-8",
    tarOf(bytesRecord("path"), file("a")),
    InvalidArchiveError,
    "path is not UTF-8",
  ],
  ["a negative size", tarOf(pax({ size: "-1" }), file("a")), InvalidArchiveError, "number"],
  [
    "a size that is no number",
    tarOf(pax({ size: "1e3" }), file("a")),
    InvalidArchiveError,
    "number",
  ],
  [
    "a size past every number",
    tarOf(pax({ size: "9".repeat(30) }), file("a")),
    InvalidArchiveError,
    "number",
  ],
  [
    "a size in base 256 past every number",
    tarOf(patched(file("a"), 124, [0x80, ...Array(11).fill(255)])),
    InvalidArchiveError,
    "size",
  ],
  [
    "a negative size in base 256",
    tarOf(patched(file("a"), 124, Array(12).fill(255))),
    InvalidArchiveError,
    "size",
  ],
  [
    "a size that is not octal",
    tarOf(patched(file("a"), 124, "00000000009")),
    InvalidArchiveError,
    "size",
  ],
  ["a name that is not UTF-8", tarOf(patched(file("a"), 0, [0xff])), InvalidArchiveError, "UTF-8"],
  [
    "a name of 2 MiB",
    tarOf(part({ name: "x", flag: "L", size: 2 ** 21 })),
    InvalidArchiveError,
    "1 MiB",
  ],
];

for (const [title, tar, error, message] of broken) {
  Deno.test(`readTar: ${title}: ${error.name}`, async () => {
    await assertRejects(() => lines(tar), error, message);
  });
}

/** What GNU tar, Go and Python write where a time does not fit into octal digits. */
Deno.test("readTar: times in base 256, before 1970 too", async () => {
  const times: [number[], number][] = [
    [[0x80, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0], 2 ** 33],
    [Array(12).fill(0xff), -1],
    [[...Array(10).fill(0xff), 0xfc, 0x18], -1000],
    [[...Array(7).fill(0xff), 0xed, 0x30, 0x96, 0x3b, 0x80], -80789226624],
  ];
  for (const [bytes, mtime] of times) {
    const tar = tarOf(patched(file("a"), 136, bytes));
    for await (const entry of readTar(readerOf(tar), LIMITS)) assertEquals(entry.mtime, mtime);
  }
  const past = tarOf(patched(file("a"), 136, [0xbf, ...Array(11).fill(0xff)]));
  await assertRejects(() => lines(past), InvalidArchiveError, "the time of a");
  const mode = tarOf(patched(file("a"), 100, Array(8).fill(0xff)));
  await assertRejects(() => lines(mode), InvalidArchiveError, "the mode of a");
});

Deno.test("readTar: the top of a tar of absolute names", async () => {
  const tar = tarOf({ name: "/", flag: "5" }, file("//a/b"));
  const entries = await Array.fromAsync(readTar(readerOf(tar), LIMITS, { absoluteNames: true }));
  assertEquals(entries.map(({ name, type }) => `${name} ${type}`), [". directory", "a/b file"]);
  await assertRejects(() => lines(tar), UnsafePathError, "absolute");
});

Deno.test("readTar: more entries or bytes than the limits", async () => {
  const tar = tarOf(file("a"), file("b"), file("c"));
  assertEquals((await lines(tar, { maxEntries: 3, maxBytes: 3 })).length, 3);
  for (
    const [limits, name] of [
      [{ maxEntries: 2, maxBytes: 3 }, "maxEntries"],
      [{ maxEntries: 3, maxBytes: 2 }, "maxBytes"],
    ] as const
  ) {
    const error = await assertRejects(() => lines(tar, limits));
    assertInstanceOf(error, LimitError);
    assertEquals(error.limit, name);
  }
  // Nothing is allocated, nor waited for, because a header says so.
  const bomb = part({ name: "a", size: 8 ** 11 - 1 });
  await assertRejects(() => lines(bomb), LimitError, "maxBytes");
});

const ORAS_FOLDER =
  "H4sIAAAAAAAA/+yYzY7TMBCAfeYpgrjHM/4VB+4ceYWUWEpEm1SJo5Z348aLIQcQIt1tt9qOu1Xmu6SnzsRfZjx2" +
  "3Q6CGgAAb+38BIDlc/6NVoNG55zyAsB7a0RhyTMTQkxjrAYB8Nr/Wb7cg1C3g6w2I2mM2b/3L/ePGlGLQskQv8qm" +
  "H2NX7QJRcuxfht0+fieMMfs/9X7GPyIA138Okv+mGmrKGGk9nDFn/BuBFpV1WjnjBCA450WRZRFX7r/vwrt758Dc" +
  "j1T/27b7Rhnj+v1fKa1EofoulPEYKXNbe/0n/9TLfH3/R22B+38OuP+vm1T/w9SVY0MXAy6d/1GdzP88/+Xhw3u5" +
  "aTs5NtwFVkmq/3HakMa4WP8n8x9YY/n8n4M//mU89GQz4O/579z9j1nO/+gM9/8cxEPPnX/F/K3/aU8X4/rzv1bG" +
  "i0KVpWzCdkvXmbj+k/8v1fFzqOowjCVIgrV+xvs//0r/9y0AokMliuON83iSW/l/UPBjsa9i8yl9Bz9/JPm8HayJ" +
  "5J36jhUu3v/hcv53RvH8l4MsPZZhGIZ5c/wKAAD///LTBaUAKAAA";

const ORAS_ENTRIES = [
  "directory 755 dir",
  "symlink 777 dir/abs",
  "directory 700 dir/empty",
  "file 644 dir/hard",
  "symlink 777 dir/link",
  "file 644 dir/one.txt",
  "file 755 dir/run.sh",
  "directory 755 dir/sub",
  "file 640 dir/sub/two.txt",
  "symlink 777 dir/sub/up",
  "file 644 dir/ü.txt",
];
