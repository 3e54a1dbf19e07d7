import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { InvalidOptionError } from "../../errors.ts";
import type { CredentialSource } from "../credential.ts";
import { type ProviderOptions, providerSettings } from "./provider_options.ts";
import { hostOption } from "./registry_host.ts";

/** Options of {@linkcode githubCredentials}. */
export interface GithubCredentialsOptions extends Pick<ProviderOptions, "environment"> {
  /**
   * A workflow's token, or a classic personal access token with `read:packages` or more.
   * @default {GITHUB_TOKEN of the environment}
   */
  token?: string;
  /**
   * The user: GitHub looks at the token alone.
   * @default {GITHUB_ACTOR of the environment, else "x-access-token"}
   */
  username?: string;
  /**
   * The registry: `containers.<subdomain>.ghe.com` in GitHub's enterprise cloud.
   * @default {"ghcr.io"}
   */
  host?: string;
}

const GITHUB_CREDENTIALS_OPTIONS: OptionNames<GithubCredentialsOptions> = names(
  "token username host environment",
);

const HOST = "ghcr.io";

/** What GitHub calls the user of an app's token. */
const ANY_USER = "x-access-token";

/**
 * Credentials for GitHub's registry, `ghcr.io`, as a workflow has them: nothing needs to be given
 * where `GITHUB_TOKEN` is in the environment (`env: GITHUB_TOKEN: ${{ github.token }}`). Without a
 * token it is anonymous.
 *
 * @throws {InvalidOptionError} When the token is empty, or `host` is not a host.
 *
 * @example
 * ```ts
 * import { githubCredentials } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const variables: Record<string, string> = { GITHUB_TOKEN: "ghs_token", GITHUB_ACTOR: "you" };
 * const credentials = githubCredentials({ environment: variables });
 *
 * assertEquals(await credentials({ host: "ghcr.io" }), { username: "you", password: "ghs_token" });
 * assertEquals(await credentials({ host: "quay.io" }), undefined);
 * ```
 *
 * @see https://docs.github.com/packages/working-with-a-github-packages-registry/working-with-the-container-registry
 */
export function githubCredentials(options: GithubCredentialsOptions = {}): CredentialSource {
  checkOptions(options, GITHUB_CREDENTIALS_OPTIONS);
  const { token, username, host = HOST } = options;
  const { variable } = providerSettings(options);
  if (token === "") {
    throw new InvalidOptionError("Cannot use githubCredentials: token must not be empty");
  }
  const registry = hostOption("githubCredentials", host);
  return (target) => {
    if (target.host !== registry) return undefined;
    const password = token ?? variable("GITHUB_TOKEN");
    if (password === undefined) return undefined;
    return { username: username ?? variable("GITHUB_ACTOR") ?? ANY_USER, password };
  };
}
