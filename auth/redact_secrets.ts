import { Secrets } from "../transport/secrets.ts";
import type { Identity } from "./credential.ts";
import { basicAuthorization, TOKEN_USER } from "./identity.ts";

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

/** What was refused: as it was given, or what a token service gave for it. */
export type RefusedKind = "given token" | "identity token" | "password" | "service token";

/**
 * Whose credentials were refused, in words for messages. A user name that is a secret too, or stands
 * beside no password and may be one, is not among them.
 *
 * @param status The refusal's: 403 may be about what was asked, rather than about who asked.
 */
export function refusedWords(
  identity: NonNullable<Identity>,
  kind: RefusedKind,
  status: number,
  secrets: Secrets,
): string {
  const who = kind === "given token" ? undefined : shownName(identity, secrets);
  const what = kind === "password" || kind === "identity token" ? kind : "token";
  if (status !== 403) return `the ${what}${who ? ` of ${who}` : ""} was refused`;
  return who ? `as ${who}` : `with the ${what} that was given`;
}

function shownName(
  { username, password, ...rest }: NonNullable<Identity>,
  secrets: Secrets,
): string | undefined {
  if (!username || !password || username === TOKEN_USER) return undefined;
  const shown = redactSecrets(username, { username, password, ...rest }, secrets);
  return shown === username ? shown : undefined;
}
