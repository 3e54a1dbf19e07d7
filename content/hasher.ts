import { builtin, runtimeName } from "../runtime/builtin.ts";
import type { HashAlgorithm, Hasher, NodeCrypto } from "./hash.ts";

export type { HashAlgorithm, Hasher } from "./hash.ts";

/** What hashes elsewhere, once it is loaded. */
let web: typeof import("./web_hasher.ts") | undefined;

/**
 * An incremental hasher: the runtime's own where it has `node:crypto` (1.2 to 1.4 GB/s), else
 * `@noble/hashes` (about 0.2). WebCrypto cannot hash piece by piece.
 */
export async function createHasher(algorithm: HashAlgorithm): Promise<Hasher> {
  const native = runtimeName() !== "deno" && builtin<NodeCrypto>("crypto")?.createHash;
  if (native) return native(algorithm);
  web ??= await import("./web_hasher.ts");
  return await web.createWebHasher(algorithm);
}
