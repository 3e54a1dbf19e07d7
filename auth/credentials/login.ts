import { CredentialError, InvalidOptionError } from "../../errors.ts";
import { parseRegistry } from "../../reference/registry.ts";
import { checkCredential, type Credential } from "../credential.ts";
import type { CredentialHelper } from "./credential_helper.ts";
import { eraseFromHelper, helperProgram, listHelper, storeInHelper } from "./helper_protocol.ts";
import { runHelperProgram } from "./helper_program.ts";
import { drive, type Machine } from "./credential_sources.ts";
import { entryCredential, parseDockerConfig, storesFor } from "./docker_config.ts";
import { dockerConfigPath, environmentOf, readConfigText } from "./config_files.ts";
import { canonicalKey, configKey, DOCKER_HUB, WEB_LOGIN_KEYS } from "./config_keys.ts";
import { limitsOf } from "./docker_credentials.ts";
import { entryOf, withEntry, withoutEntry } from "./login_config.ts";
import { changeFile } from "./login_file.ts";

/** Which config {@linkcode login}, {@linkcode logout} and {@linkcode listLogins} work on. */
export interface LoginOptions {
  /**
   * The path of the config.
   * @default {Docker's: `config.json` in `DOCKER_CONFIG`, else in `~/.docker`}
   */
  config?: string;
  /**
   * The environment that says where Docker's config is, and that helpers are run in.
   * @default {the process's own}
   */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Runs the credential helpers. @default {programs on the PATH} */
  helper?: CredentialHelper;
  /**
   * How long a credential helper may take, in milliseconds: it may ask a person.
   * @default {60000}
   */
  helperTimeout?: number;
  /**
   * The most that a credential helper may say, in bytes.
   * @default {1048576}
   */
  helperBytes?: number;
  /**
   * The largest config file, in bytes.
   * @default {4194304}
   */
  configBytes?: number;
}

/** A registry that somebody is logged in to. */
export interface Login {
  /** The registry, with the path where the login is for a part of it: `ghcr.io`, `quay.io/org`. */
  registry: string;
  /** The user name, where the config or the helper tells it. */
  username?: string;
  /** Where the credentials are: the config's path, or a helper's program. */
  source: string;
}

/**
 * Keeps credentials for a registry as `docker login` does: in the credential helper that Docker's
 * config names for it, else in the config itself, where they are readable to whoever may read the
 * file. docker, podman, oras, crane, skopeo, regctl and {@linkcode dockerCredentials} find them there.
 *
 * The registry is not asked whether they are right: make a call with them first, such as `listTags`,
 * which ends in an `UnauthorizedError` or an `AuthenticationError` where they are not.
 *
 * What else is in the config stays, and so do its mode and indentation; a new one is its owner's alone.
 *
 * @throws {InvalidReferenceError} When `registry` is not a host with or without a port.
 * @throws {InvalidOptionError} When there is nothing in the credential, or it cannot be kept.
 * @throws {CredentialError} When the config is broken, which then stays as it is; when it cannot be
 * written; or when the helper fails.
 * @throws {LimitError} When the config is larger, or the helper says more, than its limit.
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
  const { path, read, machine } = open(options);
  const text = await read(path);
  const config = parseDockerConfig(text ?? "{}", path);
  const [name] = storesFor(config, host).names;
  if (name !== undefined) {
    if (checked.accessToken !== undefined) {
      throw new InvalidOptionError(
        `Cannot log in to ${host}: a credential helper keeps no accessToken; give a password or a ` +
          "refreshToken",
      );
    }
    await drive(storeInHelper(name, canonicalKey(host), checked), machine);
  }
  const entry = name === undefined ? entryOf(checked) : {};
  await changeFile(path, read, (now) => withEntry(now, host, entry, path));
}

/**
 * Forgets the credentials for a registry, in the config and wherever {@linkcode dockerCredentials}
 * would find them by it: in each helper, under each name. It is no failure that there are none.
 * podman's logins to parts of a registry stay.
 *
 * @throws {InvalidReferenceError} When `registry` is not a host with or without a port.
 * @throws {CredentialError} When the config is broken, or cannot be written, or the helper fails.
 * @throws {LimitError} When the config is larger, or the helper says more, than its limit.
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
  const { path, read, machine } = open(options);
  const text = await read(path);
  if (text === undefined) return;
  const config = parseDockerConfig(text, path);
  const { names, servers } = storesFor(config, host);
  if (host === DOCKER_HUB) servers.push(...WEB_LOGIN_KEYS);
  for (const name of names) {
    for (const server of servers) await drive(eraseFromHelper(name, server), machine);
  }
  if (withoutEntry(text, host, path) === undefined) return;
  await changeFile(path, read, (now) => withoutEntry(now, host, path));
}

/**
 * The registries that a config has credentials for, with user names and without secrets. Of a
 * helper that cannot list, what the config tells is listed: the registries, without user names.
 *
 * @throws {CredentialError} When the config is broken or a helper is not there.
 * @throws {LimitError} When the config is larger, or a helper says more, than its limit.
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
  const { path, read, machine } = open(options);
  const config = parseDockerConfig(await read(path) ?? "{}", path);
  const logins = new Map<string, Login>();
  const add = (login: Login) => {
    if (!logins.has(login.registry)) logins.set(login.registry, login);
  };
  const helpers = Object.keys(config.credHelpers);
  const keys = Object.keys(config.auths).filter((key) => !WEB_LOGIN_KEYS.includes(key));
  const hosts = [...helpers, ""].map((key) => configKey(key).host); // the last is any other host
  for (const name of new Set(hosts.flatMap((host) => storesFor(config, host).names))) {
    const source = helperProgram(name);
    const has = (key: string) => storesFor(config, configKey(key).host).names.includes(name);
    let listed: [server: string, username?: string][];
    try {
      listed = await drive(listHelper(name), machine);
    } catch (error) {
      // A cause says that it was not run at all.
      if (!(error instanceof CredentialError) || error.cause !== undefined) throw error;
      const empty = keys.filter((key) => entryCredential(config, key) === undefined);
      listed = [...helpers, ...empty].map((key) => [key]);
    }
    for (const [server, username] of listed) {
      if (!has(server) || WEB_LOGIN_KEYS.includes(server)) continue;
      add({ registry: registryOf(server), ...(username !== undefined && { username }), source });
    }
  }
  for (const key of keys) {
    const credential = entryCredential(config, key);
    if (credential === undefined) continue;
    const { username } = credential;
    add({ registry: registryOf(key), ...(username !== undefined && { username }), source: path });
  }
  return [...logins.values()];
}

function registryOf(key: string): string {
  const { host, path } = configKey(key);
  return path === "" ? host : `${host}/${path}`;
}

function hostOf(registry: string): string {
  const { registry: host, scheme } = parseRegistry(registry);
  return host === DOCKER_HUB ? host : configKey(`${scheme ?? "https"}://${host}`).host;
}

/** What a reader of the config would refuse is not written into it. */
function refuseControl(host: string, credential: Credential): void {
  for (const field of ["username", "password"] as const) {
    // deno-lint-ignore no-control-regex
    if (!/[\x00-\x1f\x7f]/.test(credential[field] ?? "")) continue;
    throw new InvalidOptionError(
      `Cannot log in to ${host}: ${field} must not hold line breaks or other control characters`,
    );
  }
}

function open(options: LoginOptions): {
  path: string;
  read: (path: string) => Promise<string | undefined>;
  machine: Machine;
} {
  const { configBytes, helperLimits } = limitsOf(options);
  const path = options.config ?? dockerConfigPath(environmentOf(options.environment));
  if (path === undefined) {
    throw new InvalidOptionError(
      "Cannot find Docker's config: neither DOCKER_CONFIG nor HOME is set; give 'config'",
    );
  }
  const read = (path: string) => readConfigText(path, configBytes);
  const helper: CredentialHelper = options.helper ??
    ((name, verb, input) => runHelperProgram(name, verb, input, helperLimits));
  return { path, read, machine: { read, helper } };
}
