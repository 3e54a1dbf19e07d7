import { builtin, runtimeName } from "../runtime/builtin.ts";
import { type Bytes, concatBytes } from "./bytes.ts";
import type { HashAlgorithm, Hasher, NodeCrypto } from "./hash.ts";

/**
 * So few bytes are hashed by WebCrypto on Deno, where `node:crypto` takes 20 ms to load: a program that
 * only looks at a registry, or copies from one to another, never needs it.
 */
const FEW_BYTES = 131_072;

/** WebCrypto hashes on another thread: to wait for it so often costs as much time as the loading. */
const FEW_HASHES = 32;

/** How many hashes WebCrypto was left to. */
let byWeb = 0;

/** Deno's own hash, once it is loaded. */
let createHash: NonNullable<NodeCrypto["createHash"]> | undefined;

/** A hasher for where `node:crypto` is missing, or takes long to load: Deno's own if that is loaded already. */
export async function createWebHasher(algorithm: HashAlgorithm): Promise<Hasher> {
  if (runtimeName() !== "deno") return await createPortableHasher(algorithm);
  const few = createHash === undefined && ++byWeb <= FEW_HASHES;
  return few ? new LateHasher(algorithm) : loadHash()(algorithm);
}

/** Plain JavaScript, loaded when asked for. */
export async function createPortableHasher(algorithm: HashAlgorithm): Promise<Hasher> {
  const { sha256, sha512 } = await import("@noble/hashes/sha2.js");
  return (algorithm === "sha256" ? sha256 : sha512).create();
}

/** Deno's own hash, which is loaded; a server does that before the first client waits for it. */
export function loadHash(): NonNullable<NodeCrypto["createHash"]> {
  return createHash ??= builtin<NodeCrypto>("crypto")!.createHash!;
}

/** Keeps few bytes, and loads Deno's own hash when more have come. */
class LateHasher implements Hasher {
  readonly #algorithm: HashAlgorithm;
  #kept: Bytes[] = [];
  #size = 0;
  #native: Hasher | undefined;

  constructor(algorithm: HashAlgorithm) {
    this.#algorithm = algorithm;
  }

  update(bytes: Uint8Array): void {
    this.#size += bytes.byteLength;
    if (this.#size > FEW_BYTES) (this.#native ??= this.#loaded()).update(bytes);
    else this.#kept.push(new Uint8Array(bytes)); // a copy: the caller may write over its own
  }

  async digest(): Promise<Uint8Array> {
    if (this.#native !== undefined) return this.#native.digest();
    const name = this.#algorithm.replace("sha", "SHA-");
    return new Uint8Array(await crypto.subtle.digest(name, concatBytes(this.#kept)));
  }

  #loaded(): Hasher {
    const native = loadHash()(this.#algorithm);
    for (const piece of this.#kept) native.update(piece);
    this.#kept = [];
    return native;
  }
}
