/** The longest foreign text that an error message repeats, in characters. */
const MAX_QUOTED = 120;

/** What JSON leaves as it is, and a terminal or an editor obeys: C1 controls, marks of direction. */
const INVISIBLE = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A foreign value for an error message: texts escaped in quotation marks, cut where it is long. */
export function quoted(value: unknown): string {
  const text = typeof value === "string"
    ? JSON.stringify(cut(value))
    : cut(typeof value === "object" ? JSON.stringify(value) : String(value));
  return text.replace(INVISIBLE, (found) => `\\u{${found.codePointAt(0)!.toString(16)}}`);
}

function cut(text: string): string {
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
}
