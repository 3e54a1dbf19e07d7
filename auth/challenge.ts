/** One challenge of a `WWW-Authenticate` header. */
export interface Challenge {
  /** The scheme in lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** The parameters; their names are in lower case, and the first of several alike counts. */
  readonly params: ReadonlyMap<string, string>;
  /** What some schemes carry in place of parameters. */
  readonly token68?: string;
}

/**
 * The challenges of a `WWW-Authenticate` header, in their order. Several headers arrive joined with
 * commas. What cannot be understood is skipped: nothing is ever thrown, and the time is
 * proportional to the header's length.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 * @example
 * ```ts
 * import { parseChallenges } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const [first, second] = parseChallenges(
 *   'Bearer realm="https://auth.example/token",service="registry", Basic realm="registry"',
 * );
 *
 * assertEquals(first?.scheme, "bearer");
 * assertEquals(first?.params.get("realm"), "https://auth.example/token");
 * assertEquals(second?.scheme, "basic");
 * ```
 */
export function parseChallenges(header: string | null): Challenge[] {
  const text = header ?? "";
  const challenges: Challenge[] = [];
  let params: Map<string, string> | undefined;
  for (let at = 0; at < text.length;) {
    PART.lastIndex = at;
    const [part = "", word, value, token68] = PART.exec(text) ?? [];
    at += part.length || 1; // past what is no word
    if (word === undefined) continue;
    const name = word.toLowerCase();
    if (value === undefined) {
      if (challenges.length === MAX_CHALLENGES) break;
      params = new Map();
      challenges.push({ scheme: name, params, ...(token68 !== undefined && { token68 }) });
      continue;
    }
    const from = at;
    if (value === '"') { // one that never ends takes what is left
      while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
      at++;
    }
    if (params === undefined || params.has(name)) continue;
    params.set(name, value === '"' ? text.slice(from, at - 1).replace(/\\([^])/g, "$1") : value);
  }
  return challenges;
}

/** More than any registry offers: what follows in a longer header is not looked at. */
const MAX_CHALLENGES = 100;

/** A scheme, or a parameter's name. */
const WORD = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/;
/** Values that should be quoted and are not, URLs above all, go up to a comma or space. */
const VALUE = /[ \t]*=[ \t]*("|[^ \t,]*)/;
/** Ends at a comma or the end: else it is a parameter's name and `=`. */
const TOKEN68 = /[ \t]+([A-Za-z0-9\-._~+/]+=*)[ \t]*(?=,|$)/;
const PART = new RegExp(
  `[ \\t,]*(?:(${WORD.source})(?:${VALUE.source}|${TOKEN68.source})?)?`,
  "y",
);
