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
 * | more before and after every request | `createRegistry({ middleware: [cors(true)] })` |
 * | what a client asked | `registry.requests`, each with its path, status and bytes |
 *
 * What behaves like a registry of another maker, breaks, replays a recording or grades a client is in
 * `@davit/registry-client/testing`.
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
} from "./access/options.ts";
export { cors, type CorsOptions } from "./listen/cors.ts";
export { createTokenKey, tokenKeySet } from "./access/token_keys.ts";
export { tokenService } from "./access/token_service.ts";
export type { ObservedRequest } from "./observation.ts";
export type { RegistryOptions } from "./options.ts";
export type { Upstream, UpstreamOptions } from "./pull_through/upstream.ts";
export { createRegistry, type Registry } from "./registry.ts";
export {
  type RequestHandler,
  serve,
  type ServedRegistry,
  type ServeOptions,
} from "./listen/serve.ts";
export {
  type Handler,
  type Middleware,
  ownRequest,
  type RequestContext,
  withRequest,
} from "./middleware.ts";
export type { Route } from "./route.ts";
export type {
  BackendUpload,
  Page,
  PageRequest,
  RegistryBackend,
  StoredBlob,
  StoredManifest,
} from "./backends/backend.ts";
export { type DiskBackend, diskBackend, type DiskBackendOptions } from "./backends/disk_backend.ts";
export { MemoryBackend } from "./backends/memory_backend.ts";
export {
  type ObjectBackend,
  objectBackend,
  type ObjectBackendOptions,
  type ObjectStore,
  type StoredObject,
} from "./backends/object_backend.ts";
