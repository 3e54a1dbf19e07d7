import { ApiError, AuthenticationError } from "../../errors.ts";
import { VISIBLE_ASCII } from "../credential.ts";

/** A token, or a function that answers one: it is asked whenever one is wanted. */
export type TokenSource = string | (() => string | Promise<string>);

/**
 * The token of a source.
 *
 * @param what What it is for, for messages.
 * @throws {AuthenticationError} When there is none, or the function fails.
 */
export async function tokenFrom(source: TokenSource, what: string): Promise<string> {
  let token: unknown;
  try {
    token = typeof source === "function" ? await source() : source;
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw new AuthenticationError(
      `Cannot ${what}: the function that should answer a token failed`,
      { cause },
    );
  }
  if (typeof token === "string" && VISIBLE_ASCII.test(token)) return token;
  throw new AuthenticationError(
    `Cannot ${what}: the token that was given must be visible ASCII, without line breaks`,
  );
}
