import { assertEquals, assertThrows } from "@std/assert";
import { npmRange } from "./project.ts";
import { graphOf, packageName } from "./source_graph.ts";
import { packageSpecifier } from "./with_npm_tools.ts";

const ROOT = "file:///project/";

Deno.test("graphOf: files, the standard library's modules and npm's packages", () => {
  const graph = graphOf([
    { specifier: "file:///tmp/entries.ts", dependencies: [{ specifier: `${ROOT}mod.ts` }] },
    {
      specifier: `${ROOT}mod.ts`,
      dependencies: [
        { specifier: "./a/b.ts", code: { specifier: `${ROOT}a/b.ts` } },
        { specifier: "jose", type: { specifier: "npm:/jose@6.0.0" } },
      ],
    },
    {
      specifier: `${ROOT}a/b.ts`,
      dependencies: [
        { specifier: "@std/path", code: { specifier: `${ROOT}scripts/npm_std/path.ts` } },
        {
          specifier: "@noble/hashes/sha2.js",
          code: { specifier: "npm:/@noble/hashes@2.4.0/sha2.js" },
        },
      ],
    },
    {
      specifier: `${ROOT}scripts/npm_std/path.ts`,
      dependencies: [{
        specifier: "npm:std@1.0.0/path/mod.js",
        code: { specifier: "npm:std@1.0.0/path/mod.js" },
        type: { specifier: `${ROOT}scripts/npm_std/path.d.ts` },
      }],
    },
  ], ROOT);
  assertEquals([...graph.files], [
    ["mod.ts", ["./a/b.ts", "jose"]],
    ["a/b.ts", ["@std/path", "@noble/hashes/sha2.js"]],
  ]);
  assertEquals([...graph.standard.values()], [{
    specifier: "@std/path",
    npmPackage: "std@1.0.0",
    code: "std/path/mod.js",
    types: "/project/scripts/npm_std/path.d.ts",
  }]);
  // What only types need is not installed.
  assertEquals(graph.packages, ["@noble/hashes"]);
});

Deno.test("graphOf: an import that leads nowhere", () => {
  const dependencies = [{ specifier: "./b.ts", code: { error: "not found" } }];
  assertThrows(
    () => graphOf([{ specifier: `${ROOT}mod.ts`, dependencies }], ROOT),
    Error,
    "Cannot read mod.ts: not found",
  );
});

Deno.test("packageName: with and without scope, version and path", () => {
  const names: Record<string, string> = {
    "jose": "jose",
    "jose@6.0.0": "jose",
    "jose/jwt": "jose",
    "@noble/hashes@2.4.0/sha2.js": "@noble/hashes",
    "@noble/hashes/sha2.js": "@noble/hashes",
  };
  for (const [specifier, name] of Object.entries(names)) assertEquals(packageName(specifier), name);
});

Deno.test("npmRange: the range that the import map names", () => {
  const imports = {
    "@noble/hashes/": "npm:/@noble/hashes@^2.4.0/",
    "@std/path": "jsr:@std/path@^1.1.3",
    "jose": "npm:jose@^6.2.17",
  };
  assertEquals(npmRange(imports, "@noble/hashes"), "^2.4.0");
  assertEquals(npmRange(imports, "jose"), "^6.2.17");
  assertThrows(() => npmRange(imports, "@std/path"), Error, "Cannot find @std/path in deno.json");
});

Deno.test("packageSpecifier: what a file of the package imports in the end", () => {
  const cases: [file: string, specifier: string, expected: string][] = [
    ["mod.ts", "./errors.ts", "./errors.js"],
    ["a/b.ts", "../errors.ts", "../errors.js"],
    ["mod.ts", "@std/path", "./deps/std/path.js"],
    ["a/b/c.ts", "@std/encoding/hex", "../../deps/std/encoding/hex.js"],
    ["a/b.ts", "@noble/hashes/sha2.js", "@noble/hashes/sha2.js"],
  ];
  for (const [file, specifier, expected] of cases) {
    assertEquals(packageSpecifier(file, specifier), expected);
  }
});
