import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { digestOf } from "./digest_of.ts";
import type { HashAlgorithm } from "./hasher.ts";

/** The descriptor of bytes in memory. */
export async function describeBytes(
  bytes: Uint8Array,
  mediaType: string,
  algorithm?: HashAlgorithm,
): Promise<Descriptor & { digest: Digest }> {
  return { mediaType, digest: await digestOf(bytes, algorithm), size: bytes.byteLength };
}
