/**
 * What waits for the disk, in which order: a killed process cannot show it, only a power cut, so the
 * calls themselves are looked at. It changes what its own worker calls.
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { StorageError } from "../../errors.ts";
import { fileSystem } from "../../runtime/files.ts";
import { memoryWire, type Wire } from "../fixture_test.ts";
import { createRegistry } from "../registry.ts";
import { diskBackend } from "./disk_backend.ts";

const HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/** Every write, sync, and name given to a file, while a registry on the disk works. */
async function callsOf(durable: boolean, work: (wire: Wire) => Promise<void>): Promise<string[]> {
  const calls: string[] = [];
  const system = fileSystem()!;
  const file = Deno.FsFile.prototype;
  const { rename, link } = system;
  const { sync, write } = file;
  const folder = await Deno.makeTempDir();
  const backend = diskBackend(folder, { durable });
  const short = (path: string) => path.slice(folder.length + 1);
  try {
    const wire = memoryWire({ backend });
    system.rename = (from, to) => (calls.push(`name ${short(to)}`), rename(from, to));
    system.link = (from, to) => (calls.push(`name ${short(to)}`), link(from, to));
    file.sync = function () {
      calls.push("sync");
      return sync.call(this);
    };
    file.write = function (bytes) {
      calls.push("write");
      return write.call(this, bytes);
    };
    await work(wire);
    calls.push("answer");
  } finally {
    Object.assign(system, { rename, link });
    Object.assign(file, { sync, write });
    await backend.close();
    await Deno.remove(folder, { recursive: true });
  }
  return calls;
}

const pushBlob = (wire: Wire) => wire.pushBlob("app", "hello").then(() => {});

Deno.test("diskBackend: a blob is on the disk before it has its name", async () => {
  const calls = await callsOf(true, pushBlob);
  const [write, sync, name] = ["write", "sync", `name app/blobs/sha256/${HELLO.slice(7)}`].map(
    (call) => calls.indexOf(call),
  );
  assert(write! >= 0 && write! < sync! && sync! < name!, calls.join(", "));
});

Deno.test("diskBackend: a chunk is on the disk before it is answered", async () => {
  const calls = await callsOf(true, async (wire) => {
    const location = await wire.startUpload("app");
    assertEquals((await wire.send("PATCH", location, { body: "hello" })).status, 202);
  });
  assertEquals(calls, ["write", "sync", "answer"]);
});

Deno.test("diskBackend: index.json is on the disk before it has its name", async () => {
  const calls = await callsOf(true, async (wire) => void await wire.pushManifest("app", "v1"));
  const name = calls.indexOf("name app/index.json");
  assert(name > 0, calls.join(", "));
  assertEquals(calls.slice(calls.lastIndexOf("write", name), name), ["write", "sync"]);
});

Deno.test("end-2 on the disk: no folder is read to find a blob, however many are in it", async () => {
  const system = fileSystem()!;
  const { readdir } = system;
  const read: string[] = [];
  const folder = await Deno.makeTempDir();
  const backend = diskBackend(folder, { durable: false });
  try {
    await memoryWire({ backend }).pushBlob("app", "hello");
    const again = memoryWire({ backend: diskBackend(folder) });
    system.readdir = (path) => (read.push(path), readdir(path));
    assertEquals((await again.send("HEAD", `/v2/app/blobs/${HELLO}`)).status, 200);
    assertEquals((await again.send("GET", `/v2/app/blobs/${HELLO}`)).text, "hello");
    assertEquals(read, []);
    // Where a folder is read, it is seen here.
    await diskBackend(folder).recover();
    assertEquals(read.length > 0, true);
  } finally {
    Object.assign(system, { readdir });
    await backend.close();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("diskBackend: not durable, nothing waits for the disk", async () => {
  const calls = await callsOf(false, pushBlob);
  assertEquals(calls.filter((call) => call === "sync"), []);
});

for (const durable of [true, false]) {
  Deno.test(`diskBackend: durable ${durable}: the names of new folders on the disk`, async () => {
    const system = fileSystem()!;
    const { open } = system;
    const parent = await Deno.makeTempDir();
    const synced: string[] = [];
    system.open = async (path, flags, mode) => {
      const handle = await open(path, flags, mode);
      const { sync } = handle;
      handle.sync = () => (synced.push(path.slice(parent.length)), sync.call(handle));
      return handle;
    };
    const backend = diskBackend(`${parent}/above/store`, { durable });
    try {
      await backend.recover();
      assertEquals(synced, durable ? ["/above", ""] : []);
      synced.length = 0;
      await memoryWire({ backend }).startUpload("team/app");
      assertEquals(synced, durable ? ["/above/store", "/above/store/.uploads"] : []);
      synced.length = 0;
      await memoryWire({ backend }).startUpload("team/app");
      assertEquals(synced, [], "once");
    } finally {
      Object.assign(system, { open });
      await backend.close();
      await Deno.remove(parent, { recursive: true });
    }
  });
}

Deno.test("end-5 on a full disk: 500, and onError has a StorageError with the upload's path", async () => {
  const file = Deno.FsFile.prototype;
  const { write } = file;
  const folder = await Deno.makeTempDir();
  const errors: unknown[] = [];
  const backend = diskBackend(folder);
  const { fetch } = createRegistry({ backend, onError: (error) => errors.push(error) });
  const send = (method: string, path: string, body?: string) =>
    fetch(
      new Request(new URL(path, "http://localhost"), {
        method,
        ...(body !== undefined &&
          { body, headers: { "content-type": "application/octet-stream" } }),
      }),
    );
  try {
    const started = await send("POST", "/v2/app/blobs/uploads/");
    const location = started.headers.get("location")!;
    file.write = () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
    const response = await send("PATCH", location, "hello");
    assertEquals(response.status, 500);
    await response.body?.cancel();
    const [error] = errors;
    assertInstanceOf(error, StorageError);
    assert(error.path?.startsWith(`${folder}/.uploads/`), error.path);
    assertEquals(error.message, `Cannot write ${error.path}: no space is left on the disk`);
    assertEquals(errors.length, 1);
    file.write = write;
    const whole = await send("PUT", `${location}?digest=${HELLO}`, "hello");
    assertEquals(whole.status, 201, "there is room again");
  } finally {
    file.write = write;
    await backend.close();
    await Deno.remove(folder, { recursive: true });
  }
});
