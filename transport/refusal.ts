/** What a refusal says: loaded when a {@linkcode DockerResponse} is asked for it. */
export { httpError } from "./http_error.ts";
export { registryErrors } from "./registry_errors.ts";
