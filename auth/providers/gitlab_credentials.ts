import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { AuthenticationError, InvalidOptionError } from "../../errors.ts";
import { quoteInput } from "../../reference/quote_input.ts";
import type { Credential, CredentialSource } from "../credential.ts";
import { type ProviderOptions, providerSettings } from "./provider_options.ts";
import { hostOption, registryHost } from "./registry_host.ts";

/** Options of {@linkcode gitlabCredentials}. */
export interface GitlabCredentialsOptions extends Pick<ProviderOptions, "environment"> {
  /**
   * The registry's host, with its port where it has one: `registry.gitlab.com`.
   * @default {CI_REGISTRY of the environment}
   */
  host?: string;
  /** The user name that goes with `password`. @default {CI_REGISTRY_USER of the environment} */
  username?: string;
  /** A job's, deploy or personal access token. @default {as a job has it} */
  password?: string;
  /**
   * Whether the deploy token named `gitlab-deploy-token` is used, CI_DEPLOY_USER and
   * CI_DEPLOY_PASSWORD, and not the job's own: it outlives the job.
   * @default {false}
   */
  deployToken?: boolean;
}

const GITLAB_CREDENTIALS_OPTIONS: OptionNames<GitlabCredentialsOptions> = names(
  "host username password deployToken environment",
);

/** The user name that goes with CI_JOB_TOKEN. */
const JOB_USER = "gitlab-ci-token";

/**
 * Credentials for GitLab's registry as a CI job has them in its environment: CI_REGISTRY_USER with
 * CI_REGISTRY_PASSWORD, else CI_JOB_TOKEN, else the deploy token; for the host in CI_REGISTRY alone.
 * Outside a job it has none.
 *
 * A registry of one's own has its token service at GitLab itself, another host: name it in the
 * client's `trustedRealms`, `{"registry.example.com": "gitlab.example.com"}`. GitLab.com's is known.
 *
 * The source throws `AuthenticationError` when CI_REGISTRY is not a host.
 *
 * @throws {InvalidOptionError} When `host` is not one, or `password` comes without `username`.
 *
 * @example
 * ```ts
 * import { gitlabCredentials } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const variables: Record<string, string> = {
 *   CI_REGISTRY: "registry.gitlab.com",
 *   CI_JOB_TOKEN: "token",
 * };
 * const credentials = gitlabCredentials({ environment: variables });
 *
 * assertEquals(await credentials({ host: "registry.gitlab.com" }), {
 *   username: "gitlab-ci-token",
 *   password: "token",
 * });
 * assertEquals(await credentials({ host: "registry.example.com" }), undefined);
 * ```
 *
 * @see https://docs.gitlab.com/user/packages/container_registry/authenticate_with_container_registry/
 * @see https://docs.gitlab.com/ci/variables/predefined_variables/
 */
export function gitlabCredentials(options: GitlabCredentialsOptions = {}): CredentialSource {
  checkOptions(options, GITLAB_CREDENTIALS_OPTIONS);
  const { host, username, password, deployToken = false } = options;
  const { variable } = providerSettings(options);
  const given = host === undefined ? undefined : hostOption("gitlabCredentials", host);
  if (password !== undefined && username === undefined) {
    throw new InvalidOptionError("Cannot use gitlabCredentials: a password needs a username");
  }
  const job = (user: string, secret: string): Credential | undefined => {
    const [name, word] = [username ?? variable(user), variable(secret)];
    return name === undefined || word === undefined
      ? undefined
      : { username: name, password: word };
  };

  return (target) => {
    const registry = given ?? hostOfJob(variable);
    if (target.host !== registry) return undefined;
    if (username !== undefined && password !== undefined) return { username, password };
    const deploy = job("CI_DEPLOY_USER", "CI_DEPLOY_PASSWORD");
    if (deployToken) return deploy;
    const token = variable("CI_JOB_TOKEN");
    return job("CI_REGISTRY_USER", "CI_REGISTRY_PASSWORD") ??
      (token === undefined ? deploy : { username: username ?? JOB_USER, password: token });
  };
}

function hostOfJob(variable: (name: string) => string | undefined): string | undefined {
  const value = variable("CI_REGISTRY");
  if (value === undefined) return undefined;
  const host = registryHost(value);
  if (host !== undefined) return host;
  throw new AuthenticationError(
    `Cannot get credentials as CI_REGISTRY must be a host: current value is ${
      quoteInput(value, "registry")
    }`,
  );
}
