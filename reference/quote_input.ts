/** How much of a bad input a message repeats, in characters: enough to find it, not to flood a log. */
const SHOWN_CHARACTERS = 200;

/** A host, where what follows it is a path with an `@` in it. */
const HOST = /^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+|localhost)(?::\d{1,5})?\//i;

const SCHEME = /^[a-zA-Z][a-zA-Z0-9+.-]{0,15}:\/\//;

/**
 * A bad input as an error message shows it: quoted, cut at 200 characters, without control and
 * other invisible characters, and without what may be a password or a token.
 *
 * `where` says what stands before an `@`: in a registry it is always user information; in a
 * reference it is a name and tag where a digest follows.
 */
export function quoteInput(input: unknown, where: "reference" | "registry" = "reference"): string {
  if (typeof input !== "string") return input === null ? "null" : typeof input;
  const text = hideSecrets(input, where);
  const shown = JSON.stringify(text.slice(0, SHOWN_CHARACTERS)).slice(1, -1)
    .replace(/[^\x20-\x7e\p{L}\p{N}]/gu, (character) => `\\u{${hex(character)}}`);
  return `"${shown}${text.length > SHOWN_CHARACTERS ? "…" : ""}"`;
}

function hex(character: string): string {
  return character.codePointAt(0)!.toString(16);
}

function hideSecrets(text: string, where: "reference" | "registry"): string {
  const scheme = SCHEME.exec(text)?.[0] ?? "";
  let rest = text.slice(scheme.length);
  let at = rest.lastIndexOf("@");
  // In front of a digest's "@", another one ends a user and a password.
  const isDigest = DIGEST.test(rest.slice(at + 1));
  const before = isDigest && at > 0 ? rest.lastIndexOf("@", at - 1) : -1;
  if (before !== -1) at = before;
  const hidden = before !== -1 || where === "registry" ||
    isUserInformation(scheme, rest, at, isDigest);
  if (at !== -1 && hidden) {
    const host = where === "reference" ? HOST.exec(rest.slice(0, at))?.[0] ?? "" : "";
    rest = `${host}***${rest.slice(at)}`;
  }
  return scheme + rest.replace(/[?#][^]+$/, (query) => `${query[0]}***`);
}

/** A digest, or what should be one: behind a host's colon stand digits alone. */
const DIGEST = /^(?:(?:sha\d+|blake3):|[a-z][a-z0-9+._-]*:(?!\d{1,5}$))[^/]*$/i;

// A digest holds no "/" and does hold a ":"; what stands before anything else may be a password.
function isUserInformation(scheme: string, rest: string, at: number, isDigest: boolean): boolean {
  if (rest.indexOf("/", at) !== -1) return true;
  const before = rest.slice(0, at);
  if (scheme !== "" && (!before.includes("/") || !isDigest)) return true;
  return before.includes(":") && at + 1 < rest.length && !rest.includes(":", at);
}
