/** What a credential helper is asked to do. */
export type CredentialHelperVerb = "get" | "store" | "erase" | "list";

/** How a run of a credential helper ended. */
export interface CredentialHelperResult {
  /** The exit code; anything but 0 means that it failed, or has no such credentials. */
  code: number;
  /** What it wrote to standard output. */
  stdout: string;
  /** What it wrote to standard error. @default {""} */
  stderr?: string;
}

/**
 * Runs `docker-credential-<name> <verb>` with a text on its standard input. Give one of your own to
 * keep credentials without a program.
 *
 * @example A helper that is a function
 * ```ts
 * import { type CredentialHelper, dockerCredentials } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const helper: CredentialHelper = (name, verb, host) =>
 *   name === "vault" && verb === "get" && host === "ghcr.io"
 *     ? { code: 0, stdout: '{"Username": "you", "Secret": "an access token"}' }
 *     : { code: 1, stdout: "credentials not found in native keychain" };
 *
 * const credentials = dockerCredentials({ configText: '{"credsStore": "vault"}', helper });
 * assertEquals(await credentials({ host: "ghcr.io" }), {
 *   username: "you",
 *   password: "an access token",
 * });
 * assertEquals(await credentials({ host: "quay.io" }), undefined);
 * ```
 *
 * @see https://github.com/docker/docker-credential-helpers
 */
export type CredentialHelper = (
  name: string,
  verb: CredentialHelperVerb,
  input: string,
) => CredentialHelperResult | Promise<CredentialHelperResult>;
