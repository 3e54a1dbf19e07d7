import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import type { Credential, CredentialSource, CredentialTarget } from "../credential.ts";
import { configFiles, configTexts, readConfigText, readConfigTextSync } from "./config_files.ts";
import { ConfigSearch } from "./config_search.ts";
import type {
  CredentialHelper,
  CredentialHelperResult,
  CredentialHelperVerb,
} from "./credential_helper.ts";
import { entryCredential } from "./docker_config.ts";
import { runHelper, runHelperSync } from "./helper_program.ts";
import { readGetAnswer } from "./helper_protocol.ts";
import { limitsOf } from "./limits.ts";

/** Where {@linkcode dockerCredentials} looks, and how far it goes. */
export interface DockerCredentialsOptions {
  /**
   * The paths of configs that are read in place of all others, in this order.
   * @default {where Docker and podman have theirs}
   */
  config?: string | readonly string[];
  /**
   * A config itself, a JSON text as in `DOCKER_AUTH_CONFIG`. It comes first, and no file is read
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
   * How long a credential helper may take, in milliseconds: a person may have to unlock a keychain.
   * @default {60000}
   */
  helperTimeout?: number;
  /**
   * The longest output of a credential helper, in bytes.
   * @default {1048576}
   */
  helperBytes?: number;
  /**
   * The largest config file, in bytes.
   * @default {4194304}
   */
  configBytes?: number;
}

export const DOCKER_CREDENTIALS_OPTIONS: OptionNames<DockerCredentialsOptions> = names(
  "config configText environment helper read helperTimeout helperBytes configBytes",
);

/** Options of {@linkcode dockerCredentialsSync}: its functions return answers, not promises. */
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
 * A key that is a URL stands for its host; a bare one may have a path, for a part of the registry. What
 * is kept under `https://` never goes over plain http; what is kept for a bare host does where that is
 * this machine or `hosts` has `plainHttp` for it.
 *
 * Nothing is read or run before credentials are asked for, and all is read anew each time. A config that
 * is empty or broken, or a helper that fails, does not end the search: the event `credentials-failed`
 * tells, and the next place is looked at. Where nothing is found, that failure is thrown:
 * {@linkcode CredentialError} for a config that is broken or a helper that fails, `LimitError` for a
 * config or an answer that is too large, `TimeoutError` for a helper that hangs, and
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
  checkOptions(options, DOCKER_CREDENTIALS_OPTIONS);
  const { configBytes, helperLimits } = limitsOf(options);
  const {
    read = (path) => readConfigText(path, configBytes),
    helper = (name, verb, input) => runHelper(name, verb, input, helperLimits),
  } = options;
  return async (target, report) => {
    const search = new ConfigSearch(target, report);
    for (const places of CONFIG_PLACES) {
      for (const { source, text } of places(options)) {
        let config: string | undefined;
        try {
          config = text ?? await read(source);
        } catch (error) {
          search.failed(error);
        }
        for (const candidate of search.candidates(config, source)) {
          try {
            const found = "helper" in candidate
              ? readGetAnswer(await helper(candidate.helper, "get", candidate.server), candidate)
              : entryCredential(candidate.config, candidate.key);
            if (search.takes(found, candidate)) return search.end(found);
          } catch (error) {
            search.failed(error, candidate);
          }
        }
      }
    }
    return search.end(undefined);
  };
}

/** In two steps, so that no variable with a file's path is read where a text has the credentials. */
const CONFIG_PLACES = [configTexts, configFiles];

/**
 * {@linkcode dockerCredentials} without promises: nothing else runs while it reads files and runs
 * helpers. On Deno `helperBytes` is checked when a helper has ended, and helpers have the variables of
 * `environment` beside the process's own, not in their place.
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
): (target: CredentialTarget, report?: (failure: unknown) => void) => Credential | undefined {
  checkOptions(options, DOCKER_CREDENTIALS_OPTIONS);
  const { configBytes, helperLimits } = limitsOf(options);
  const {
    read = (path) => readConfigTextSync(path, configBytes),
    helper = (name, verb, input) => runHelperSync(name, verb, input, helperLimits),
  } = options;
  return (target, report) => {
    const search = new ConfigSearch(target, report);
    for (const places of CONFIG_PLACES) {
      for (const { source, text } of places(options)) {
        let config: string | undefined;
        try {
          config = text ?? read(source);
        } catch (error) {
          search.failed(error);
        }
        for (const candidate of search.candidates(config, source)) {
          try {
            const found = "helper" in candidate
              ? readGetAnswer(helper(candidate.helper, "get", candidate.server), candidate)
              : entryCredential(candidate.config, candidate.key);
            if (search.takes(found, candidate)) return search.end(found);
          } catch (error) {
            search.failed(error, candidate);
          }
        }
      }
    }
    return search.end(undefined);
  };
}
