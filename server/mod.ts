/**
 * An OCI registry as a function from a `Request` to a `Response`: the whole distribution
 * specification, in memory. Test code against it without sockets or containers, or serve it.
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
  RegistryUser,
  RegistryUsersOptions,
} from "./auth_options.ts";
export type { ObservedRequest } from "./observation.ts";
export type { RegistryOptions } from "./options.ts";
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
export { MemoryBackend } from "./memory_backend.ts";
