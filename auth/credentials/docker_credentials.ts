import { InvalidOptionError } from "../../errors.ts";
import type { Credential, CredentialSource, CredentialTarget } from "../credential.ts";
import type {
  CredentialHelper,
  CredentialHelperResult,
  CredentialHelperVerb,
} from "./credential_helper.ts";
import { getFromHelper } from "./helper_protocol.ts";
import {
  HELPER_TIMEOUT_MS,
  type HelperLimits,
  MAX_HELPER_BYTES,
  runHelperProgram,
  runHelperProgramSync,
} from "./helper_program.ts";
import {
  drive,
  driveSync,
  type Machine,
  readText,
  type Steps,
  type SyncMachine,
} from "./credential_sources.ts";
import {
  type DockerConfig,
  entryCredential,
  entryKeys,
  parseDockerConfig,
  storesFor,
} from "./docker_config.ts";
import {
  configPaths,
  DOCKER_AUTH_CONFIG,
  environmentOf,
  MAX_CONFIG_BYTES,
  readConfigText,
  readConfigTextSync,
  variable,
} from "./config_files.ts";
import { configKey } from "./config_keys.ts";

/** Where {@linkcode dockerCredentials} looks, and how far it goes. */
export interface DockerCredentialsOptions {
  /**
   * The paths of configs that are asked in place of all others, in this order.
   * @default {where Docker and podman have theirs}
   */
  config?: string | readonly string[];
  /**
   * A config itself, a JSON text as in `DOCKER_AUTH_CONFIG`. It is asked first, and no file is read
   * unless `config` names one.
   */
  configText?: string;
  /**
   * The environment that says where configs are, and that helpers are run in.
   * @default {the process's own}
   */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Runs the credential helpers. @default {programs on the PATH} */
  helper?: CredentialHelper;
  /**
   * Reads a file; answers `undefined` where there is none.
   * @default {the machine's files}
   */
  read?: (path: string) => string | undefined | Promise<string | undefined>;
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

/** Options of {@linkcode dockerCredentialsSync}: what they give must answer at once. */
export interface DockerCredentialsSyncOptions
  extends Omit<DockerCredentialsOptions, "helper" | "read"> {
  /** Runs the credential helpers. @default {programs on the PATH} */
  helper?: (name: string, verb: CredentialHelperVerb, input: string) => CredentialHelperResult;
  /**
   * Reads a file; answers `undefined` where there is none.
   * @default {the machine's files}
   */
  read?: (path: string) => string | undefined;
}

/**
 * What `docker login` or `podman login` left, as a source of credentials: `DOCKER_AUTH_CONFIG`, then
 * Docker's `config.json` (in `DOCKER_CONFIG`, else `~/.docker`), then podman's `auth.json`
 * (`REGISTRY_AUTH_FILE`; else in `XDG_RUNTIME_DIR` and `~/.config`). The first that has credentials
 * for the repository gives them. In one config the longest matching key wins
 * (`quay.io/org/app` before `quay.io`), and for the registry `credHelpers` go before `credsStore` and
 * that before `auths`.
 *
 * Nothing is read or run before credentials are asked for, and all is read anew each time. What the
 * source throws is {@linkcode CredentialError} for a config that is broken or a helper that fails,
 * `LimitError` for either being too large, `TimeoutError` for a helper that hangs, and
 * `UnsupportedRuntimeError` where there are no files or programs.
 *
 * @throws {InvalidOptionError} When a limit is not a positive number.
 *
 * @example
 * ```ts
 * import { dockerCredentials } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const configText = JSON.stringify({
 *   auths: {
 *     "ghcr.io": { auth: btoa("you:an access token") },
 *     "quay.io/org": { auth: btoa("org+robot:a key") },
 *   },
 * });
 * const credentials = dockerCredentials({ configText });
 *
 * assertEquals(await credentials({ host: "ghcr.io", repository: "you/app" }), {
 *   username: "you",
 *   password: "an access token",
 * });
 * assertEquals(await credentials({ host: "quay.io", repository: "other/app" }), undefined);
 * ```
 */
export function dockerCredentials(options: DockerCredentialsOptions = {}): CredentialSource {
  const { read, helper } = options;
  const { configBytes, helperLimits } = limitsOf(options);
  const machine: Machine = {
    read: read ?? ((path) => readConfigText(path, configBytes)),
    helper: helper ??
      ((name, verb, input) => runHelperProgram(name, verb, input, helperLimits)),
  };
  return (target) => drive(findCredential(target, options), machine);
}

/**
 * {@linkcode dockerCredentials} for callers that cannot wait: nothing else runs while it reads
 * files and runs helpers. On Deno `helperBytes` is looked at when a helper has ended, and helpers
 * have the variables of `environment` beside the process's own, not in their place.
 *
 * @throws {InvalidOptionError} When a limit is not a positive number.
 *
 * @example
 * ```ts
 * import { dockerCredentialsSync } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const credentials = dockerCredentialsSync({
 *   configText: '{"auths": {"ghcr.io": {"username": "you", "password": "an access token"}}}',
 * });
 * assertEquals(credentials({ host: "ghcr.io" })?.username, "you");
 * ```
 */
export function dockerCredentialsSync(
  options: DockerCredentialsSyncOptions = {},
): (target: CredentialTarget) => Credential | undefined {
  const { read, helper } = options;
  const { configBytes, helperLimits } = limitsOf(options);
  const machine: SyncMachine = {
    read: read ?? ((path) => readConfigTextSync(path, configBytes)),
    helper: helper ??
      ((name, verb, input) => runHelperProgramSync(name, verb, input, helperLimits)),
  };
  return (target) => driveSync(findCredential(target, options), machine);
}

/** Options that say where configs are. */
export type Places = Pick<DockerCredentialsOptions, "config" | "configText" | "environment">;

/** Options with the limits of what is read and run. */
type Limited = Pick<
  DockerCredentialsOptions,
  "configBytes" | "environment" | "helperBytes" | "helperTimeout"
>;

/**
 * The limits, checked.
 *
 * @throws {InvalidOptionError} When one is not a positive number.
 */
export function limitsOf(
  options: Limited,
): { configBytes: number; helperLimits: HelperLimits } {
  const {
    configBytes = MAX_CONFIG_BYTES,
    helperBytes = MAX_HELPER_BYTES,
    helperTimeout = HELPER_TIMEOUT_MS,
    environment,
  } = options;
  for (const [name, value] of Object.entries({ configBytes, helperBytes, helperTimeout })) {
    if (typeof value === "number" && value > 0) continue;
    throw new InvalidOptionError(
      `Cannot look for credentials as '${name}' must be a positive number: current value is ` +
        String(value),
    );
  }
  const limits = { timeout: helperTimeout, maxBytes: helperBytes };
  return { configBytes, helperLimits: { ...limits, ...(environment && { environment }) } };
}

/** Reads the configs, one after the other, as they are asked for. */
export function* readConfigs(places: Places): Generator<Steps<DockerConfig | undefined>> {
  const { config, configText } = places;
  if (configText !== undefined) yield parsed(configText, "the option 'configText'");
  if (config === undefined && configText !== undefined) return;
  const environment = config === undefined ? environmentOf(places.environment) : {};
  const text = variable(environment, DOCKER_AUTH_CONFIG);
  if (text !== undefined) yield parsed(text, DOCKER_AUTH_CONFIG);
  const paths = config === undefined ? configPaths(environment) : [config].flat();
  for (const path of paths) yield readConfig(path);
}

// deno-lint-ignore require-yield
function* parsed(text: string, source: string): Steps<DockerConfig> {
  return parseDockerConfig(text, source);
}

function* readConfig(path: string): Steps<DockerConfig | undefined> {
  const text = yield* readText(path);
  return text === undefined ? undefined : parseDockerConfig(text, path);
}

function* findCredential(
  target: CredentialTarget,
  places: Places,
): Steps<Credential | undefined> {
  const asked = new Set<string>();
  for (const reading of readConfigs(places)) {
    const config = yield* reading;
    const found = config && (yield* findInConfig(config, target, asked));
    if (found !== undefined) return found;
  }
  return undefined;
}

function* findInConfig(
  config: DockerConfig,
  target: CredentialTarget,
  asked: Set<string>,
): Steps<Credential | undefined> {
  const keys = entryKeys(config, target);
  const forPath = keys.filter(({ path }) => path !== "");
  const forHost = keys.filter(({ path }) => path === "").map(({ key }) => key);
  for (const { key } of forPath) {
    const found = entryCredential(config, key);
    if (found !== undefined) return found;
  }
  const { names, servers } = storesFor(config, configKey(target.host).host);
  for (const name of names) {
    for (const server of servers) {
      const question = `${name} ${server}`;
      if (asked.has(question)) continue; // two configs that name one store
      asked.add(question);
      const found = yield* getFromHelper(name, server);
      if (found !== undefined) return found;
    }
  }
  for (const key of forHost) {
    const found = entryCredential(config, key);
    if (found !== undefined) return found;
  }
  return undefined;
}
