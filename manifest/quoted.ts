/** The longest foreign text that an error message repeats, in characters. */
const MAX_QUOTED = 120;

/** A foreign value for an error message: texts escaped in quotation marks, cut where it is long. */
export function quoted(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(cut(value));
  return cut(typeof value === "object" ? JSON.stringify(value) : String(value));
}

function cut(text: string): string {
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
}
