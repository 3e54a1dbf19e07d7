import { Secrets } from "../transport/secrets.ts";
import type { Identity } from "./credential.ts";
import { basicAuthorization } from "./identity.ts";

/** How much of a token service's words a message repeats, in characters. */
const WORDS_KEPT = 300;

/** Remembers whatever of an identity goes along with requests. */
export function learnIdentity(secrets: Secrets, identity: Identity): void {
  const { username, password, refreshToken, accessToken } = identity ?? {};
  if (username !== undefined && password !== undefined) {
    secrets.learn(basicAuthorization(username, password));
  }
  secrets.add(refreshToken);
  secrets.add(accessToken);
}

/**
 * A token service's words as a message may repeat them: on one line, cut, and without what was
 * sent: some services quote the password they refuse, in one encoding or another.
 */
export function redactSecrets(
  words: string,
  identity: Identity,
  secrets: Secrets = new Secrets(),
): string {
  learnIdentity(secrets, identity);
  const text = secrets.redact(words).replace(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim();
  return text.length > WORDS_KEPT ? `${text.slice(0, WORDS_KEPT)}…` : text;
}
