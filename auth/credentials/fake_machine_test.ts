/** A machine for tests of credentials: files, an environment and helpers that are there by name alone. */
import type { CredentialHelperResult } from "./credential_helper.ts";
import type { DockerCredentialsSyncOptions } from "./docker_credentials.ts";

export const HOME = { HOME: "/home/you", XDG_RUNTIME_DIR: "/run/you" };
export const DOCKER = "/home/you/.docker/config.json";
export const RUNTIME = "/run/you/containers/auth.json";
export const PODMAN = "/home/you/.config/containers/auth.json";
export const HUB = "registry-1.docker.io";

export const auth = (text: string) => ({ auth: btoa(text) });
export const auths = (entries: Record<string, unknown>, more: object = {}) => ({
  auths: entries,
  ...more,
});
export const pair = (username: string, password: string) => ({ username, password });

/** Answers of helpers by "name verb input"; what is not there is not found. */
export type Answers = Record<string, CredentialHelperResult | object>;

export interface World {
  files?: Record<string, unknown>;
  environment?: Record<string, string>;
  helpers?: Answers;
  config?: string | string[];
  configText?: string;
}

const NOT_FOUND = { code: 1, stdout: "credentials not found in native keychain\n" };

export function optionsOf(world: World, done: string[] = []): DockerCredentialsSyncOptions {
  const { files = {}, environment = HOME, helpers = {}, config, configText } = world;
  return {
    environment,
    ...(config !== undefined && { config }),
    ...(configText !== undefined && { configText }),
    read(path) {
      done.push(path);
      const file = files[path];
      return typeof file === "string" || file === undefined ? file : JSON.stringify(file);
    },
    helper(name, verb, input) {
      done.push(`${name} ${verb} ${input}`);
      const answer = helpers[`${name} ${verb} ${input}`] ?? NOT_FOUND;
      return "code" in answer ? answer as CredentialHelperResult : {
        code: 0,
        stdout: JSON.stringify(answer),
      };
    },
  };
}

export const docker = (config: unknown, helpers: Answers = {}): World => ({
  files: { [DOCKER]: config },
  helpers,
});

export const secret = (Username: string, Secret: string, ServerURL?: string) => ({
  ...{ ServerURL, Username, Secret },
});

export function targetOf(text: string): { host: string; repository?: string } {
  const [host, ...path] = text.split("/");
  return { host: host!, ...(path.length > 0 && { repository: path.join("/") }) };
}
