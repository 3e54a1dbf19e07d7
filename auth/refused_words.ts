import type { Secrets } from "../transport/secrets.ts";
import type { Identity } from "./credential.ts";
import { TOKEN_USER } from "./identity.ts";
import { redactSecrets } from "./redact_secrets.ts";

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
