/** A disk that is full, or read-only. It changes what its own worker calls. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { ContentNotFoundError, StorageError } from "../errors.ts";
import { buildManifest } from "../manifest/build.ts";
import { fileSystem } from "../runtime/files.ts";
import { createArchive } from "./create_archive.ts";
import { inFolder, names } from "./folder_fixture_test.ts";
import { LayoutStore } from "./layout_store.ts";
import { saveFile } from "./save_file.ts";

/** Writes a tar with a blob to a path. */
async function writeArchive(path: string, format: "oci" | "docker"): Promise<void> {
  const archive = await createArchive(path, { format });
  try {
    await archive.write(BLOB, CONTENT);
    await archive.close();
  } catch (error) {
    await archive.abort(error);
    throw error;
  }
}

const CONTENT = encodeText("hello");
const BLOB = { mediaType: "a/b", digest: await digestOf(CONTENT), size: 5 };

/** Does something while the disk takes no more bytes. */
async function whileFull<T>(run: () => Promise<T>): Promise<T> {
  const system = fileSystem()!;
  const { open } = system;
  const { open: denoOpen } = Deno;
  const write = () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
  try {
    Deno.open = async (...args) => Object.assign(await denoOpen(...args), { write });
    system.open = async (...args) => Object.assign(await open(...args), { write });
    return await run();
  } finally {
    Deno.open = denoOpen;
    Object.assign(system, { open });
  }
}

/** What writes to a layout, or beside it. */
const WRITES: [what: string, write: (store: LayoutStore) => Promise<unknown>][] = [
  ["write", (store) => store.write(BLOB, CONTENT)],
  ["write of a stream", (store) => store.write(BLOB, new Blob([CONTENT]).stream())],
  ["begin", async (store) => {
    const partial = await store.begin(BLOB);
    try {
      await partial.write(CONTENT, 0);
    } finally {
      await partial.close();
    }
  }],
  ["tag", async (store) => await store.tag(await store.resolve("v1"), "v2")],
  ["untag", (store) => store.untag("v1")],
  ["saveFile", (store) => saveFile(`${store.folder}/file`, new Blob([CONTENT]).stream())],
  ["an archive", async (store) => {
    await writeArchive(`${store.folder}/file`, "oci");
  }],
];

for (const [what, write] of WRITES) {
  Deno.test(`a full disk: ${what} is a StorageError that names the path, and leaves nothing`, () =>
    inFolder(async (folder) => {
      const store = new LayoutStore(folder);
      const { descriptor, bytes } = await buildManifest({ artifactType: "a/b", layers: [] });
      await store.write(descriptor, bytes);
      await store.tag(descriptor, "v1");
      const error = await assertRejects(() => whileFull(() => write(store)), StorageError);
      assert(error.path.startsWith(folder) && error.message.includes(error.path), error.message);
      assert(error.message.includes("no space"), error.message);
      assertEquals(await names(folder), ["blobs", "index.json", "oci-layout"]);
      assertEquals((await store.resolve("v1")).digest, descriptor.digest);
      await assertRejects(() => store.resolve("v2"), ContentNotFoundError);
      assertEquals(await new Response(await store.open(descriptor)).bytes(), bytes);
      await write(store);
    }));
}

Deno.test("a full disk: what nothing leads to can be removed", () =>
  inFolder(async (folder) => {
    const store = new LayoutStore(folder);
    await store.write(BLOB, CONTENT);
    assertEquals((await whileFull(() => store.removeUnreferenced())).length, 1);
    assertEquals(await store.exists(BLOB), false);
  }));

for (const [code, words] of [["EROFS", "read-only"], ["EACCES", "permission is denied"]]) {
  Deno.test(`a folder that may not be written to, ${code}: StorageError`, () =>
    inFolder(async (folder) => {
      const store = new LayoutStore(`${folder}/layout`);
      const system = fileSystem()!;
      const { mkdir } = system;
      try {
        system.mkdir = () => Promise.reject(Object.assign(new Error("no"), { code }));
        for (const [, write] of WRITES.slice(0, 3)) {
          const error = await assertRejects(() => write(store), StorageError, words);
          assert(error.path.startsWith(store.folder), error.path);
        }
      } finally {
        Object.assign(system, { mkdir });
      }
      assertEquals(await names(folder), []);
    }));
}

for (const code of ["ENOENT", "EEXIST"]) {
  Deno.test(`a folder that another one removes just now is made again: ${code}`, () =>
    inFolder(async (folder) => {
      const store = new LayoutStore(`${folder}/layout`);
      const system = fileSystem()!;
      const { mkdir } = system;
      let failures = 3;
      try {
        system.mkdir = async (...args) => {
          if (failures-- > 0) throw Object.assign(new Error("no"), { code });
          return await mkdir(...args);
        };
        await store.write(BLOB, CONTENT);
      } finally {
        Object.assign(system, { mkdir });
      }
      assertEquals(await store.exists(BLOB), true);
    }));
}

Deno.test("a layout on a read-only disk: a file of another layout cannot be linked, StorageError", () =>
  inFolder(async (folder) => {
    const [here, there] = ["here", "there"].map((name) => new LayoutStore(`${folder}/${name}`));
    await here!.write(BLOB, CONTENT);
    const system = fileSystem()!;
    const { link } = system;
    try {
      system.link = () => Promise.reject(Object.assign(new Error("no"), { code: "EROFS" }));
      const error = await assertRejects(() => there!.mount(BLOB, here!), StorageError, "read-only");
      assertEquals(error.path, `${folder}/there/blobs/sha256/${BLOB.digest.slice(7)}`);
    } finally {
      Object.assign(system, { link });
    }
  }));

/** What stands in the way of a layout, or of a file. */
const PLACES: [what: string, prepare: (folder: string) => Promise<string>, words: string][] = [
  ["a file in the folder's place", async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    return `${folder}/file/below`;
  }, "a file is where a folder should be"],
  ["a name that is too long", (folder) => {
    return Promise.resolve(`${folder}/${"n".repeat(300)}`);
  }, "the name is too long"],
  ["a link that leads nowhere", async (folder) => {
    await Deno.symlink(`${folder}/nowhere/else`, `${folder}/link`);
    return `${folder}/link/below`;
  }, ""],
  ["a link that leads to itself", async (folder) => {
    await Deno.symlink("link", `${folder}/link`);
    return `${folder}/link/below`;
  }, "lead in a circle"],
];

for (const [what, prepare, words] of PLACES) {
  Deno.test(`${what}: StorageError that names the path`, () =>
    inFolder(async (folder) => {
      const path = await prepare(folder);
      const before = await names(folder);
      const layout = new LayoutStore(path);
      const body = () => new Blob([CONTENT]).stream();
      const writes: (() => Promise<unknown>)[] = [
        () => layout.write(BLOB, CONTENT),
        () => layout.begin(BLOB),
        () => saveFile(path, body()),
        () => writeArchive(path, "oci"),
        () => writeArchive(path, "docker"),
      ];
      for (const write of writes) {
        const error = await assertRejects(write, StorageError, words);
        assert(error.path.startsWith(folder) && error.message.includes(error.path), error.message);
      }
      assertEquals(await names(folder), before);
    }));
}

Deno.test("a folder in a blob's place: StorageError", () =>
  inFolder(async (folder) => {
    const path = `${folder}/blobs/sha256/${BLOB.digest.slice(7)}`;
    await Deno.mkdir(path, { recursive: true });
    const store = new LayoutStore(folder);
    const error = await assertRejects(() => store.write(BLOB, CONTENT), StorageError, "a folder");
    assertEquals(error.path, path);
    assertEquals(await names(folder), ["blobs"]);
  }));

Deno.test("no folder, pipe or device is replaced by a file", () =>
  inFolder(async (folder) => {
    const path = `${folder}/there`;
    const { code } = await new Deno.Command("mkfifo", { args: [path] }).output();
    assertEquals(code, 0);
    for (const other of [path, folder]) {
      const writes: (() => Promise<unknown>)[] = [
        () => saveFile(other, new Blob([CONTENT]).stream()),
        () => createArchive(other, { format: "oci" }),
        () => createArchive(other, { format: "docker" }),
      ];
      for (const write of writes) await assertRejects(write, StorageError, "not a file");
    }
    assert((await Deno.lstat(path)).isFifo);
    assertEquals(await names(folder), ["there"]);
  }));

Deno.test("a layout whose folder may not be looked up: StorageError with its path", () =>
  inFolder(async (folder) => {
    const system = fileSystem()!;
    const { realpath } = system;
    try {
      system.realpath = () => Promise.reject(Object.assign(new Error("no"), { code: "EACCES" }));
      const store = new LayoutStore(`${folder}/there`);
      const error = await assertRejects(() => store.resolve("v1"), StorageError, "is denied");
      assertEquals(error.path, `${folder}/there`);
    } finally {
      Object.assign(system, { realpath });
    }
  }));
