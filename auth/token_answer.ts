import { isObject } from "../content/json_object.ts";
import { AuthenticationError } from "../errors.ts";
import type { Token } from "./token_store.ts";
import { VISIBLE_ASCII } from "./credential.ts";

/**
 * The life of a token whose answer names none, and the shortest that is believed, in seconds: both
 * are the token specification's.
 */
export const MIN_LIFETIME_S = 60;

/**
 * The longest life that is believed, in seconds. olareg gives nanoseconds, a token for five minutes
 * would seem good for 9,500 years; a token that ends sooner than thought costs one request more.
 */
export const MAX_LIFETIME_S = 3_600;

/**
 * The token in a token service's answer. Its own words are never in a message: they may hold half a
 * token.
 *
 * @param what What could not be done, for the message: "get a token from …".
 * @param date The answer's `Date`, which `issued_at` is held against: both are the service's clock.
 * @param by Who answered with what, for the message where it is not JSON.
 * @throws {AuthenticationError} When it is not JSON, or holds no usable token.
 * @see https://distribution.github.io/distribution/spec/auth/token/#token-response-fields
 */
export function parseToken(
  bytes: Uint8Array,
  what: string,
  date: string | null,
  by: string = "",
): Token {
  const refused = (why: string) => new AuthenticationError(`Cannot ${what}: ${why}`);
  let answer: unknown;
  try {
    answer = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw refused(`the answer is not JSON${by && `: ${by}`}`); // without the cause, which quotes the answer
  }
  if (!isObject(answer)) {
    throw refused("the answer is not a JSON object");
  }
  const { token, access_token, expires_in, issued_at, refresh_token } = answer as Record<
    string,
    unknown
  >;
  const value = [token, access_token].find((text) => typeof text === "string" && text !== "");
  if (typeof value !== "string") {
    throw refused("the answer holds no token: neither token nor access_token is a text");
  }
  if (!VISIBLE_ASCII.test(value)) throw refused("the token holds what a header cannot carry");
  const rotated = typeof refresh_token === "string" && VISIBLE_ASCII.test(refresh_token);
  return {
    value,
    lifetime: 1_000 * remaining(lifetimeOf(expires_in), issued_at, date),
    ...(rotated && { refreshToken: refresh_token }),
  };
}

function lifetimeOf(expiresIn: unknown): number {
  const seconds = typeof expiresIn === "string" ? Number(expiresIn) : expiresIn;
  if (typeof seconds !== "number" || Number.isNaN(seconds)) return MIN_LIFETIME_S;
  return Math.min(Math.max(seconds, MIN_LIFETIME_S), MAX_LIFETIME_S);
}

/**
 * What is left of a lifetime: some services hand out a token again until it ends. The age counts
 * only where both times are the service's own and it makes sense: this machine's clock may be wrong
 * by hours.
 */
function remaining(lifetime: number, issuedAt: unknown, date: string | null): number {
  if (typeof issuedAt !== "string" || date === null) return lifetime;
  const age = (Date.parse(date) - Date.parse(issuedAt)) / 1_000;
  return age > 0 && age < lifetime ? lifetime - age : lifetime;
}
