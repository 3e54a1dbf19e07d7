import { helperNames } from "./candidates.ts";
import { configKey, WEB_LOGIN_KEYS } from "./config_keys.ts";
import type { CredentialHelperResult } from "./credential_helper.ts";
import { type DockerConfig, entryCredential } from "./docker_config.ts";
import { helperProgram, readListAnswer } from "./helper_protocol.ts";

/** A login that a config or a helper keeps. */
export interface Login {
  /** The registry, with the path where the login is for a part of it: `ghcr.io`, `quay.io/org`. */
  registry: string;
  /** The user name, where the config or the helper has it. */
  username?: string;
  /** Where the credentials are: the config's path, or a helper's program. */
  source: string;
}

/**
 * All helpers that a config names.
 *
 * @throws {CredentialError} When the name of one is not a name.
 */
export function allHelpers(config: DockerConfig): Set<string> {
  const hosts = Object.keys(config.credHelpers).map((key) => configKey(key).host);
  return new Set([...hosts, ""].flatMap((host) => helperNames(config, { host }))); // "" is any other
}

/**
 * The logins that a config has, those with helpers first; the first for a registry counts. Of a helper
 * that does not list, these are what the config has for it, without user names.
 *
 * @param lists What each helper answered to `list`.
 * @throws {CredentialError} When an entry of the config cannot be read.
 */
export function loginsIn(
  config: DockerConfig,
  lists: ReadonlyMap<string, CredentialHelperResult>,
): Login[] {
  const logins = new Map<string, Login>();
  const add = (key: string, username: string | undefined, source: string) => {
    const { host, path } = configKey(key);
    const registry = path === "" ? host : `${host}/${path}`;
    if (logins.has(registry) || WEB_LOGIN_KEYS.includes(key)) return;
    logins.set(registry, { registry, ...(username !== undefined && { username }), source });
  };
  const entries = Object.keys(config.auths).filter((key) => !WEB_LOGIN_KEYS.includes(key))
    .map((key) => ({ key, credential: entryCredential(config, key) }));
  const known = [
    ...Object.keys(config.credHelpers),
    ...entries.filter(({ credential }) => credential === undefined).map(({ key }) => key),
  ];
  for (const [name, result] of lists) {
    const listed = readListAnswer(result) ?? known.map((key) => [key, undefined] as const);
    for (const [key, username] of listed) {
      const names = helperNames(config, configKey(key));
      if (names.includes(name)) add(key, username, helperProgram(name));
    }
  }
  for (const { key, credential } of entries) {
    if (credential !== undefined) add(key, credential.username, config.source);
  }
  return [...logins.values()];
}
