import type { Digest } from "../content/digest.ts";
import { BadDigestError, InvalidOptionError, SizeMismatchError } from "../errors.ts";

/** The error for content with another digest. */
export function badDigest(expected: Digest, actual: Digest): BadDigestError {
  return new BadDigestError(`Cannot write ${expected}: the bytes have the digest ${actual}`, {
    expected,
    actual,
  });
}

/** The error for content that is shorter or longer than its descriptor says. */
export function sizeMismatch(digest: Digest, expected: number, actual: number): SizeMismatchError {
  const comparison = actual > expected ? "more" : "fewer";
  return new SizeMismatchError(
    `Cannot write ${digest}: there are ${comparison} bytes than the ${expected} declared`,
    { expected, actual },
  );
}

/**
 * Checks where bytes of a partial blob are written.
 *
 * @throws {InvalidOptionError} When the offset is not a count of bytes.
 * @throws {SizeMismatchError} When they go past the content's end.
 */
export function checkPlace(digest: Digest, size: number, offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new InvalidOptionError(
      `Cannot write as 'offset' must be a count of bytes: current value is ${offset}`,
    );
  }
  if (offset + length > size) throw sizeMismatch(digest, size, offset + length);
}
