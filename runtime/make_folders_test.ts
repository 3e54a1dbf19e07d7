import { assertEquals, assertRejects } from "@std/assert";
import { fileSystem } from "./files.ts";
import { makeFolders } from "./make_folders.ts";

Deno.test("makeFolders: those above too, and which was the first", async () => {
  const system = fileSystem()!;
  const folder = await Deno.makeTempDir();
  try {
    assertEquals(await makeFolders(system, `${folder}/a/b/c`), `${folder}/a`);
    assertEquals(await makeFolders(system, `${folder}/a/b/c`), undefined);
    assertEquals(await makeFolders(system, `${folder}/a/b/d/`), `${folder}/a/b/d/`);
    const all = ["x/1", "x/2", "x/1/3"].map((name) => makeFolders(system, `${folder}/${name}`));
    await Promise.all(all);
    await Deno.writeTextFile(`${folder}/file`, "");
    const rejected = [`${folder}/file`, `${folder}/file/in`, `${folder}/file/in/it`];
    for (const path of rejected) await assertRejects(() => makeFolders(system, path));
    await Deno.symlink(`${folder}/a`, `${folder}/link`);
    assertEquals(await makeFolders(system, `${folder}/link`), undefined);
    assertEquals(await makeFolders(system, `${folder}/link/e`), `${folder}/link/e`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("makeFolders: a disk that takes no folders, as /proc: an end", async () => {
  const made: string[] = [];
  const missing = Object.assign(new Error("ENOENT"), { code: "ENOENT" });
  const exists = Object.assign(new Error("EEXIST"), { code: "EEXIST" });
  const system = {
    mkdir: (path: string) => (made.push(path), Promise.reject(path === "/proc" ? exists : missing)),
    stat: (path: string) =>
      path === "/proc" ? Promise.resolve({ isDirectory: () => true }) : Promise.reject(missing),
  };
  await assertRejects(() => makeFolders(system, "/proc/a/b"), Error, "ENOENT");
  assertEquals(made, ["/proc/a/b", "/proc/a", "/proc", "/proc/a"]);
});
