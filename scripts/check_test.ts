import { assertEquals, assertStringIncludes } from "@std/assert";
import { browserCheck } from "./check.ts";
import { tempFolder } from "./temp_folder.ts";

const cases: [string, string, string | undefined][] = [
  ["web APIs", "export const a: Promise<Response> = fetch('x');", undefined],
  ["a type of node:", "import type { Stats } from 'node:fs'; export type A = Stats;", undefined],
  ["Deno", "export const a: unknown = Deno.args;", "Cannot find name 'Deno'"],
  ["process", "export const a: unknown = process.env;", "Cannot find name 'process'"],
  ["Buffer", "export const a: unknown = Buffer.from('');", "Cannot find name 'Buffer'"],
  [
    "node: behind another file",
    "export * from './other.ts';",
    "other.ts:2: a browser has no node:fs",
  ],
];

Deno.test("browserCheck: an entry point sees what a browser has, and no more", async (t) => {
  await using folder = await tempFolder();
  const other = "\nimport { readFile } from 'node:fs';\nexport const b: unknown = readFile;\n";
  await Deno.writeTextFile(`${folder.path}/other.ts`, other);
  for (const [name, text, complaint] of cases) {
    await t.step(name, async () => {
      await Deno.writeTextFile(`${folder.path}/entry.ts`, text);
      const { success, output } = await browserCheck([`${folder.path}/entry.ts`]);
      assertEquals(success, complaint === undefined, output);
      if (complaint !== undefined) assertStringIncludes(output, complaint);
    });
  }
});
