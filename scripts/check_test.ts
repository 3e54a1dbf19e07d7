import { assertEquals, assertStringIncludes } from "@std/assert";
import { browserCheck } from "./check.ts";
import { tempFolder } from "./temp_folder.ts";

const REFUSED: [name: string, text: string, complaint: string][] = [
  ["deno", "export const a: unknown = Deno.args;", "Cannot find name 'Deno'"],
  ["process", "export const a: unknown = process.env;", "Cannot find name 'process'"],
  ["buffer", "export const a: unknown = Buffer.from('');", "Cannot find name 'Buffer'"],
];

Deno.test("browserCheck: an entry point sees what a browser has, and no more", async (t) => {
  await using folder = await tempFolder();
  const write = async (name: string, text: string) => {
    const path = `${folder.path}/${name}.ts`;
    await Deno.writeTextFile(path, text);
    return path;
  };

  await t.step("web APIs, and a type of node:", async () => {
    const { success, output } = await browserCheck([
      await write("web", "export const a: Promise<Response> = fetch('x');"),
      await write("type", "import type { Stats } from 'node:fs'; export type A = Stats;"),
    ]);
    assertEquals(success, true, output);
  });

  await t.step("Deno, process, Buffer", async () => {
    const files = await Promise.all(REFUSED.map(([name, text]) => write(name, text)));
    const { success, output } = await browserCheck(files);
    assertEquals(success, false);
    for (const [at, [, , complaint]] of REFUSED.entries()) {
      assertStringIncludes(output, complaint);
      assertStringIncludes(output, files[at]!);
    }
  });

  await t.step("node: behind another file", async () => {
    const other = "\nimport { readFile } from 'node:fs';\nexport const b: unknown = readFile;\n";
    await write("other", other);
    const { success, output } = await browserCheck([
      await write("entry", "export * from './other.ts';"),
    ]);
    assertEquals(success, false);
    assertStringIncludes(output, "other.ts:2: a browser has no node:fs");
  });
});
