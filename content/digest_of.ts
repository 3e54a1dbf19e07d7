import { checkOptions } from "./check_options.ts";
import { type Digest, toDigest } from "./digest.ts";
import { createHasher, type HashAlgorithm } from "./hasher.ts";

/**
 * The digest of bytes in memory.
 *
 * @throws {InvalidOptionError} When they are something else: a text would be hashed on one runtime, and
 * taken for no bytes on another.
 */
export async function digestOf(
  bytes: Uint8Array,
  algorithm: HashAlgorithm = "sha256",
): Promise<Digest> {
  if (!ArrayBuffer.isView(bytes)) checkOptions({ bytes: bytes ?? null }, { bytes: "a Uint8Array" });
  const hasher = await createHasher(algorithm);
  hasher.update(bytes);
  return toDigest(algorithm, await hasher.digest());
}
