/**
 * The entry point `docker-json-client` of `docker_registry_client`: the response class.
 *
 * @example
 * ```ts
 * import { DockerResponse } from "@davit/registry-client/docker-json-client";
 * import { assertEquals } from "@std/assert";
 *
 * const response = new DockerResponse(new Response('{"a":1}'), {
 *   method: "GET",
 *   url: "https://ghcr.io/v2/",
 * });
 * assertEquals(await response.dockerJson(), { a: 1 });
 * ```
 *
 * @module
 */
export { DockerResponse } from "../../transport/docker_response.ts";
