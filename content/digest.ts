import { encodeHex } from "./hex.ts";
import { InvalidDigestError } from "../errors.ts";
import type { HashAlgorithm } from "./hasher.ts";

/** A digest whose grammar has been checked: `algorithm:encoded`. */
export type Digest = string & { readonly "~checked": "digest" };

/** The algorithms known here, whose lengths are known too, and all others. */
const GRAMMAR =
  /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|(?!sha(?:256|512):)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+)$/;

/** What a digest is, in the words of messages. */
export const DIGEST_GRAMMAR =
  "algorithm:encoded, with 64 lower-case hexadecimal digits for sha256 and 128 for sha512";

/** Whether a text is a digest: well-formed, and of the right length where the algorithm is known. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && GRAMMAR.test(text);
}

/** Shorter than any digest that is of use, and longer than any tag that has been seen. */
const SHORTEST = 32;

/**
 * Whether a reference is a digest: `app:v1` has the grammar of one, with an algorithm that is not known
 * here, and is a name in folders and archives.
 */
export function isDigestReference(reference: string): reference is Digest {
  return isDigest(reference) && digestEncoded(reference).length >= SHORTEST;
}

/**
 * Checks a digest's grammar. Algorithms that nobody here can compute are well-formed too.
 *
 * @throws {InvalidDigestError} When the text is not a digest.
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new InvalidDigestError(
    `Cannot use ${quote(text)} as a digest: it must be ${DIGEST_GRAMMAR}${hint(text)}`,
  );
}

/**
 * The algorithm of a digest that davit can compute.
 *
 * @throws {InvalidDigestError} When it is neither sha256 nor sha512.
 */
export function hashAlgorithm(digest: Digest): HashAlgorithm {
  const [algorithm] = digest.split(":");
  if (algorithm === "sha256" || algorithm === "sha512") return algorithm;
  throw new InvalidDigestError(
    `Cannot verify ${digest}: the algorithm must be sha256 or sha512${hint(digest)}`,
  );
}

/** What is said of `ghcr.io/you/app:v1`, and of `app:v1`, which has a digest's grammar. */
function hint(text: string): string {
  return /[/@]|^(?!sha).+:.{1,31}$/.test(text) ? ". Give the tag or digest alone" : "";
}

/** The encoded part of a digest. */
export function digestEncoded(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** A digest from a finished hash. */
export function toDigest(algorithm: HashAlgorithm, hash: Uint8Array): Digest {
  return `${algorithm}:${encodeHex(hash)}` as Digest;
}

function quote(text: unknown): string {
  if (typeof text !== "string") return text === null ? "null" : typeof text;
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
