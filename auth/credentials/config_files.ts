import { join } from "@std/path";
import { CredentialError, LimitError, UnsupportedRuntimeError } from "../../errors.ts";
import {
  environment as ownEnvironment,
  userId,
  type Variables,
} from "../../runtime/environment.ts";
import { fileSystem, readWhole, readWholeSync, type Unread } from "../../runtime/files.ts";

/** The variable whose value is a config. */
export const DOCKER_AUTH_CONFIG = "DOCKER_AUTH_CONFIG";

/** The name of Docker's config in its folder. */
const DOCKER_FILE = "config.json";

/** The name of podman's in its. */
const PODMAN_FILE = ["containers", "auth.json"] as const;

/** The largest config, in bytes: those of people with a hundred registries have 30 KB. */
export const MAX_CONFIG_BYTES: number = 4 * 1024 * 1024;

/**
 * A variable; `undefined` where it is not set or empty.
 *
 * @throws {CredentialError} When it may not be read.
 */
export function variable(environment: Variables, name: string): string | undefined {
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

/**
 * The environment that an option gives, else the process's own.
 *
 * @throws {UnsupportedRuntimeError} When this runtime has none.
 */
export function environmentOf(given: Variables | undefined): Variables {
  const found = given ?? ownEnvironment();
  if (found !== undefined) return found;
  throw new UnsupportedRuntimeError(
    "Cannot look for Docker's config: this runtime has no environment and no files",
  );
}

/** Docker's config: in `DOCKER_CONFIG`, else in the home folder; `undefined` where there is none. */
export function dockerConfigPath(environment: Variables): string | undefined {
  const folder = variable(environment, "DOCKER_CONFIG");
  if (folder !== undefined) return join(folder, DOCKER_FILE);
  const home = homeFolder(environment);
  return home && join(home, ".docker", DOCKER_FILE);
}

/** The places of Docker's config and of podman's, in the order in which they are asked. */
export function configPaths(environment: Variables): string[] {
  const docker = dockerConfigPath(environment);
  return [...(docker === undefined ? [] : [docker]), ...podmanPaths(environment)];
}

function podmanPaths(environment: Variables): string[] {
  const file = variable(environment, "REGISTRY_AUTH_FILE");
  if (file !== undefined) return [file];
  const runtime = variable(environment, "XDG_RUNTIME_DIR");
  const home = homeFolder(environment);
  const config = variable(environment, "XDG_CONFIG_HOME") ?? (home && join(home, ".config"));
  return [
    runtime === undefined ? runtimeFile() : join(runtime, ...PODMAN_FILE),
    config && join(config, ...PODMAN_FILE),
  ].filter((path) => path !== undefined);
}

/** Where podman writes in a session without `XDG_RUNTIME_DIR`, as in a container. */
function runtimeFile(): string | undefined {
  const user = userId();
  return user === undefined ? undefined : `/run/containers/${user}/auth.json`;
}

function homeFolder(environment: Variables): string | undefined {
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
  if (system === undefined) throw noFiles(path);
  let found: Uint8Array | Unread;
  try {
    found = await readWhole(system, path, maxBytes);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return textOf(found, path, maxBytes);
}

/** {@linkcode readConfigText} for callers that cannot wait. */
export function readConfigTextSync(path: string, maxBytes: number): string | undefined {
  let found: Uint8Array | Unread | undefined;
  try {
    found = readWholeSync(path, maxBytes);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  if (found === undefined) throw noFiles(path);
  return textOf(found, path, maxBytes);
}

function textOf(found: Uint8Array | Unread, path: string, maxBytes: number): string | undefined {
  if (found === "missing") return undefined;
  if (found === "not a file") {
    throw new CredentialError(`Cannot read ${path}: it is not a file; give the path of a config`, {
      source: path,
    });
  }
  if (found === "too large") {
    throw new LimitError(
      `Cannot read ${path}: it is larger than the limit configBytes of ${maxBytes} bytes`,
      { limit: "configBytes", maximum: maxBytes },
    );
  }
  return new TextDecoder().decode(found);
}

function unreadable(path: string, cause: unknown): CredentialError {
  return new CredentialError(
    `Cannot read ${path}: the system does not let this program; look at who may read it`,
    { cause, source: path },
  );
}

function noFiles(path: string): UnsupportedRuntimeError {
  return new UnsupportedRuntimeError(`Cannot read ${path}: this runtime has no files`);
}
