import { encodeBase64 } from "../content/base64.ts";
import { encodeText } from "../content/bytes.ts";
import { basicAuthorization, type Identity } from "./credential.ts";

/** How much of a token service's words a message repeats, in characters. */
const WORDS_KEPT = 300;

/** The shape of a JWT: a header that begins with `{"`, a payload, and mostly a signature. */
const JWT = /\beyJ[\w-]{4,}\.[\w-]+(\.[\w-]*)?/g;

/** What may stand behind the path of a URL: a realm's own parameters may be secrets too. */
const QUERY = /(https?:\/\/[^\s"'<>?]*)\?[^\s"'<>]*/g;

/**
 * A token service's words as a message may repeat them: on one line, cut, and without what was
 * sent: some services quote the password they refuse, in one encoding or another.
 */
export function redactSecrets(words: string, identity: Identity): string {
  let text = words;
  for (const secret of spellings(identity)) text = text.replaceAll(secret, "***");
  text = text.replace(JWT, "***").replace(QUERY, "$1?…").replace(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim();
  return text.length > WORDS_KEPT ? `${text.slice(0, WORDS_KEPT)}…` : text;
}

/** Every spelling of the secrets that a request may have carried, the longest first. */
function spellings({ username = "", password, ...tokens }: NonNullable<Identity> = {}): string[] {
  const found = new Set<string>();
  for (const secret of [password, tokens.refreshToken, tokens.accessToken]) {
    if (!secret) continue;
    found.add(secret);
    found.add(encodeURIComponent(secret));
    found.add(new URLSearchParams({ s: secret }).toString().slice("s=".length));
    found.add(JSON.stringify(secret).slice(1, -1));
    found.add(encodeBase64(encodeText(secret)));
  }
  if (password) found.add(basicAuthorization(username, password).slice("Basic ".length));
  return [...found].sort((a, b) => b.length - a.length);
}
