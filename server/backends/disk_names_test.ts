import { assertEquals } from "@std/assert";
import type { RepositoryName } from "../../reference/repository_name.ts";
import { fileSystem } from "../../runtime/files.ts";
import { tempFolder } from "../../scripts/temp_folder.ts";
import { findRepositories, repositoryFolder } from "./disk_names.ts";

const FOLDERS: [name: string, folder: string][] = [
  ["app", "app"],
  ["library/alpine", "library/alpine"],
  ["a/b__c/d.e--f", "a/b__c/d.e--f"],
  ["blobs", "_blobs"],
  ["a/blobs", "a/_blobs"],
  ["a/blobs/sha256", "a/_blobs/sha256"],
  ["a/index.json", "a/_index.json"],
  ["oci-layout/oci-layout", "_oci-layout/_oci-layout"],
  ["blobs2/my-blobs", "blobs2/my-blobs"],
  ["con/nul.txt/com1", "_con/_nul.txt/_com1"],
  ["console/com10/lpt", "console/com10/lpt"],
];

for (const [name, folder] of FOLDERS) {
  Deno.test(`repositoryFolder: ${name}`, () =>
    assertEquals(repositoryFolder(name as RepositoryName), folder));
}

async function found(root: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of findRepositories(fileSystem()!, root)) names.push(name);
  return names.sort();
}

Deno.test("findRepositories: every folder that is a layout, and nothing else", async () => {
  await using temp = await tempFolder();
  const root = temp.path;
  assertEquals(await found(`${root}/none`), []);
  for (const [, folder] of FOLDERS) {
    await Deno.mkdir(`${root}/${folder}/blobs/sha256`, { recursive: true });
    await Deno.writeTextFile(`${root}/${folder}/oci-layout`, "{}");
  }
  const strays = [
    ".uploads/app",
    "a/.partial",
    "UPPER",
    "_app",
    "a/blobs/x",
    "b/_c",
    "a b",
    "-x",
  ];
  for (const stray of strays) {
    await Deno.mkdir(`${root}/${stray}`, { recursive: true });
    await Deno.writeTextFile(`${root}/${stray}/oci-layout`, "{}");
  }
  await Deno.writeTextFile(`${root}/file`, "");
  await Deno.symlink(root, `${root}/loop`);
  await Deno.symlink(`${root}/app`, `${root}/link`);
  await Deno.writeTextFile(`${root}/oci-layout`, "{}");
  assertEquals(await found(root), FOLDERS.map(([name]) => name).sort());
});
