import { checkOptions } from "../../content/check_options.ts";
import { InvalidOptionError } from "../../errors.ts";
import { parseRegistry } from "../../reference/registry.ts";
import { checkCredential, type Credential } from "../credential.ts";
import { helperNames, helpersFor } from "./candidates.ts";
import { dockerConfigPath, readConfigText } from "./config_files.ts";
import { canonicalKey, configKey, DOCKER_HUB, WEB_LOGIN_KEYS } from "./config_keys.ts";
import type { CredentialHelper, CredentialHelperResult } from "./credential_helper.ts";
import { CONTROL, parseDockerConfig } from "./docker_config.ts";
import { DOCKER_CREDENTIALS_OPTIONS, type DockerCredentialsOptions } from "./docker_credentials.ts";
import { runHelper } from "./helper_program.ts";
import { checkAnswer, storeInput } from "./helper_protocol.ts";
import { limitsOf } from "./limits.ts";
import { entryOf, withEntry, withoutEntry } from "./login_config.ts";
import { changeFile } from "./login_file.ts";
import { allHelpers, type Login, loginsIn } from "./login_list.ts";

/** Which config {@linkcode login}, {@linkcode logout} and {@linkcode listLogins} work on. */
export interface LoginOptions
  extends Omit<DockerCredentialsOptions, "config" | "configText" | "read"> {
  /**
   * The path of the config.
   * @default {Docker's: `config.json` in `DOCKER_CONFIG`, else in `~/.docker`}
   */
  config?: string;
}

const { configText: _text, read: _read, ...LOGIN_OPTIONS } = DOCKER_CREDENTIALS_OPTIONS;

/**
 * Keeps credentials for a registry as `docker login` does: in the credential helper that Docker's
 * config names for it, else in the config itself, in plain text. docker, podman, oras, crane, skopeo,
 * regctl and {@linkcode dockerCredentials} find them there.
 *
 * The registry is not asked whether they are right: make a call with them first, such as `listTags`,
 * which ends in an `UnauthorizedError` or an `AuthenticationError` where they are not.
 *
 * What else is in the config stays, and so does its indentation; from then on it is its owner's alone.
 *
 * @throws {InvalidReferenceError} When `registry` is not a host with or without a port.
 * @throws {InvalidOptionError} When there is nothing in the credential, or it cannot be kept.
 * @throws {CredentialError} When the config is broken, which then stays as it is; when it cannot be
 * written; or when the helper fails.
 * @throws {LimitError} When the config is larger, or the helper's answer, than its limit.
 * @throws {TimeoutError} When the helper does not end, or another program keeps the config locked.
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 *
 * @example
 * ```ts
 * import { dockerCredentials, login, logout } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const config = `${folder}/config.json`;
 * await login("ghcr.io", { username: "you", password: "an access token" }, { config });
 *
 * const credentials = dockerCredentials({ config });
 * assertEquals((await credentials({ host: "ghcr.io" }))?.username, "you");
 *
 * await logout("ghcr.io", { config });
 * assertEquals(await credentials({ host: "ghcr.io" }), undefined);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function login(
  registry: string,
  credential: Credential,
  options: LoginOptions = {},
): Promise<void> {
  const host = hostOf(registry);
  const checked = checkCredential(credential);
  if (checked === undefined) {
    throw new InvalidOptionError(`Cannot log in to ${host}: there is nothing in the credential`);
  }
  refuseControl(host, checked);
  const { path, read, helper } = open(options);
  const [name] = helperNames(parseDockerConfig(await read(path) ?? "{}", path), { host });
  if (name !== undefined) {
    if (checked.accessToken !== undefined) {
      throw new InvalidOptionError(
        `Cannot log in to ${host}: a credential helper keeps no accessToken; give a password or a ` +
          "refreshToken",
      );
    }
    const server = canonicalKey(host);
    const result = await helper(name, "store", storeInput(server, checked));
    checkAnswer(result, "store", { helper: name, server });
  }
  const entry = name === undefined ? entryOf(checked) : {};
  await changeFile(path, read, (text) => withEntry(text, host, entry, path));
}

/**
 * Forgets the credentials for a registry, in the config and wherever {@linkcode dockerCredentials}
 * would find them by it: in each helper, under each name. It is no failure that there are none.
 * podman's logins to parts of a registry stay.
 *
 * @throws {InvalidReferenceError} When `registry` is not a host with or without a port.
 * @throws {CredentialError} When the config is broken, or cannot be written, or the helper fails.
 * @throws {LimitError} When the config is larger, or the helper's answer, than its limit.
 * @throws {TimeoutError} When the helper does not end, or another program keeps the config locked.
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 *
 * @example
 * ```ts
 * import { login, logout } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const config = `${folder}/config.json`;
 * await login("quay.io", { username: "org+robot", password: "a key" }, { config });
 * await logout("quay.io", { config });
 *
 * assertEquals(JSON.parse(await Deno.readTextFile(config)), { auths: {} });
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function logout(registry: string, options: LoginOptions = {}): Promise<void> {
  const host = hostOf(registry);
  const { path, read, helper } = open(options);
  const text = await read(path);
  if (text === undefined) return;
  const webLogin = host === DOCKER_HUB ? WEB_LOGIN_KEYS : [];
  for (const key of helpersFor(parseDockerConfig(text, path), { host }, webLogin)) {
    checkAnswer(await helper(key.helper, "erase", key.server), "erase", key);
  }
  if (withoutEntry(text, host, path) === undefined) return;
  await changeFile(path, read, (now) => withoutEntry(now, host, path));
}

/**
 * The registries that a config has credentials for, with user names and without secrets. Of a
 * helper that cannot list, the registries that the config has for it are listed, without user names.
 *
 * @throws {CredentialError} When the config is broken or a helper cannot be run.
 * @throws {LimitError} When the config is larger, or a helper's answer, than its limit.
 * @throws {TimeoutError} When a helper does not end.
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 *
 * @example
 * ```ts
 * import { listLogins, login } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const config = `${folder}/config.json`;
 * await login("docker.io", { username: "you", password: "an access token" }, { config });
 *
 * assertEquals(await listLogins({ config }), [
 *   { registry: "docker.io", username: "you", source: config },
 * ]);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function listLogins(options: LoginOptions = {}): Promise<Login[]> {
  const { path, read, helper } = open(options);
  const config = parseDockerConfig(await read(path) ?? "{}", path);
  const lists = new Map<string, CredentialHelperResult>();
  for (const name of allHelpers(config)) lists.set(name, await helper(name, "list", ""));
  return loginsIn(config, lists);
}

function hostOf(registry: string): string {
  const { registry: host, scheme } = parseRegistry(registry);
  return host === DOCKER_HUB ? host : configKey(`${scheme ?? "https"}://${host}`).host;
}

/** What a reader of the config would refuse is not written into it. */
function refuseControl(host: string, credential: Credential): void {
  for (const field of ["username", "password"] as const) {
    if (!CONTROL.test(credential[field] ?? "")) continue;
    throw new InvalidOptionError(
      `Cannot log in to ${host}: ${field} must not hold line breaks or other control characters`,
    );
  }
}

function open(options: LoginOptions): {
  path: string;
  read: (path: string) => Promise<string | undefined>;
  helper: CredentialHelper;
} {
  checkOptions(options, LOGIN_OPTIONS);
  const { configBytes, helperLimits } = limitsOf(options);
  const path = options.config ?? dockerConfigPath(options.environment);
  if (path === undefined) {
    throw new InvalidOptionError(
      "Cannot find Docker's config: neither DOCKER_CONFIG nor HOME is set; give 'config'",
    );
  }
  return {
    path,
    read: (path) => readConfigText(path, configBytes),
    helper: options.helper ??
      ((name, verb, input) => runHelper(name, verb, input, helperLimits)),
  };
}
