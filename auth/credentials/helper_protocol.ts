/**
 * What goes into credential helpers, and what their answers mean. Nothing is run here.
 *
 * @see https://github.com/docker/docker-credential-helpers
 * @module
 */
import { CredentialError } from "../../errors.ts";
import type { Credential } from "../credential.ts";
import { TOKEN_USER } from "../identity.ts";
import { configKey } from "./config_keys.ts";
import type { CredentialHelperResult } from "./credential_helper.ts";
import { isObject, parseObject } from "../../content/json_object.ts";

/** What a helper may be called: it becomes part of a program's name, and of nothing else. */
const NAME = /^[A-Za-z0-9._-]+$/;

/** A helper's output, beside an exit code, for a registry that it has no credentials for. */
const NOT_FOUND = /credentials not found/i;

/** A helper, and the registry in its terms. */
export interface HelperKey {
  helper: string;
  /** The key under which it keeps the registry's credentials. */
  server: string;
}

export function helperProgram(name: string): string {
  return `docker-credential-${name}`;
}

/**
 * A helper's name from a config.
 *
 * @throws {CredentialError} When it is not a name.
 */
export function checkHelperName(name: unknown, field: string, source: string): string {
  if (typeof name === "string" && NAME.test(name)) return name;
  throw new CredentialError(
    `Cannot use ${source}: the helper in ${field} must be a name of letters, digits, '.', '_' and ` +
      `'-', such as the "desktop" of docker-credential-desktop`,
    { source },
  );
}

/**
 * The credentials in the answer to `get`; `undefined` where the helper has none.
 *
 * @throws {CredentialError} When it failed, or answered something else than credentials for the server.
 */
export function readGetAnswer(
  result: CredentialHelperResult,
  key: HelperKey,
): Credential | undefined {
  if (isNotFound(result)) return undefined;
  const fail = failure("get", key);
  if (result.code !== 0) throw fail(`exit code ${result.code}`);
  const answer = parseObject(result.stdout, (why) => fail(`its answer ${why}`));
  const text = (field: string) => {
    const value = answer[field] ?? "";
    if (typeof value !== "string") throw fail(`its ${field} is not a text`);
    return value;
  };
  const [server, username, secret] = [text("ServerURL"), text("Username"), text("Secret")];
  if (server !== "" && configKey(server).host !== configKey(key.server).host) {
    throw fail("it answered with credentials for another registry");
  }
  if (secret === "") return undefined;
  if (username === "") throw fail("it answered with a secret, and no user name");
  return username === TOKEN_USER ? { refreshToken: secret } : { username, password: secret };
}

/** What `store` is given on its standard input. */
export function storeInput(server: string, credential: Credential): string {
  const { username, password = "", refreshToken } = credential;
  return JSON.stringify({
    ServerURL: server,
    Username: refreshToken === undefined ? username : TOKEN_USER,
    Secret: refreshToken ?? password,
  });
}

/**
 * Checks the answer to `store` or `erase`. Having nothing to erase is no failure.
 *
 * @throws {CredentialError} When the helper failed.
 */
export function checkAnswer(
  result: CredentialHelperResult,
  verb: "store" | "erase",
  key: HelperKey,
): void {
  if (result.code === 0 || verb === "erase" && isNotFound(result)) return;
  throw failure(verb, key)(`exit code ${result.code}`);
}

/**
 * The servers and user names in the answer to `list`; `undefined` where the helper does not list, as
 * many do not.
 */
export function readListAnswer(
  { code, stdout }: CredentialHelperResult,
): [server: string, username: string][] | undefined {
  if (code !== 0) return undefined;
  let answer: unknown;
  try {
    answer = JSON.parse(stdout) ?? {}; // `null` is an empty map of a helper in Go
  } catch {
    return undefined;
  }
  const entries = isObject(answer) ? Object.entries(answer) : undefined;
  const isText = (entry: [string, unknown]): entry is [string, string] =>
    typeof entry[1] === "string";
  return entries?.every(isText) ? entries : undefined;
}

function isNotFound({ code, stdout, stderr = "" }: CredentialHelperResult): boolean {
  return code !== 0 && (NOT_FOUND.test(stdout) || NOT_FOUND.test(stderr));
}

const VERBS = { get: "get", store: "keep", erase: "forget" } as const;

/** A helper's output may hold a secret, its errors too: none of it goes into a message. */
function failure(
  verb: keyof typeof VERBS,
  { helper, server }: HelperKey,
): (why: string) => CredentialError {
  const source = helperProgram(helper);
  return (why) =>
    new CredentialError(
      `Cannot ${VERBS[verb]} credentials for ${server}: ${source} failed: ${why}; run "${source} ` +
        `${verb}" to see what it says`,
      { source },
    );
}
