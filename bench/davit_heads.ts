/**
 * Asks for the heads of many manifests and prints the milliseconds that they took, the program's
 * start and its first token left out: what the benchmark measures.
 * `davit_heads.ts REPOSITORY USERNAME PASSWORD COUNT REALM`: the tags are t0, t1, …
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { inParallel } from "./in_parallel.ts";

const [name, username, password, count, realm] = Deno.args;
const client = new RegistryClientV2({
  name: name!,
  username: username!,
  password: password!,
  trustedRealms: { [name!.split("/")[0]!]: realm! },
});
const tags = Array.from({ length: Number(count) }, (_, number) => `t${number}`);
await client.headManifest({ ref: "t0" });
const start = performance.now();
await inParallel(tags, (ref) => client.headManifest({ ref }));
console.log((performance.now() - start).toFixed(1));
