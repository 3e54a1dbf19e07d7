/**
 * An OCI registry as a function from a `Request` to a `Response`: the whole distribution
 * specification. Test code against it without sockets or containers, or serve it.
 *
 * | for | give |
 * | --- | --- |
 * | a registry in memory | `createRegistry()`; its `fetch` goes to a client |
 * | one on the disk, an OCI layout a repository | `createRegistry({ backend: diskBackend("folder") })` |
 * | one in a bucket, for several Workers | `createRegistry({ backend: objectBackend(store) })` |
 * | one over a socket, with TLS and CORS | `await serve(registry, { port: 5000, tls, cors: true })` |
 * | users and passwords | `createRegistry({ auth: { basic: { users: { me: "secret" } } } })` |
 * | a token service, and anonymous pulls | `createRegistry({ auth: { bearer: { users, anonymous: ["pull"] } } })` |
 * | one that fills itself from another | `createRegistry({ upstream: store })` |
 * | the habits of a known registry | `createRegistry({ preset: "ghcr" })` |
 * | one habit | `createRegistry({ quirks: { noReferrers: "text", deletes: 405 } })` |
 * | what goes wrong | `createRegistry({ faults: { status: 503, retryAfter: 1, on: { nth: 2 } } })` |
 * | what a client asked | `registry.requests`, each with its path, status and bytes |
 * | a recording of another registry | `record(fetch)`, then `createRegistry({ tape })` |
 * | how well a client keeps to the specification | `grade(registry)` |
 *
 * @example A registry with users, served on a free port
 * ```ts
 * import { createRegistry, serve } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const registry = createRegistry({
 *   auth: { bearer: { users: { me: "a password" }, anonymous: ["pull"] } },
 * });
 * const server = await serve(registry);
 * const response = await fetch(new URL("/v2/", server.url));
 * await response.body?.cancel();
 * assertEquals(response.status, 401);
 * assertEquals(
 *   response.headers.get("www-authenticate"),
 *   `Bearer realm="${server.url}/token",service="davit"`,
 * );
 * await server.close();
 * ```
 *
 * @module
 */
export type {
  BasicAuthOptions,
  BearerAuthOptions,
  RegistryAction,
  RegistryAuth,
  RegistryRights,
  RegistryUser,
  RegistryUsersOptions,
  TokenKey,
  TokenKeySet,
  TokenOptions,
  TokenServiceOptions,
} from "./auth_options.ts";
export { cors, type CorsOptions } from "./cors.ts";
export { createTokenKey, tokenKeySet } from "./token_keys.ts";
export { tokenService } from "./token_service.ts";
export type { ObservedRequest } from "./observation.ts";
export type { RegistryOptions } from "./options.ts";
export type { Upstream } from "./pull_through_upstream.ts";
export type { FaultRule } from "./faults.ts";
export type { PresetName } from "./preset.ts";
export type { MatchedEndpoint, RequestMatch } from "./quirk_match.ts";
export type {
  LocationQuirks,
  PageQuirks,
  QuirkOptions,
  QuirkRule,
  RateLimitQuirk,
  TokenQuirks,
} from "./quirk_options.ts";
export { createRegistry, type Registry } from "./registry.ts";
export { type RequestHandler, serve, type ServedRegistry, type ServeOptions } from "./serve.ts";
export type { Answer, Around } from "./around.ts";
export type {
  BackendUpload,
  Page,
  PageRequest,
  RegistryBackend,
  StoredBlob,
  StoredManifest,
} from "./backend.ts";
export { type DiskBackend, diskBackend, type DiskBackendOptions } from "./disk_backend.ts";
export { MemoryBackend } from "./memory_backend.ts";
export {
  type ObjectBackend,
  objectBackend,
  type ObjectBackendOptions,
  type ObjectStore,
  type StoredObject,
} from "./object_backend.ts";
export type {
  Tape,
  TapeBody,
  TapeContent,
  TapeExchange,
  TapeRequest,
  TapeResponse,
} from "./tape.ts";
export { record, type Recording, type RecordOptions } from "./record.ts";
export { replay, type ReplayOptions } from "./tape_replay.ts";
export type { TapeBodies } from "./tape_body.ts";
export { grade, type GradeOptions, type Grading } from "./grade.ts";
export type { GradeOutcome, GradeProvocation } from "./grade_journal.ts";
export {
  formatGrade,
  type GradeLevel,
  type GradeReport,
  type GradeResult,
  type GradeVerdict,
  mergeGrades,
} from "./grade_report.ts";
export { GRADE_SCENARIOS, GRADE_USER, type GradeScenario } from "./grade_scenarios.ts";
