import type { Descriptor } from "../content/descriptor.ts";
import { openRange } from "../content/open_range.ts";
import type { OpenOptions } from "../content/store.ts";
import { SizeMismatchError } from "../errors.ts";

/**
 * The part that `open` is asked for of content that is stored with a size.
 *
 * @throws {SizeMismatchError} When that is not the descriptor's size.
 * @throws {InvalidOptionError} When the part is no place in the content.
 */
export function storedRange(
  { digest, size }: Descriptor,
  stored: number,
  options: OpenOptions,
): { offset: number; length: number } {
  if (stored === size) return openRange(options, size);
  throw new SizeMismatchError(
    `Cannot open ${digest}: it has ${stored} bytes, and the descriptor says ${size}`,
    { expected: size, actual: stored },
  );
}
