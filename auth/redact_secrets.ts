import { encodeBase64 } from "../content/base64.ts";
import { encodeText } from "../content/bytes.ts";
import { basicAuthorization, type Credential } from "./credential.ts";

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
export function redactSecrets(words: string, credential: Readonly<Credential> | undefined): string {
  let text = words;
  for (const secret of spellings(credential)) text = text.replaceAll(secret, "***");
  text = text.replace(JWT, "***").replace(QUERY, "$1?…").replace(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim();
  return text.length > WORDS_KEPT ? `${text.slice(0, WORDS_KEPT)}…` : text;
}

/** Every spelling of the secrets that a request may have carried, the longest first. */
function spellings(credential: Readonly<Credential> | undefined): string[] {
  const { username = "", password, refreshToken, accessToken } = credential ?? {};
  const secrets = [password, refreshToken, accessToken].filter((secret) => secret !== undefined);
  const found = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams({ s: secret }).toString().slice("s=".length),
    JSON.stringify(secret).slice(1, -1),
    encodeBase64(encodeText(secret)),
  ]);
  if (password !== undefined) {
    found.push(basicAuthorization(username, password).slice("Basic ".length));
  }
  return [...new Set(found)].filter(Boolean).sort((a, b) => b.length - a.length);
}
