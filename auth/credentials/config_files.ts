import { join } from "@std/path/join";
import { ApiError, CredentialError, LimitError, UnsupportedRuntimeError } from "../../errors.ts";
import {
  environment as ownEnvironment,
  userId,
  type Variables,
} from "../../runtime/environment.ts";
import { fileSystem, readWhole, readWholeSync, type Unread } from "../../runtime/files.ts";

/** The variable whose value is a config. */
const DOCKER_AUTH_CONFIG = "DOCKER_AUTH_CONFIG";

const DOCKER_FILE = "config.json";

const PODMAN_FILE = ["containers", "auth.json"] as const;

/**
 * A variable of the environment that is given, else of the process's own; `undefined` where it is not
 * set or empty.
 *
 * @throws {CredentialError} When it may not be read.
 * @throws {UnsupportedRuntimeError} When this runtime has no environment.
 */
function variable(given: Variables | undefined, name: string): string | undefined {
  const environment = given ?? ownEnvironment();
  if (environment === undefined) {
    throw new UnsupportedRuntimeError(
      "Cannot look for Docker's config: this runtime has no environment and no files",
    );
  }
  try {
    return environment[name] || undefined;
  } catch (cause) {
    throw new CredentialError(
      `Cannot read the environment variable ${name}: the runtime does not allow it; allow it, or ` +
        "give the option 'environment'",
      { cause, source: name },
    );
  }
}

/** A config that may have credentials. */
interface ConfigPlace {
  /** A path, or what has the text. */
  source: string;
  /** The config's text; `undefined` for a file, which is yet to be read. */
  text?: string;
}

interface ConfigOptions {
  config?: string | readonly string[];
  configText?: string;
  environment?: Variables;
}

/**
 * The configs whose texts are there without a file: the option's, else the variable's.
 *
 * @throws {CredentialError} When the variable may not be read.
 * @throws {UnsupportedRuntimeError} When this runtime has no environment.
 */
export function configTexts({ config, configText, environment }: ConfigOptions): ConfigPlace[] {
  if (configText !== undefined) return [{ source: "the option 'configText'", text: configText }];
  if (config !== undefined) return [];
  const text = variable(environment, DOCKER_AUTH_CONFIG);
  return text === undefined ? [] : [{ source: DOCKER_AUTH_CONFIG, text }];
}

/**
 * The files that are read after {@linkcode configTexts}: the option's, else Docker's and podman's.
 *
 * @throws {CredentialError} When a variable may not be read.
 * @throws {UnsupportedRuntimeError} When this runtime has no environment.
 */
export function configFiles({ config, configText, environment }: ConfigOptions): ConfigPlace[] {
  if (config !== undefined) return [config].flat().map((source) => ({ source }));
  if (configText !== undefined) return [];
  return [dockerConfigPath(environment), ...podmanPaths(environment)]
    .flatMap((source) => source === undefined ? [] : [{ source }]);
}

/**
 * Docker's config: in `DOCKER_CONFIG`, else in the home folder; `undefined` where neither is set.
 *
 * @throws {CredentialError} When a variable may not be read.
 * @throws {UnsupportedRuntimeError} When this runtime has no environment.
 */
export function dockerConfigPath(environment: Variables | undefined): string | undefined {
  const folder = variable(environment, "DOCKER_CONFIG");
  if (folder !== undefined) return join(folder, DOCKER_FILE);
  const home = homeFolder(environment);
  return home && join(home, ".docker", DOCKER_FILE);
}

function podmanPaths(environment: Variables | undefined): (string | undefined)[] {
  const file = variable(environment, "REGISTRY_AUTH_FILE");
  if (file !== undefined) return [file];
  const runtime = variable(environment, "XDG_RUNTIME_DIR");
  const home = homeFolder(environment);
  const config = variable(environment, "XDG_CONFIG_HOME") ?? (home && join(home, ".config"));
  return [
    runtime === undefined ? runtimeFile() : join(runtime, ...PODMAN_FILE),
    config && join(config, ...PODMAN_FILE),
  ];
}

/** Where podman writes in a session without `XDG_RUNTIME_DIR`, as in a container. */
function runtimeFile(): string | undefined {
  const user = userId();
  return user === undefined ? undefined : `/run/containers/${user}/auth.json`;
}

function homeFolder(environment: Variables | undefined): string | undefined {
  return variable(environment, "HOME") ?? variable(environment, "USERPROFILE");
}

/**
 * Reads the text of a config; `undefined` where there is no file.
 *
 * @throws {CredentialError} When it cannot be read.
 * @throws {LimitError} When it is larger than `maxBytes`.
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 */
export async function readConfigText(path: string, maxBytes: number): Promise<string | undefined> {
  const system = fileSystem();
  try {
    return textOf(system && await readWhole(system, path, maxBytes), path, maxBytes);
  } catch (error) {
    throw unreadable(path, error);
  }
}

export function readConfigTextSync(path: string, maxBytes: number): string | undefined {
  try {
    return textOf(readWholeSync(path, maxBytes), path, maxBytes);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function textOf(
  found: Uint8Array | Unread | undefined,
  path: string,
  maxBytes: number,
): string | undefined {
  switch (found) {
    case undefined:
      throw new UnsupportedRuntimeError(`Cannot read ${path}: this runtime has no files`);
    case "missing":
      return undefined;
    case "not a file":
      throw new CredentialError(
        `Cannot read ${path}: it is not a file; give the path of a config`,
        { source: path },
      );
    case "too large":
      throw new LimitError(
        `Cannot read ${path}: it is larger than the limit configBytes of ${maxBytes} bytes`,
        { limit: "configBytes", maximum: maxBytes },
      );
    default:
      return new TextDecoder().decode(found);
  }
}

function unreadable(path: string, cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  return new CredentialError(
    `Cannot read ${path}: the system does not let this program; look at who may read it`,
    { cause, source: path },
  );
}
