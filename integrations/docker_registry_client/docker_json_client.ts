/**
 * The entry point `docker-json-client` of `docker_registry_client`: the response class.
 *
 * @example
 * ```ts
 * import { DockerResponse } from "@davit/registry-client/docker-json-client";
 * import { assertEquals } from "@std/assert";
 *
 * const response = new DockerResponse('{"a":1}', { status: 200 });
 * assertEquals(await response.dockerJson(), { a: 1 });
 * ```
 *
 * @module
 */
export { DockerResponse, type DockerResponseConstructor } from "../../transport/docker_response.ts";
