import { encodeBase64 } from "../content/base64.ts";
import { encodeText } from "../content/bytes.ts";
import { FIELDS, type Identity, refused } from "./credential.ts";

/** The user name under which credential helpers, and those who copy them, keep an identity token. */
export const TOKEN_USER = "<token>";

/** Whether two identities are the same by value, whichever objects hold it. */
export function sameIdentity(a: Identity, b: Identity): boolean {
  return a === b || FIELDS.every((field) => a?.[field] === b?.[field]);
}

/**
 * The value of an `Authorization` header for Basic authentication, in UTF-8.
 *
 * @throws {InvalidOptionError} When the user name holds `:`, which would end it early.
 * @see https://www.rfc-editor.org/rfc/rfc7617
 */
export function basicAuthorization(username: string, password: string): string {
  if (username.includes(":")) throw refused("username must not hold ':'");
  return `Basic ${encodeBase64(encodeText(`${username}:${password}`))}`;
}
