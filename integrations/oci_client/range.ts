/**
 * A range of bytes, as `Content-Range` of an upload's chunk and `Range` of its answer write it.
 *
 * @example
 * ```ts
 * import { Range } from "@davit/registry-client/oci-client";
 * import { assertEquals } from "@std/assert";
 *
 * const { pos, length } = Range.parse("3-5");
 * assertEquals([pos, length], [3, 3]);
 * assertEquals(new Range(3, 3).toString(), "3-5");
 * ```
 */
export class Range {
  /** The first byte; below 0, from the end. */
  readonly pos: number;
  /** How many bytes; `undefined` to the end. */
  readonly length?: number;

  /**
   * Reads `a-b`, `a-` or `-n`.
   *
   * @throws {SyntaxError} When it is something else.
   */
  static parse(text: string): Range {
    const [, first, last] = /^(\d{1,15})?-(\d{1,15})?$/.exec(text) ?? [];
    if (first === undefined && last === undefined) {
      throw new SyntaxError("Cannot read the range: it must be a-b, a- or -n");
    }
    if (first === undefined) return new Range(-Number(last));
    return new Range(
      Number(first),
      last === undefined ? undefined : Number(last) - Number(first) + 1,
    );
  }

  /** A range from a position on. */
  constructor(pos: number, length?: number) {
    this.pos = pos;
    this.length = length;
  }

  /** The text that `parse` reads. */
  toString(): string {
    const { pos, length } = this;
    if (pos < 0) return String(pos);
    return `${pos}-${length === undefined ? "" : pos + length - 1}`;
  }
}
