/** Where a secret may not be: in anything that the library tells. */
import { inspect } from "node:util";
import { encodeBase64 } from "@std/encoding/base64";

/** The secrets of every fault run: whatever is told is searched for them. */
export const SECRETS = {
  password: "pa55-hunter2-correct-horse",
  refreshToken: "refresh-5ecret-battery-staple",
  token: "bearer-5ecret-0123456789",
  signature: "sig-5ecret-9f86d081884c7d65",
  state: "state-5ecret-2c26b46b68ffc68f",
  realmKey: "realm-5ecret-fcde2b2edba56bf4",
  cookie: "cookie-5ecret-7f83b1657ff1fc53",
} as const;

/** The user whose password it is. */
export const USERNAME = "me";

/** Everything that somebody may see of a value: its texts, as JSON, and printed. */
export function shown(value: unknown, depth = 0): string {
  const texts = [Deno.inspect(value, { depth: 10, colors: false }), String(value)];
  // As `%o` prints it; of an event or a list of them, that is the same.
  const plain = Array.isArray(value) || typeof Object(value).type === "string";
  if (!plain) texts.push(inspect(value, { depth: 10, showHidden: true }));
  try {
    texts.push(JSON.stringify(value) ?? "");
  } catch { /* not every value is JSON */ }
  if (value instanceof Error && depth < 5) {
    texts.push(value.message, value.stack ?? "", shown(value.cause, depth + 1));
    texts.push(
      JSON.stringify({ ...value }, (_key, inner) => inner instanceof Response ? 0 : inner),
    );
  }
  return texts.join("\n");
}

/** The secrets, and those that were made up on the way, that a value shows; by their names. */
export function leaks(value: unknown, more: Iterable<string> = []): string[] {
  const text = shown(value);
  const encoded = encodeBase64(`${USERNAME}:${SECRETS.password}`);
  const secrets = Object.entries({ ...SECRETS, basic: encoded, basicStart: encoded.slice(8, 28) });
  const found = secrets.filter(([, secret]) => text.includes(secret)).map(([name]) => name);
  for (const secret of more) if (text.includes(secret)) found.push("a token of the token service");
  return found;
}
