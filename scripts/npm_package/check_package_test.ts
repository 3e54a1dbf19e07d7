import { assertEquals } from "@std/assert";
import { importsOf, packageFaults } from "./check_package.ts";
import { packageManifest } from "./manifest.ts";
import { write } from "./run.ts";
import { tempFolder } from "../temp_folder.ts";

const MANIFEST = packageManifest({
  name: "@example/package",
  version: "1.0.0",
  license: "MIT",
  entryPoints: [{ name: ".", file: "mod.ts" }],
  imports: {},
}, { jose: "^6.0.0" });

const GOOD: Record<string, string> = {
  "esm/mod.js": `import { a } from "./a.js";\nimport "jose";\nexport { a };\n`,
  "esm/mod.d.ts": `/** import { b } from "b"; Deno.open */\nexport { a } from "./a.js";\n`,
  "esm/a.js": `export const a = await import("jose/jwt");\n`,
  "esm/a.d.ts": "export declare const a: string;\n",
  "esm/merged/mod.js": `export * from "../a.js";\n`,
  "script/mod.js": `"use strict";\nvar a = require("./a.js");\n`,
  "script/mod.d.ts": `export { a } from "./a.js";\n`,
  "script/a.js": `var jose = require("jose");\n`,
  "script/a.d.ts": "export declare const a: string;\n",
};

const cases: [name: string, files: Record<string, string | undefined>, faults: string[]][] = [
  ["a package that holds together", {}, []],
  ["an entry point without its file", { "script/mod.d.ts": undefined }, [
    ".: there is no ./script/mod.d.ts",
  ]],
  ["an entry point that was not merged", { "esm/merged/mod.js": undefined }, [
    ".: there is no ./esm/merged/mod.js",
  ]],
  ["code that imports a file that is not there", { "esm/mod.js": `export * from "./b.js";` }, [
    "esm/mod.js: there is no ./b.js",
  ]],
  ["code that still imports TypeScript", { "script/a.js": `require("./a.ts");` }, [
    "script/a.js: there is no ./a.ts",
  ]],
  ["code that needs a package nobody installs", { "esm/a.js": `import("@std/path");` }, [
    "esm/a.js: @std/path is not among the dependencies",
  ]],
  ["code that imports a built-in module", { "esm/a.js": `import fs from "node:fs";` }, [
    "esm/a.js: node:fs is not among the dependencies",
  ]],
  ["types of a file without types", { "esm/a.d.ts": undefined }, [
    "esm/mod.d.ts: there is no ./a.js",
  ]],
  ["types of a package", { "esm/a.d.ts": `import type { JWK } from "jose";` }, [
    "esm/a.d.ts: declarations may not need jose",
  ]],
  ["types of a runtime", { "esm/a.d.ts": "export declare const a: Deno.HttpClient;" }, [
    "esm/a.d.ts: declarations may not mention Deno",
  ]],
];

for (const [name, changes, faults] of cases) {
  Deno.test(`packageFaults: ${name}`, async () => {
    await using folder = await tempFolder();
    for (const [file, text] of Object.entries({ ...GOOD, ...changes })) {
      if (text !== undefined) await write(`${folder.path}/${file}`, text);
    }
    assertEquals(await packageFaults(folder.path, MANIFEST), faults);
  });
}

const forms: [name: string, code: string, atOnce: string[], later: string[]][] = [
  ["import and export", `import { a } from "a"; import "b"; export * from "c";`, [
    "a",
    "b",
    "c",
  ], []],
  ["require", `const a = __importStar(require("a"));`, ["a"], []],
  ["import()", `const a = await import("a");`, [], ["a"]],
  ["dnt's import()", `await Promise.resolve().then(() => __importStar(require("a")));`, [], ["a"]],
  ["dnt's, bare", `Promise.resolve().then(() => require("a")); require("a");`, ["a"], ["a"]],
];

for (const [name, code, atOnce, later] of forms) {
  Deno.test(`importsOf: ${name}`, () => assertEquals(importsOf(code), { atOnce, later }));
}
