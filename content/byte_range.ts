/** A part of some content. */
interface ByteRange {
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
  // Cut at the signs: a pattern with spaces in several places takes quadratic time.
  const [unit, set] = cut(header ?? "", "=");
  if (unit.toLowerCase() !== "bytes" || set === undefined || set.includes(",")) return undefined;
  const [first, last] = cut(set, "-");
  if (last === undefined || !/^[0-9]*$/.test(first) || !/^[0-9]*$/.test(last)) {
    return "unsatisfiable";
  }
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

/** What stands before and behind the first sign, without the spaces around. */
function cut(text: string, sign: string): [before: string, behind?: string] {
  const at = text.indexOf(sign);
  return at === -1 ? [text.trim()] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}
