import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { InvalidOptionError } from "../errors.ts";

/**
 * What a token and its like are made of, as headers and forms carry them: a space or a line break, a
 * file's last one perhaps, is none of it. A runtime's own exception would show the value.
 */
export const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/**
 * What to authenticate with. Any of the three kinds will do: a user name and password, an identity
 * token, or a bearer token. An object with nothing in it means: anonymously.
 *
 * @example A user name and an access token, as Docker Hub and GitHub want them
 * ```ts
 * import type { Credential } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const credential: Credential = { username: "you", password: "an access token" };
 *
 * assertEquals(credential.username, "you");
 * ```
 */
export interface Credential {
  /** The user name; it holds no `:`. */
  username?: string;
  /** The password or access token that goes with the user name. @default {""} */
  password?: string;
  /** An identity token: the token service gives tokens for it (OAuth2's `refresh_token`). */
  refreshToken?: string;
  /** A bearer token that is sent to the registry as it is; no token service is asked. */
  accessToken?: string;
}

/** Who a request is made as: a credential that was checked; `undefined` for an anonymous one. */
export type Identity = Readonly<Credential> | undefined;

/** What credentials are wanted for. */
export interface CredentialTarget {
  /**
   * The registry's host, with its port where it is not the scheme's own: `ghcr.io`,
   * `localhost:5000`; for Docker Hub `registry-1.docker.io`.
   */
  host: string;
  /** The repository, where the request is about one: `library/alpine`. */
  repository?: string;
  /** How the registry is spoken to: over `http` a password is for all to read. @default {"https"} */
  scheme?: "http" | "https";
  /** Whether `hosts` says of the host that it speaks plain http. @default {false} */
  plainHttp?: boolean;
}

/**
 * Answers the credentials for a registry, or `undefined` where there are none. It is asked when a
 * registry wants credentials, not before, and once for each repository; and again when the registry
 * refuses what it gave, so that credentials may change while a client lives.
 *
 * What it gives counts as stored somewhere and perhaps old: where it is refused, a pull is tried once
 * without. A credential that the caller gives as such is not: its refusal ends the call.
 *
 * One that throws does not end the call: the request goes on anonymously, the event
 * `credentials-failed` says why, and so does the error when the registry refuses. What fails without
 * ending the source's own search is given to `report`, for the same event.
 *
 * @example Credentials for one host and no other
 * ```ts
 * import type { CredentialSource } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const source: CredentialSource = ({ host }) =>
 *   host === "ghcr.io" ? { username: "you", password: "an access token" } : undefined;
 *
 * assertEquals(source({ host: "quay.io", repository: "you/app" }), undefined);
 * ```
 */
export type CredentialSource = (
  target: CredentialTarget,
  report?: (failure: unknown) => void,
) => Credential | undefined | Promise<Credential | undefined>;

const CREDENTIAL: OptionNames<Credential> = names("username password refreshToken accessToken");

/** The fields of a {@linkcode Credential}. */
export const FIELDS = Object.keys(CREDENTIAL) as (keyof Credential)[];

/**
 * A source out of what a caller may give: a credential, a source, or nothing.
 *
 * @throws {InvalidOptionError} When a credential cannot be used: see {@linkcode checkCredential}.
 */
export function credentialSource(
  credentials: Credential | CredentialSource | undefined,
): CredentialSource {
  if (typeof credentials === "function") return credentials;
  if (credentials === undefined) return () => undefined;
  checkOptions(credentials, CREDENTIAL, "credentials");
  checkPassword(credentials);
  const checked = checkCredential(credentials);
  return () => checked;
}

/**
 * A frozen copy of a credential without its empty fields; `undefined` where all of them are empty.
 * Messages never show a value: a password in the wrong field would end in a log.
 *
 * @throws {InvalidOptionError} When a field is not text, the user name holds `:`, a password comes
 * without a user name, or a token holds anything but visible ASCII.
 */
export function checkCredential(credential: Credential): Readonly<Credential> | undefined {
  if (typeof credential !== "object" || credential === null) {
    throw refused(`they must be an object or a function: current value is a ${typeof credential}`);
  }
  const checked: Credential = {};
  for (const field of FIELDS) {
    const value = credential[field];
    if (value === undefined || value === "") continue;
    if (typeof value !== "string") {
      throw refused(`${field} must be a string: current value is a ${typeof value}`);
    }
    // A token travels as one word of a header or form: a line break in it is a file's last one.
    if (field.endsWith("Token") && !VISIBLE_ASCII.test(value)) {
      throw refused(`${field} must be visible ASCII, without spaces or line breaks`);
    }
    checked[field] = value;
  }
  if (checked.username?.includes(":")) throw refused("username must not hold ':'");
  if (checked.password !== undefined && checked.username === undefined) {
    throw refused("a password needs a username beside it");
  }
  return Object.keys(checked).length === 0 ? undefined : Object.freeze(checked);
}

/**
 * Checks that a password which is named beside a user name is there: what an environment variable that
 * is not set gives would make another request than the one that was meant.
 *
 * @throws {InvalidOptionError} When it is `undefined`.
 */
export function checkPassword(credential: Credential): void {
  if (credential.username && "password" in credential && credential.password === undefined) {
    throw new InvalidOptionError(
      "Cannot use 'username' as the 'password' beside it is undefined: is an environment variable " +
        "not set? Leave it out where there is none",
    );
  }
}

/** That credentials cannot be used, and why. */
export function refused(why: string): InvalidOptionError {
  return new InvalidOptionError(`Cannot use the credentials: ${why}`);
}
