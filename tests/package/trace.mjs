/** Prints the stack traces of two errors: `node --enable-source-maps trace.mjs import | require`. */
import { createRequire } from "node:module";
import process from "node:process";

const PACKAGE = "@davit/registry-client";
const { RegistryClientV2 } = process.argv[2] === "import"
  ? await import(PACKAGE)
  : createRequire(import.meta.url)(PACKAGE);

try {
  new RegistryClientV2({ name: "localhost:5000/A" });
} catch (error) {
  process.stdout.write(`${error.stack}\n`);
}
const client = new RegistryClientV2({ name: "localhost:5000/app" });
const digest = `sha256:${"0".repeat(64)}`;
const upload = client.startBlobUpload({ digest, data: new Uint8Array(1) });
const error = await upload.catch((error) => error);
process.stdout.write(`${error.stack}\n`);
