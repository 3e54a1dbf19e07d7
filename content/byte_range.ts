/** A part of some content. */
export interface ByteRange {
  /** The first byte. */
  offset: number;
  /** How many bytes; at least one. */
  length: number;
}

/**
 * The part that a `Range` header asks for: `a-b`, `a-` or `-n`, cut at the end of the content.
 * Several ranges, and other units than bytes, are answered with the whole, as HTTP allows.
 *
 * @returns The part, `undefined` for the whole, or `"unsatisfiable"` for what cannot be answered.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-range
 */
export function byteRange(
  header: string | null,
  size: number,
): ByteRange | "unsatisfiable" | undefined {
  const unit = /^\s*bytes\s*=(.*)$/i.exec(header ?? "");
  if (unit === null || unit[1]!.includes(",")) return undefined;
  const match = /^\s*([0-9]*)\s*-\s*([0-9]*)\s*$/.exec(unit[1]!);
  if (match === null) return "unsatisfiable";
  const [first, last] = [match[1]!, match[2]!];
  if (first === "") {
    const length = Math.min(Number(last), size);
    if (last === "" || length === 0) return "unsatisfiable";
    return { offset: size - length, length };
  }
  const offset = Number(first);
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  if (offset >= end) return "unsatisfiable";
  return { offset, length: end - offset };
}
