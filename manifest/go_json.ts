/** What {@linkcode goJson} encodes. An object is a struct, and keeps its order; a `Map` is sorted. */
export type GoValue =
  | string
  | number
  | boolean
  | null
  | readonly GoValue[]
  | ReadonlyMap<string, GoValue>
  | { readonly [field: string]: GoValue | undefined };

/**
 * A value as Go's `encoding/json` writes it, to the byte: no spaces, maps sorted by their UTF-8 bytes,
 * `<`, `>`, `&`, U+2028 and U+2029 escaped, half a surrogate pair replaced. Digests are made of these
 * bytes, and with them the names of repositories.
 *
 * @see https://pkg.go.dev/encoding/json#Marshal
 */
export function goJson(value: GoValue): string {
  if (typeof value === "string") return goString(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(goJson).join(",")}]`;
  // An object would put keys that are integers first.
  const members = value instanceof Map
    ? [...value].sort(([one], [other]) => compareCodePoints(one, other))
    : Object.entries(value);
  const written = members.flatMap(([name, member]) =>
    member === undefined ? [] : `${goString(name)}:${goJson(member)}`
  );
  return `{${written.join(",")}}`;
}

function goString(text: string): string {
  return JSON.stringify(text.replace(/\p{Surrogate}/gu, "\ufffd")).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The order of UTF-8's bytes is that of code points; JavaScript's own is that of UTF-16's units. */
export function compareCodePoints(one: string, other: string): number {
  const [a, b] = [[...one], [...other]];
  const at = a.findIndex((char, index) => char !== b[index]);
  if (at < 0) return a.length - b.length;
  return b[at] === undefined ? 1 : a[at]!.codePointAt(0)! - b[at]!.codePointAt(0)!;
}
