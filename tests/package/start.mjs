/**
 * How the package starts: `start.mjs import | require`. Whatever costs time, or is not there on some
 * runtime, throws when it is touched. Prints how many files of the package were loaded by `require`.
 */
import { createRequire } from "node:module";
import process from "node:process";

const require = createRequire(import.meta.url);
const PACKAGE = "@davit/registry-client";

for (const name of ["Response", "Request", "Headers", "fetch", "crypto"]) {
  Object.defineProperty(globalThis, name, {
    get() {
      throw new Error(`the package touches ${name} as it is loaded`);
    },
  });
}
process.getBuiltinModule = (name) => {
  throw new Error(`the package asks for ${name} as it is loaded`);
};

if (process.argv[2] === "import") await import(PACKAGE);
else require(PACKAGE);
const files = Object.keys(require.cache).filter((file) => file.includes(PACKAGE));
process.stdout.write(`${files.length} files\n`);
