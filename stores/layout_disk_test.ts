/**
 * What a layout asks of the disk, and in which order: no read shows whether a change would outlive a
 * power cut, so the calls themselves are looked at: those of this file's own worker.
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path/join";
import { relative } from "@std/path/relative";
import { bytesStream } from "../content/body.ts";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { pieceReader } from "../content/piece_reader.ts";
import { type FileHandle, fileSystem } from "../runtime/files.ts";
import { inFolder } from "./folder_fixture_test.ts";
import { LayoutFiles } from "./layout_files.ts";
import { LayoutStore } from "./layout_store.ts";
import { VerifiedFiles } from "./verified_files.ts";

const CONTENT = encodeText("hello");
const BLOB = await describeBytes(CONTENT, MEDIA_TYPES.octetStream);
const BLOBS = "blobs/sha256";
const PATH = `${BLOBS}/${BLOB.digest.slice("sha256:".length)}`;
const FREE = `.partial/${BLOB.digest.replace(":", "-")}`;
const PART = `${FREE}.*`;
const MIB = 1024 * 1024;

const body = () => pieceReader(bytesStream(CONTENT));

/** What some work writes, syncs and names in a folder, and the ranges that it reads back. */
async function callsOf(
  folder: string,
  work: (note: (step: string) => void) => Promise<unknown>,
): Promise<string[]> {
  const calls: string[] = [];
  const system = fileSystem()!;
  const { open, rename, link } = system;
  const { open: denoOpen } = Deno;
  const random = /[0-9a-z]*-[0-9]+-[0-9]+\.[0-9a-f]{8}-[0-9a-f-]{27}/;
  const short = (path: string | URL) => relative(folder, String(path)).replace(random, "*") || ".";

  /** Notes the calls of an open file, reads with their place. */
  function noted(file: Deno.FsFile, path: string | URL): Deno.FsFile {
    const { read, write, seek, sync } = file;
    let at = 0;
    return Object.assign(file, {
      async read(view: Uint8Array) {
        calls.push(`read ${short(path)} ${at}+${view.byteLength}`);
        const count = await read.call(file, view);
        at += count ?? 0;
        return count;
      },
      async write(bytes: Uint8Array) {
        calls.push(`write ${short(path)}`);
        const count = await write.call(file, bytes);
        at += count;
        return count;
      },
      async seek(offset: number, whence: Deno.SeekMode) {
        return at = await seek.call(file, offset, whence);
      },
      sync() {
        calls.push(`sync ${short(path)}`);
        return sync.call(file);
      },
    });
  }

  /** Folders are opened by \`node:fs\`, to be synced. */
  function notedFolder(folder: FileHandle, path: string): FileHandle {
    const { sync } = folder;
    return Object.assign(folder, {
      sync() {
        calls.push(`sync ${short(path)}`);
        return sync.call(folder);
      },
    });
  }

  try {
    Deno.open = async (path, options) => noted(await denoOpen(path, options), path);
    system.open = async (path, ...rest) => notedFolder(await open(path, ...rest), path);
    system.rename = (from, to) => (calls.push(`name ${short(to)}`), rename(from, to));
    system.link = (from, to) => (calls.push(`name ${short(to)}`), link(from, to));
    await work((step) => calls.push(step));
  } finally {
    Deno.open = denoOpen;
    Object.assign(system, { open, rename, link });
  }
  return calls;
}

/** What is done to a layout that has the blob, and its calls where they are durable. */
const CHANGES: [
  what: string,
  change: (files: LayoutFiles) => Promise<unknown>,
  calls: string[],
][] = [
  [
    "a blob's bytes before its name, and its name before the answer",
    (files) => files.write(BLOB.digest, BLOB.size, body()),
    ["write .partial/*", "sync .partial/*", `name ${PATH}`, `sync ${BLOBS}`],
  ],
  [
    "an index's bytes before its name, and its name before the answer",
    (files) => files.replace("index.json", ["{", "}"]),
    ["write .partial/*", "write .partial/*", "sync .partial/*", "name index.json", "sync ."],
  ],
  [
    "a journal's bytes, and a new one's name",
    async (files) => await files.append("journal", await files.append("journal", 0, "a"), "b"),
    ["write journal", "sync journal", "sync .", "write journal", "sync journal"],
  ],
  [
    "a blob of another layout",
    async (files) => {
      await files.remove(BLOB.digest);
      const other = new LayoutFiles(join(files.folder, "other"), { durable: false });
      await other.write(BLOB.digest, BLOB.size, body());
      await files.link(other, BLOB.digest);
    },
    [
      `sync ${BLOBS}`, // it was removed
      "write other/.partial/*",
      `name other/${PATH}`,
      `read other/${PATH} 0+5`, // nothing is linked that was not verified
      `name ${PATH}`,
      `sync ${BLOBS}`,
    ],
  ],
  ["a blob that is removed", (files) => files.remove(BLOB.digest), [`sync ${BLOBS}`]],
  [
    "the names of new folders, all of them",
    async ({ folder }) => {
      const files = new LayoutFiles(join(folder, "a/b"), { durable: true });
      await files.write(BLOB.digest, BLOB.size, body());
    },
    [
      ...["sync a/b", "sync a", "sync ."], // for .partial, b and a
      ...["write a/b/.partial/*", "sync a/b/.partial/*"],
      ...["sync a/b", "sync a/b/blobs"],
      ...[`name a/b/${PATH}`, `sync a/b/${BLOBS}`],
    ],
  ],
];

for (const [what, change, expected] of CHANGES) {
  Deno.test(`LayoutFiles, durable: the disk has ${what}`, () =>
    inFolder(async (folder) => {
      const files = new LayoutFiles(folder, { durable: true });
      await files.write(BLOB.digest, BLOB.size, body());
      assertEquals(await callsOf(folder, () => change(files)), expected);
    }));
}

Deno.test("LayoutFiles, not durable: nothing waits for the disk", () =>
  inFolder(async (folder) => {
    const files = new LayoutFiles(folder, { durable: false });
    const calls = await callsOf(folder, async () => {
      await files.write(BLOB.digest, BLOB.size, body());
      await files.replace("index.json", []);
      await files.append("journal", 0, "a");
      await files.remove(BLOB.digest);
    });
    assertEquals(calls.filter((call) => call.startsWith("sync")), []);
  }));

Deno.test("LayoutStore.begin, durable: the disk has the bytes before their name", () =>
  inFolder(async (folder) => {
    const store = new LayoutStore(folder, { durable: true });
    await store.write(BLOB, CONTENT);
    await Deno.remove(join(folder, PATH));
    const calls = await callsOf(folder, async () => {
      const partial = await store.begin(BLOB);
      await partial.write(CONTENT, 0);
      await partial.commit();
    });
    assertEquals(calls, [`write ${PART}`, `sync ${PART}`, `name ${PATH}`, `sync ${BLOBS}`]);
  }));

/** Small files are read again rather than trusted too early. */
const LARGE = new Uint8Array(1024 * 1024 + 1).fill(7) as Bytes;
const LARGE_BLOB = { ...BLOB, digest: await digestOf(LARGE), size: LARGE.byteLength };
const LARGE_PATH = `blobs/${LARGE_BLOB.digest.replace(":", "/")}`;

/** How often a file is read from its beginning. */
async function readings(folder: string, work: () => Promise<unknown>): Promise<number> {
  const calls = await callsOf(folder, work);
  return calls.filter((call) => call.startsWith("read") && call.includes(" 0+")).length;
}

Deno.test("LayoutStore: what is there is read once before it is trusted, until it changes", () =>
  inFolder(async (folder) => {
    const [store, one, two] = ["", "one", "two"].map((name) => new LayoutStore(join(folder, name)));
    await store!.write(LARGE_BLOB, LARGE);
    const path = join(folder, LARGE_PATH);
    const touch = (time: number) => Deno.utime(path, new Date(time), new Date(time));
    const write = (to: LayoutStore) => () => to.write(LARGE_BLOB, LARGE);
    await touch(Date.now() - 60_000);
    assertEquals(await readings(folder, write(store!)), 1);
    assertEquals(await readings(folder, write(store!)), 0);
    assertEquals(await readings(folder, () => store!.begin(LARGE_BLOB)), 0);
    assertEquals(await readings(folder, () => one!.mount(LARGE_BLOB, store!)), 0);
    assertEquals(
      await readings(folder, () => two!.mount(LARGE_BLOB, store!)),
      0,
      "no byte changes",
    );
    assertEquals(await readings(folder, write(two!)), 0);
    await touch(Date.now() - 30_000);
    assertEquals(await readings(folder, write(store!)), 1);
    await touch(Date.now());
    assertEquals(await readings(folder, write(store!)), 1);
    assertEquals(await readings(folder, write(store!)), 1, "it may still be written to");
  }));

Deno.test("LayoutFiles.verified: several layouts share what is known; what is wrong is read once too", () =>
  inFolder(async (folder) => {
    const known = new VerifiedFiles();
    const [one, two] = ["one", "two"].map((name) =>
      new LayoutFiles(join(folder, name), { durable: false }, known)
    );
    const { digest, size } = LARGE_BLOB;
    const path = one!.path(digest);
    const touch = (time: number) => Deno.utime(path, new Date(time), new Date(time));
    const read = (files: LayoutFiles, expected: boolean) =>
      readings(folder, async () => {
        const both = await Promise.all([files.verified(digest), files.verified(digest)]);
        assertEquals(both, [expected, expected]);
      });
    await one!.write(digest, size, pieceReader(bytesStream(LARGE)));
    await touch(0);
    assertEquals(await read(one!, true), 1, "two at once read it once");
    assertEquals(await two!.link(one!, digest), true);
    assertEquals(await read(two!, true), 0);
    assertEquals(await one!.verified(digest, { size: size + 1 }), false);

    await Deno.writeFile(path, new Uint8Array(size));
    await touch(1_000);
    assertEquals(await one!.verified(digest, { limit: size - 1 }), false);
    assertEquals(await read(one!, false), 1);
    assertEquals(await read(two!, false), 0);

    await two!.remove(digest);
    await two!.write(digest, size, pieceReader(bytesStream(LARGE)));
    await two!.learn(digest);
    assertEquals(await read(two!, true), 0, "what was just verified and written");

    await one!.write(BLOB.digest, BLOB.size, body());
    const small = one!.path(BLOB.digest);
    await Deno.utime(small, new Date(0), new Date(0));
    assertEquals(await one!.verified(BLOB.digest), true);
    await Deno.writeFile(small, new Uint8Array(BLOB.size));
    await Deno.utime(small, new Date(0), new Date(0));
    assertEquals(await one!.verified(BLOB.digest), false, "changed, and its time set back");
  }));

type Range = [from: number, to: number];

/** In which order the MiBs of a partial blob come, and the ranges of them that are read back. */
const ORDERS: [what: string, ranges: Range[], writing: Range[], committing: Range[]][] = [
  ["bytes in their order are not read", [[0, 1], [1, 2], [2, 3], [3, 4]], [], []],
  ["bytes behind a gap are read once it closes", [[0, 1], [2, 4], [1, 2]], [[2, 3], [3, 4]], []],
  [
    "bytes that close a gap and overlap are read only past them",
    [[0, 1], [2, 4], [1, 3]],
    [[3, 4]],
    [],
  ],
  [
    "several ranges at once are each read once",
    [[2, 3], [1, 2], [3, 4], [0, 1]],
    [[1, 2], [2, 3], [3, 4]],
    [],
  ],
  ["bytes in their order after a closed gap", [[1, 2], [0, 1], [2, 3], [3, 4]], [[1, 2]], []],
  [
    "bytes over hashed ones: all are read again",
    [[0, 3], [1, 2], [3, 4]],
    [],
    [[0, 1], [1, 2], [2, 3], [3, 4]],
  ],
  ["the first bytes over hashed ones: the rest is read again", [[0, 4], [0, 3]], [], [[3, 4]]],
];

for (const [what, ranges, writing, committing] of ORDERS) {
  Deno.test(`LayoutStore.begin: ${what}`, () =>
    inFolder(async (folder) => {
      const content = new Uint8Array(4 * MIB).map((_, at) => at >> 12);
      const digest = await digestOf(content);
      const descriptor = { ...BLOB, digest, size: content.byteLength };
      const store = new LayoutStore(folder);
      const calls = await callsOf(folder, async (note) => {
        const partial = await store.begin(descriptor);
        for (const [from, to] of ranges) {
          await partial.write(content.slice(from * MIB, to * MIB), from * MIB);
        }
        note("commit");
        await partial.commit();
      });
      const places = (all: Range[]) =>
        all.map(([from, to]) => `${from * MIB}+${(to - from) * MIB}`);
      assertEquals(
        calls.filter((call) => /^(read|commit)/.test(call)).map((call) => call.split(" ").at(-1)),
        [...places(writing), "commit", ...places(committing)],
      );
      assertEquals(
        await digestOf(await new Response(await store.open(descriptor)).bytes()),
        digest,
      );
    }));
}

Deno.test("LayoutStore.begin: what an earlier session has left is read at the start alone", () =>
  inFolder(async (folder) => {
    const store = new LayoutStore(folder);
    const earlier = await store.begin(BLOB);
    await earlier.write(CONTENT.slice(0, 3), 0);
    await earlier.close();
    const calls = await callsOf(folder, async (note) => {
      const partial = await store.begin(BLOB);
      note("begun");
      await partial.write(CONTENT.slice(3), 3);
      await partial.commit();
    });
    assertEquals(calls, [
      ...[`name ${PART}`, `read ${PART} 0+3`, "begun"],
      ...[`write ${PART}`, `name ${PATH}`],
    ]);
  }));
