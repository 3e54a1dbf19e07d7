import { assertEquals, assertRejects } from "@std/assert";
import { tempFolder } from "../scripts/temp_folder.ts";
import { type CursorMode, type FileCursor, fileSystem, isMissing, openCursor } from "./files.ts";

const system = fileSystem()!;

/** Opens a file as other runtimes do. */
async function openByNode(path: string, mode: CursorMode, position?: number): Promise<FileCursor> {
  const { open } = Deno;
  Reflect.set(Deno, "open", undefined);
  try {
    return await openCursor(system, path, mode, position);
  } finally {
    Reflect.set(Deno, "open", open);
  }
}

const openByDeno = (path: string, mode: CursorMode, position?: number) =>
  openCursor(system, path, mode, position);

for (const open of [openByDeno, openByNode]) {
  Deno.test(`openCursor: a file is made, gone on with, and read from a position, ${open.name}`, async () => {
    await using folder = await tempFolder();
    const path = `${folder.path}/file`;
    const made = await open(path, "create");
    await made.write(new TextEncoder().encode("01234"));
    await made.write(new TextEncoder().encode("56"));
    await made.sync();
    await made.close();
    const updated = await open(path, "update", 3);
    await updated.write(new TextEncoder().encode("abcdef"));
    await updated.close();
    assertEquals(await Deno.readTextFile(path), "012abcdef");
    const read = await open(path, "read", 2);
    const view = new Uint8Array(4);
    assertEquals(await read.read(view), 4);
    assertEquals(new TextDecoder().decode(view), "2abc");
    assertEquals(await read.read(view), 3);
    assertEquals(await read.read(view), 0);
    await read.close();
  });

  Deno.test(`openCursor: what is missing, and what is there already, ${open.name}`, async () => {
    await using temp = await tempFolder();
    const folder = temp.path;
    for (const mode of ["read", "update"] as const) {
      const error = await assertRejects(() => open(`${folder}/none`, mode));
      assertEquals(isMissing(error), true, mode);
    }
    assertEquals(isMissing(await assertRejects(() => open(`${folder}/none/x`, "create"))), true);
    assertEquals(isMissing(await assertRejects(() => open("x".repeat(5_000), "read"))), true);
    await Deno.writeTextFile(`${folder}/there`, "x");
    const error = await assertRejects(() => open(`${folder}/there`, "create"));
    assertEquals([isMissing(error), (error as { code?: string }).code], [false, "EEXIST"]);
  });
}

Deno.test("openCursor: reads that take long are left to another thread for a while", async () => {
  const { open, now } = { open: Deno.open, now: performance.now };
  let [time, sync, elsewhere] = [0, 0, 0];
  const slow = [false, true, false];
  const fake = {
    readSync() {
      time += slow[sync++] ? 5 : 0.1; // milliseconds
      return 1;
    },
    read: () => Promise.resolve(++elsewhere),
    close() {},
  };
  Reflect.set(Deno, "open", () => Promise.resolve(fake));
  performance.now = () => time;
  try {
    const cursor = await openCursor(system, "file", "read");
    const counts: [number, number][] = [];
    for (let read = 0; read < 67; read++) {
      await cursor.read(new Uint8Array(1));
      counts.push([sync, elsewhere]);
    }
    assertEquals(counts.slice(0, 3), [[1, 0], [2, 0], [2, 1]]);
    assertEquals(counts.slice(65), [[2, 64], [3, 64]]);
  } finally {
    performance.now = now;
    Reflect.set(Deno, "open", open);
  }
});
