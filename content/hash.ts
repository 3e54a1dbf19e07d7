/** The hash algorithms that the specification registers, and that davit computes. */
export type HashAlgorithm = "sha256" | "sha512";

/** An incremental hash. */
export interface Hasher {
  /** Takes more bytes. */
  update(bytes: Uint8Array): unknown;
  /** Ends the hash and answers it; the hasher cannot be used afterwards. */
  digest(): Uint8Array | Promise<Uint8Array>;
}

/** The part of `node:crypto` that is used. */
export interface NodeCrypto {
  createHash?(algorithm: HashAlgorithm): Hasher;
}
