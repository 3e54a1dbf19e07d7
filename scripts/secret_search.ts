/**
 * Looks for the secrets of tests in what they make the library tell. A test's secret holds one of
 * {@linkcode MARKS}; and whatever goes into an `Authorization` header is one, from then on.
 */

/** What a password or token of a test has in it, so that it is found in any text. */
export const MARKS = ["hunter2", "5ecret", "s3cret"];

/** What a line begins with that tells of a secret that was told. */
export const ALARM = "a secret is told:";

/** Shorter ones, "x" and "secret" and "a password", stand in harmless sentences too. */
const SHORTEST_LEARNED = 12;

/** A signed token, as registries give them. */
const JWT = /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/;

/** A text, its form in URLs, and each of the three ways in which it stands in base64. */
function spellings(mark: string): string[] {
  const base64 = ["", "x", "xx"].map((before) => {
    const encoded = btoa(before + mark);
    // What other bytes have a part in, before and behind, is left out.
    return encoded.slice(before === "" ? 0 : before.length + 1).replace(/.(=+)$|.{2}$/, "");
  });
  return [mark, ...base64];
}

export class SecretSearch {
  readonly #marks = MARKS.flatMap(spellings);
  readonly #learned = new Set<string>();

  learn(authorization: string | null | undefined): void {
    const [, scheme, value = ""] = /^(\w+) +(\S+)$/.exec(authorization ?? "") ?? [];
    const found = [value];
    if (scheme?.toLowerCase() === "basic") {
      try {
        found.push(atob(value).replace(/^[^:]*:/, ""));
      } catch { /* a header that a test made up */ }
    }
    for (const secret of found) {
      if (secret.length >= SHORTEST_LEARNED) this.#learned.add(secret);
    }
  }

  /** What kinds of secrets are in a text; none is shown. */
  in(text: string): string[] {
    const kinds: string[] = [];
    if (this.#marks.some((mark) => text.includes(mark))) kinds.push("a marked secret");
    if (JWT.test(text)) kinds.push("a signed token");
    for (const secret of this.#learned) {
      if (!text.includes(secret)) continue;
      kinds.push("what an Authorization header held");
      break;
    }
    return kinds;
  }
}
