/**
 * Who is asking: credentials, where they come from, and which hosts may be talked to.
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
export { publicHostsOnly } from "./host_policy.ts";
export type { TrustedRealms } from "./realm_policy.ts";
export type { AllowHost } from "../transport/allow_host.ts";
export type { HostPurpose } from "../transport/channel.ts";
