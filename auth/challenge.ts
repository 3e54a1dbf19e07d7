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
  const scanner = new Scanner(header ?? "");
  const challenges: Challenge[] = [];
  let params: Map<string, string> | undefined;
  while (scanner.skipSeparators()) {
    const word = scanner.token();
    if (word === "") {
      scanner.skipOne();
      continue;
    }
    const spaced = scanner.skipSpaces();
    if (scanner.take("=")) {
      scanner.skipSpaces();
      const name = word.toLowerCase();
      const value = scanner.value();
      if (params !== undefined && !params.has(name)) params.set(name, value);
      continue;
    }
    params = new Map();
    const token68 = spaced ? scanner.token68() : undefined;
    challenges.push({
      scheme: word.toLowerCase(),
      params,
      ...(token68 !== undefined && { token68 }),
    });
  }
  return challenges;
}

const SPACE = /[ \t]*/y;
const SEPARATORS = /[ \t,]*/y;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]*/y;
/** Ends at a comma or the end: else it is a parameter's name and `=`. */
const TOKEN68 = /([A-Za-z0-9\-._~+/]+=*)[ \t]*(?=,|$)/y;
/** Values that should be quoted and are not, URLs above all, go up to a comma or space. */
const BARE_VALUE = /[^ \t,]*/y;

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Skips what may stand between challenges; answers whether anything is left. */
  skipSeparators(): boolean {
    this.#match(SEPARATORS);
    return this.#at < this.#text.length;
  }

  skipSpaces(): boolean {
    return this.#match(SPACE) !== "";
  }

  skipOne(): void {
    this.#at++;
  }

  take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  token(): string {
    return this.#match(TOKEN);
  }

  token68(): string | undefined {
    TOKEN68.lastIndex = this.#at;
    const match = TOKEN68.exec(this.#text);
    if (match === null) return undefined;
    this.#at = TOKEN68.lastIndex;
    return match[1];
  }

  /** A quoted string or a bare value. A quote that never ends takes what is left. */
  value(): string {
    if (!this.take('"')) return this.#match(BARE_VALUE);
    const parts: string[] = [];
    let start = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (character === '"') break;
      if (character === "\\" && this.#at + 1 < this.#text.length) {
        parts.push(this.#text.slice(start, this.#at));
        start = ++this.#at;
      }
    }
    parts.push(this.#text.slice(start, this.#at));
    this.#at++;
    return parts.join("");
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }
}
