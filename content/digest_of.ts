import { type Digest, toDigest } from "./digest.ts";
import { createHasher, type HashAlgorithm } from "./hasher.ts";

/** The digest of bytes in memory. */
export async function digestOf(
  bytes: Uint8Array,
  algorithm: HashAlgorithm = "sha256",
): Promise<Digest> {
  const hasher = await createHasher(algorithm);
  hasher.update(bytes);
  return toDigest(algorithm, await hasher.digest());
}
