import { isDigest } from "../../content/digest.ts";
import { quoteInput } from "../../reference/quote_input.ts";

const COMPONENT = /^[a-z0-9]+$/;

/** The name of a hash algorithm, as its components: `sha256` has one, `sha256+b64u` two. */
export class HashAlgorithm extends Array<string> {
  /** What methods such as `map` answer is a plain array. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /**
   * Reads an algorithm's name, whose separators are `+`, `.`, `_` and `-`.
   *
   * @throws {SyntaxError} When it is not one.
   */
  static parse(text: string): HashAlgorithm {
    return new HashAlgorithm(text.split(/[+._-]/));
  }

  /**
   * An algorithm of these components.
   *
   * @throws {SyntaxError} When one is empty, or has other characters than `a` to `z` and digits.
   */
  constructor(components: string[]) {
    super();
    for (const component of components) {
      if (!COMPONENT.test(component)) {
        throw new SyntaxError(`Cannot use ${quoteInput(component)} in a hash algorithm's name`);
      }
      this.push(component);
    }
    if (this.length === 0) throw new SyntaxError("Cannot use no name as a hash algorithm's");
  }

  /** The components with `+` between them. */
  override toString(): string {
    return this.join("+");
  }
}

/**
 * A digest.
 *
 * @example
 * ```ts
 * import { Digest } from "@davit/registry-client/oci-client";
 * import { assertEquals } from "@std/assert";
 *
 * const digest = Digest.parse(`sha256:${"0".repeat(64)}`);
 * assertEquals(digest.algorithm.toString(), "sha256");
 * assertEquals(digest.encoded.length, 64);
 * ```
 */
export class Digest {
  /** The algorithm. */
  readonly algorithm: HashAlgorithm;
  /** What the algorithm made of the content. */
  readonly encoded: string;
  readonly #text: string;

  /**
   * Reads a digest.
   *
   * @throws {SyntaxError} When it is not one.
   */
  static parse(text: string): Digest {
    const colon = text.indexOf(":");
    if (colon < 0) throw new SyntaxError(`Cannot use ${quoteInput(text)} as a digest: no ":"`);
    return new Digest(text.slice(0, colon), text.slice(colon + 1));
  }

  /**
   * A digest of these two parts.
   *
   * @throws {SyntaxError} When they are not a digest's.
   */
  constructor(algorithm: string | HashAlgorithm, encoded: string) {
    this.algorithm = typeof algorithm === "string" ? HashAlgorithm.parse(algorithm) : algorithm;
    this.encoded = encoded;
    this.#text = `${algorithm}:${encoded}`; // with the separators that a name came with
    if (!isDigest(this.#text)) {
      throw new SyntaxError(`Cannot use ${quoteInput(this.#text)} as a digest`);
    }
  }

  /** `algorithm:encoded`. */
  toString(): string {
    return this.#text;
  }
}

/** Hashes what is uploaded, piece by piece. */
export interface Hasher {
  /** The algorithm's name: `sha256`. */
  readonly name: string;
  /** Takes more bytes. */
  update(data: Uint8Array): void;
  /** Ends the hash and answers it, encoded. */
  digest(): string;
}
