/** A disk of which one call fails, each in turn. It changes what its own worker calls. */
import fs from "node:fs";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { ApiError, StorageError } from "../errors.ts";
import { buildManifest } from "../manifest/build.ts";
import { fileSystem } from "../runtime/files.ts";
import { createArchive } from "./create_archive.ts";
import { inFolder, names } from "./folder_fixture_test.ts";
import { LayoutStore } from "./layout_store.ts";
import { openArchive } from "./open_archive.ts";
import { openFile } from "./open_file.ts";
import { saveFile } from "./save_file.ts";

// deno-lint-ignore no-explicit-any
type Calls = Record<string, any>;

/** Whose calls can fail: what is behind `Deno.open` is added with each file. */
const CALLS: [owner: Calls, names: string][] = [
  [
    fileSystem()!,
    "open rename link rm readFile writeFile readdir stat lstat mkdir realpath",
  ],
  [fs, "openSync writeSync linkSync"],
  [Deno, "open"],
];
const FILE_CALLS = "read readSync write seek stat truncate sync";

/** Lets the call with a number fail; answers its name, or `undefined` where there were fewer. */
async function failing(number: number, run: () => Promise<unknown>): Promise<string | undefined> {
  let count = 0;
  let failed: string | undefined;
  const wrapped = (call: Calls[string], name: string) => (...args: unknown[]) => {
    if (++count !== number) return call(...args);
    failed = name;
    const error = Object.assign(new Error("injected"), { code: "EIO" });
    if (/Sync$/.test(name)) throw error;
    return Promise.reject(error);
  };
  const before = CALLS.map(([owner]) => ({ ...owner }));
  for (const [owner, called] of CALLS) {
    for (const name of called.split(" ")) owner[name] = wrapped(owner[name].bind(owner), name);
  }
  const opening = Deno.open;
  Deno.open = async (...args) => {
    const file = await opening(...args) as Calls;
    for (const name of FILE_CALLS.split(" ")) file[name] = wrapped(file[name].bind(file), name);
    return file as Deno.FsFile;
  };
  try {
    await run();
  } finally {
    for (const [at, [owner, called]] of CALLS.entries()) {
      for (const name of called.split(" ")) owner[name] = before[at]![name];
    }
  }
  return failed;
}

async function blobOf(text: string) {
  const bytes = encodeText(text);
  const { byteLength: size } = bytes;
  return { bytes, descriptor: { mediaType: "a/b", digest: await digestOf(bytes), size } };
}

const [OLD, NEW] = [await blobOf("old"), await blobOf("a new one")];
const MANIFEST = await buildManifest({ artifactType: "a/b", layers: [OLD.descriptor] });

async function layoutIn(folder: string): Promise<LayoutStore> {
  const store = new LayoutStore(folder);
  await store.write(OLD.descriptor, OLD.bytes);
  await store.write(MANIFEST.descriptor, MANIFEST.bytes);
  await store.tag(MANIFEST.descriptor, "v1");
  return store;
}

async function readAll(stream: ReadableStream): Promise<string> {
  return await new Response(stream).text();
}

async function fill(store: LayoutStore): Promise<void> {
  const partial = await store.begin(NEW.descriptor);
  try {
    // With a gap, and so with a note.
    for (const at of [0, 6, 3]) {
      await partial.write(NEW.bytes.subarray(at, at + 3), at);
    }
    await partial.commit();
  } finally {
    await partial.close();
  }
}

async function writeTar(path: string): Promise<void> {
  const archive = await createArchive(path, { format: "oci" });
  try {
    await archive.write(OLD.descriptor, OLD.bytes);
    await archive.write(MANIFEST.descriptor, MANIFEST.bytes);
    await archive.tag(MANIFEST.descriptor, "v1");
    await archive.close();
  } catch (error) {
    await archive.abort(error);
    throw error;
  }
}

interface Case {
  what: string;
  run: (store: LayoutStore, folder: string) => Promise<unknown>;
  prepare?: (store: LayoutStore, folder: string) => Promise<unknown>;
}

const CASES: Case[] = [
  { what: "resolve", run: (store) => store.resolve("v1") },
  { what: "open", run: async (store) => readAll(await store.open(OLD.descriptor)) },
  {
    what: "open without verifying",
    run: async (store) => readAll(await store.open(OLD.descriptor, { verify: false })),
  },
  { what: "write", run: (store) => store.write(NEW.descriptor, NEW.bytes) },
  { what: "write of what is there", run: (store) => store.write(OLD.descriptor, OLD.bytes) },
  { what: "tag", run: (store) => store.tag(MANIFEST.descriptor, "v2") },
  { what: "removeUnreferenced", run: (store) => store.removeUnreferenced() },
  { what: "begin", run: (store) => fill(store) },
  {
    what: "begin, with what another one left",
    async prepare(store) {
      const partial = await store.begin(NEW.descriptor);
      await partial.write(NEW.bytes.subarray(0, 3), 0);
      await partial.write(NEW.bytes.subarray(6), 6);
      await partial.close();
    },
    run: (store) => fill(store),
  },
  {
    what: "mount",
    async prepare(_store, folder) {
      await new LayoutStore(`${folder}/other`).write(NEW.descriptor, NEW.bytes);
    },
    run: (store, folder) => store.mount(NEW.descriptor, new LayoutStore(`${folder}/other`)),
  },
  { what: "createArchive", run: (_store, folder) => writeTar(`${folder}/made.tar`) },
  {
    what: "openArchive",
    prepare: (_store, folder) => writeTar(`${folder}/there.tar`),
    async run(_store, folder) {
      const archive = await openArchive(`${folder}/there.tar`);
      await archive.resolve("v1");
      await readAll(await archive.open(OLD.descriptor));
      await archive.close();
    },
  },
  {
    what: "saveFile",
    run: (_store, folder) => saveFile(`${folder}/made`, new Blob([NEW.bytes]).stream()),
  },
  {
    what: "openFile",
    run: async (store) => readAll(await (await openFile(`${store.folder}/index.json`)).open()),
  },
];

for (const { what, run, prepare } of CASES) {
  Deno.test(`a disk of which any one call fails: ${what}: StorageError; nothing is lost or left`, async () => {
    for (let number = 1, failed: string | undefined = ""; failed !== undefined; number++) {
      await inFolder(async (folder) => {
        const path = `${folder}/layout`;
        await prepare?.(await layoutIn(path), folder);
        await layoutIn(path);
        let thrown: unknown;
        failed = await failing(number, async () => {
          await run(new LayoutStore(path), folder).catch((error) => thrown = error);
        });
        const where = `call ${number}, ${failed}`;
        if (thrown !== undefined) {
          assertInstanceOf(thrown, ApiError, where);
          let cause: unknown = thrown;
          while (cause instanceof Error && !(cause instanceof StorageError)) cause = cause.cause;
          assertInstanceOf(cause, StorageError, where);
          assert(cause.message.includes(cause.path), where);
        }
        const after = new LayoutStore(path);
        assertEquals((await after.resolve("v1")).digest, MANIFEST.descriptor.digest, where);
        await run(after, folder);
        if (what !== "removeUnreferenced") {
          assertEquals(await readAll(await after.open(OLD.descriptor)), "old", where);
        }
        assertEquals(await names(path), ["blobs", "index.json", "oci-layout"], where);
        const hidden = (await names(folder)).filter((name) => name.startsWith("."));
        assertEquals(hidden, [], where);
      });
    }
  });
}
