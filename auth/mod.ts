/**
 * Authentication: credentials, where they come from, and which hosts may be spoken to.
 *
 * @example Credentials for two registries
 * ```ts
 * import type { CredentialSource } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const passwords: Record<string, string> = { "ghcr.io": "one", "quay.io": "two" };
 * const credentials: CredentialSource = ({ host }) =>
 *   host in passwords ? { username: "you", password: passwords[host]! } : undefined;
 *
 * assertEquals(credentials({ host: "ghcr.io" }), { username: "you", password: "one" });
 * ```
 *
 * @module
 */
export type { AuthInfo } from "./auth_info.ts";
export { type Challenge, parseChallenges } from "./challenge.ts";
export type { Credential, CredentialSource, CredentialTarget } from "./credential.ts";
export type {
  CredentialHelper,
  CredentialHelperResult,
  CredentialHelperVerb,
} from "./credentials/credential_helper.ts";
export {
  dockerCredentials,
  type DockerCredentialsOptions,
  dockerCredentialsSync,
  type DockerCredentialsSyncOptions,
} from "./credentials/docker_credentials.ts";
export { acrCredentials } from "./providers/acr_credentials.ts";
export type { AcrCredentialsOptions, AzureServicePrincipal } from "./providers/acr_credentials.ts";
export type { AwsCredentials, AwsCredentialSource } from "./providers/aws_credentials.ts";
export { ecrCredentials, type EcrCredentialsOptions } from "./providers/ecr_credentials.ts";
export { type EcrRepositoryOptions, ensureEcrRepository } from "./providers/ecr_repository.ts";
export { firstCredentials } from "./providers/first_credentials.ts";
export {
  githubCredentials,
  type GithubCredentialsOptions,
} from "./providers/github_credentials.ts";
export {
  gitlabCredentials,
  type GitlabCredentialsOptions,
} from "./providers/gitlab_credentials.ts";
export {
  googleCredentials,
  type GoogleCredentialsOptions,
} from "./providers/google_credentials.ts";
export type { GoogleServiceAccountKey } from "./providers/google_key.ts";
export type { ProviderOptions } from "./providers/provider_options.ts";
export {
  harborCredentials,
  type HarborCredentialsOptions,
  quayCredentials,
  type QuayCredentialsOptions,
} from "./providers/robot_credentials.ts";
export type { TokenSource } from "./providers/token_source.ts";
export { publicHostsOnly } from "./host_policy.ts";
export { listLogins, login, type LoginOptions, logout } from "./credentials/login.ts";
export type { Login } from "./credentials/login_list.ts";
export type { TrustedRealms } from "./trusted_realms.ts";
export type { AllowHost } from "../transport/allow_host.ts";
export type { Clock, HostPurpose } from "../transport/channel.ts";
