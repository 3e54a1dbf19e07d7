import type { CredentialTarget } from "../credential.ts";
import { canonicalKey, configKey, type KeyTarget, matchingKeys } from "./config_keys.ts";
import { type DockerConfig, parseDockerConfig } from "./docker_config.ts";
import { checkHelperName, type HelperKey } from "./helper_protocol.ts";

/** A place that may have a repository's credentials: an entry of a config's `auths`, or a helper. */
export type Candidate = { config: DockerConfig; key: string } | HelperKey;

/**
 * Where a config says that a repository's credentials may be, best first: entries for a part of the
 * registry, then helpers, then entries for all of it.
 *
 * @param text The config; `undefined` for a file that does not exist.
 * @param tried What earlier configs named. A helper among it is left out: its answer is known.
 * @throws {CredentialError} When the text is not a config, or the helper's name not a name.
 */
export function candidatesIn(
  text: string | undefined,
  source: string,
  target: CredentialTarget,
  tried: readonly Candidate[],
): Candidate[] {
  if (text === undefined) return [];
  const config = parseDockerConfig(text, source);
  const keys = matchingKeys(Object.keys(config.auths), target);
  const entries = (forAll: boolean) =>
    keys.filter((key) => (configKey(key).path === "") === forAll).map((key) => ({ config, key }));
  const wasTried = ({ helper, server }: HelperKey) =>
    tried.some((one) => "helper" in one && one.helper === helper && one.server === server);
  return [
    ...entries(false),
    ...helpersFor(config, target).filter((helper) => !wasTried(helper)),
    ...entries(true),
  ];
}

/**
 * Where a config says that helpers keep a registry's credentials: the one in its `credHelpers`, then
 * `credsStore`, each under the registry's own key and under those that the config has for it. An empty
 * name in `credHelpers` takes a registry out of `credsStore`.
 *
 * @param more Keys beside those.
 * @throws {CredentialError} When the name of a helper is not one.
 */
export function helpersFor(
  config: DockerConfig,
  { host, scheme }: KeyTarget,
  more: readonly string[] = [],
): HelperKey[] {
  const servers = new Set([
    canonicalKey(configKey(host, scheme).host),
    ...matchingKeys(Object.keys(config.credHelpers), { host, scheme }).slice(0, 1),
    ...matchingKeys(Object.keys(config.auths), { host, scheme }),
    ...more,
  ]);
  return helperNames(config, { host, scheme })
    .flatMap((helper) => [...servers].map((server) => ({ helper, server })));
}

/**
 * The helpers of a registry, in the order in which they are asked.
 *
 * @throws {CredentialError} When the name of one is not a name.
 */
export function helperNames(config: DockerConfig, target: Omit<KeyTarget, "repository">): string[] {
  const { credHelpers, credsStore, source } = config;
  const store = credsStore === undefined ? [] : [credsStore];
  const [key] = matchingKeys(Object.keys(credHelpers), target);
  if (key === undefined) return store;
  if (credHelpers[key] === "") return [];
  const name = checkHelperName(credHelpers[key], `credHelpers["${key}"]`, source);
  return [...new Set([name, ...store])];
}
