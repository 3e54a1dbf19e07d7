import { CredentialError } from "../../errors.ts";
import type { Credential } from "../credential.ts";
import type { CredentialHelperResult, CredentialHelperVerb } from "./credential_helper.ts";
import { runHelper, type Steps } from "./credential_sources.ts";
import { configKey } from "./config_keys.ts";

/** The user name under which helpers keep an identity token. */
export const TOKEN_USER = "<token>";

/** What a helper may be called: it becomes part of a program's name, and of nothing else. */
const NAME = /^[A-Za-z0-9._-]+$/;

/** What helpers say, with an exit code, of a registry that they have no credentials for. */
const NOT_FOUND = /credentials not found/i;

/** The program of a helper. */
export function helperProgram(name: string): string {
  return `docker-credential-${name}`;
}

/**
 * The name of a helper as a config tells it.
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
 * What a helper has for a registry; `undefined` where it has nothing.
 *
 * @throws {CredentialError} When it fails, or answers something else than credentials for it.
 */
export function* getFromHelper(name: string, server: string): Steps<Credential | undefined> {
  const result = yield* runHelper(name, "get", server);
  if (isNotFound(result)) return undefined;
  const fail = failure(`get credentials for ${server}`, name, "get");
  const { ServerURL, Username, Secret } = parseAnswer(result, fail);
  for (const [field, value] of Object.entries({ ServerURL, Username, Secret })) {
    if (value !== undefined && value !== null && typeof value !== "string") {
      throw fail(`its ${field} is not a text`);
    }
  }
  if (typeof ServerURL === "string" && ServerURL !== "") {
    if (configKey(ServerURL).host !== configKey(server).host) {
      throw fail("it answered with credentials for another registry");
    }
  }
  if (!Secret) return undefined;
  if (!Username) throw fail("it answered with a secret, and no user name");
  return Username === TOKEN_USER
    ? { refreshToken: Secret as string }
    : { username: Username as string, password: Secret as string };
}

/**
 * Has a helper keep credentials.
 *
 * @throws {CredentialError} When it fails.
 */
export function* storeInHelper(name: string, server: string, kept: Credential): Steps<void> {
  const { username, password, refreshToken } = kept;
  const answer = yield* runHelper(
    name,
    "store",
    JSON.stringify({
      ServerURL: server,
      Username: refreshToken === undefined ? username : TOKEN_USER,
      Secret: refreshToken ?? password ?? "",
    }),
  );
  checkCode(answer, failure(`keep credentials for ${server}`, name, "store"));
}

/**
 * Has a helper forget credentials; it is no failure that it has none.
 *
 * @throws {CredentialError} When it fails.
 */
export function* eraseFromHelper(name: string, server: string): Steps<void> {
  const answer = yield* runHelper(name, "erase", server);
  if (isNotFound(answer)) return;
  checkCode(answer, failure(`forget credentials for ${server}`, name, "erase"));
}

/**
 * The registries that a helper has credentials for, with the user names.
 *
 * @throws {CredentialError} When it fails, or answers something else.
 */
export function* listHelper(name: string): Steps<[server: string, username: string][]> {
  const result = yield* runHelper(name, "list", "");
  const fail = failure("list credentials", name, "list");
  if (result.code === 0 && result.stdout.trim() === "null") return []; // a helper's empty map in Go
  const entries = Object.entries(parseAnswer(result, fail));
  return entries.map(([server, username]) => {
    if (typeof username !== "string") throw fail("a user name in its answer is not a text");
    return [server, username];
  });
}

function isNotFound({ code, stdout, stderr = "" }: CredentialHelperResult): boolean {
  return code !== 0 && (NOT_FOUND.test(stdout) || NOT_FOUND.test(stderr));
}

type Fail = (why: string) => CredentialError;

/** What a helper says may hold a secret, its errors too: none of it goes into a message. */
function failure(what: string, name: string, verb: CredentialHelperVerb): Fail {
  const source = helperProgram(name);
  return (why) =>
    new CredentialError(
      `Cannot ${what}: ${source} failed: ${why}; run "${source} ${verb}" to see what it says`,
      { source },
    );
}

function checkCode({ code }: CredentialHelperResult, fail: Fail): void {
  if (code !== 0) throw fail(`exit code ${code}`);
}

function parseAnswer(result: CredentialHelperResult, fail: Fail): Record<string, unknown> {
  checkCode(result, fail);
  let answer: unknown;
  try {
    answer = JSON.parse(result.stdout);
  } catch {
    throw fail("its answer is not JSON"); // the cause would quote it
  }
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) {
    throw fail("its answer is not a JSON object");
  }
  return answer as Record<string, unknown>;
}
