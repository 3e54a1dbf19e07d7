import { helpersFor } from "../../auth/credentials/candidates.ts";
import { dockerConfigPath, readConfigTextSync } from "../../auth/credentials/config_files.ts";
import { matchingKeys } from "../../auth/credentials/config_keys.ts";
import type { Credential } from "../../auth/credential.ts";
import { TOKEN_USER } from "../../auth/identity.ts";
import {
  type DockerConfig,
  entryCredential,
  parseDockerConfig,
} from "../../auth/credentials/docker_config.ts";
import { runHelperSync } from "../../auth/credentials/helper_program.ts";
import { readGetAnswer } from "../../auth/credentials/helper_protocol.ts";
import { limitsOf } from "../../auth/credentials/limits.ts";
import { CredentialError } from "../../errors.ts";
import { type ImageName, parseImageName } from "./image_name.ts";
import type { Credentials } from "./options.ts";

/**
 * What `docker login` left for the image's registry; **not** a promise. Reads
 * `$DOCKER_CONFIG/config.json`, else `$HOME/.docker/config.json`: `auths` first, by exact host, then
 * `credHelpers` and `credsStore`. Docker Hub has its three names.
 *
 * @throws {CredentialError} `No credential file found at …`, `No credentials found for registry …`;
 * or for a config that is broken, or a helper that fails.
 * @throws {InvalidReferenceError} `Invalid image name: …`
 * @throws {UnsupportedRuntimeError} Where there are no files: browsers, workers.
 *
 * @example
 * ```ts
 * import { getRegistryCredentials } from "@davit/registry-client/sigstore-oci";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(
 *   () => getRegistryCredentials("registry.example/you/app"),
 *   Error,
 *   "No credential",
 * );
 * ```
 */
export function getRegistryCredentials(imageName: string): Credentials {
  const image = parseImageName(imageName);
  const { configBytes } = limitsOf({});
  const path = dockerConfigPath(undefined);
  const text = path && readConfigTextSync(path, configBytes);
  if (path === undefined || text === undefined) {
    const source = path ?? "~/.docker/config.json";
    throw new CredentialError(`No credential file found at ${source}`, { source });
  }
  const config = parseDockerConfig(text, path);
  const { username, password = "", refreshToken } = entryOf(config, image) ??
    helperAnswer(config, image) ?? {};
  if (username === undefined && refreshToken === undefined) {
    throw new CredentialError(`No credentials found for registry ${image.registry}`, {
      source: path,
    });
  }
  const { httpHeaders } = config;
  return {
    username: username ?? TOKEN_USER,
    password: refreshToken ?? password,
    ...(Object.keys(httpHeaders).length > 0 && { headers: httpHeaders }),
  };
}

function entryOf(
  config: DockerConfig,
  { registry: host, path: repository }: ImageName,
): Credential | undefined {
  for (const key of matchingKeys(Object.keys(config.auths), { host, repository })) {
    const found = entryCredential(config, key);
    if (found !== undefined) return found;
  }
  return undefined;
}

function helperAnswer(config: DockerConfig, { registry }: ImageName): Credential | undefined {
  const { helperLimits } = limitsOf({});
  for (const key of helpersFor(config, { host: registry })) {
    const found = readGetAnswer(runHelperSync(key.helper, "get", key.server, helperLimits), key);
    if (found !== undefined) return found;
  }
  return undefined;
}
