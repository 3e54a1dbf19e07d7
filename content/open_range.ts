import { InvalidOptionError } from "../errors.ts";
import type { OpenOptions } from "./store.ts";

/**
 * The part of some content that `open` is asked for, checked: an offset up to its size, and a
 * length.
 *
 * @throws {InvalidOptionError} When either is not a count of bytes, or the offset is past the end.
 */
export function openRange(
  { offset = 0, length = Infinity }: OpenOptions,
  size: number,
): { offset: number; length: number } {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > size) {
    throw new InvalidOptionError(
      `Cannot open the content as 'offset' must be a count of bytes up to ${size}: ` +
        `current value is ${offset}`,
    );
  }
  if (length !== Infinity && (!Number.isSafeInteger(length) || length < 0)) {
    throw new InvalidOptionError(
      `Cannot open the content as 'length' must be a count of bytes: current value is ${length}`,
    );
  }
  return { offset, length };
}
