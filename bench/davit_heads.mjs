/**
 * Asks for the heads of many manifests, 32 at once, and prints the milliseconds that they took, the
 * program's start and its first token left out: what the benchmark measures, on any runtime.
 * `davit_heads.mjs REPOSITORY USERNAME PASSWORD COUNT REALM`: the tags are t0, t1, …
 */
import { RegistryClientV2 } from "@davit/registry-client";
import process from "node:process";

const AT_ONCE = 32;

const [name, username, password, count, realm] = process.argv.slice(2);
const trustedRealms = { [name.split("/")[0]]: realm };
const client = new RegistryClientV2({ name, username, password, trustedRealms });
await client.headManifest({ ref: "t0" });
let next = 0;
async function work() {
  while (next < Number(count)) await client.headManifest({ ref: `t${next++}` });
}
const start = performance.now();
await Promise.all(Array.from({ length: AT_ONCE }, work));
process.stdout.write(`${(performance.now() - start).toFixed(1)}\n`);
