/**
 * The entry point `errors` of `docker_registry_client`, and the `getHttpError` of its npm port.
 *
 * @example
 * ```ts
 * import { HttpError } from "@davit/registry-client/errors";
 * import { DockerResponse } from "@davit/registry-client/docker-json-client";
 * import { assertEquals } from "@std/assert";
 *
 * const resp = new DockerResponse("", { status: 503 });
 * const error = new HttpError(resp, [{ code: "UNAVAILABLE", message: "later" }], "Cannot pull");
 * assertEquals([error.name, error.resp.status, error.errors.length], ["HttpError", 503, 1]);
 * ```
 *
 * @module
 */
import {
  AuthenticationError,
  ForbiddenError,
  HttpError as ResponseError,
  NotFoundError,
  UnauthorizedError,
} from "../../errors.ts";

export type { ByteArray, DockerResponse, RegistryError } from "../../docker_response.ts";
export {
  ApiError,
  BadDigestError,
  DownloadError,
  ForbiddenError,
  InternalError,
  InvalidContentError,
  InvalidManifestError,
  ManifestVerificationError,
  NotFoundError,
  TooManyRedirectsError,
  UnauthorizedError,
  UploadError,
} from "../../errors.ts";

/**
 * A response with an error status, a registry's or a token service's: each davit's `HttpError` is an
 * instance, and so is an `AuthenticationError` with a response.
 */
export class HttpError extends ResponseError {
  /** Whether an error is the answer of a registry or a token service. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== HttpError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return value instanceof ResponseError ||
      (value instanceof AuthenticationError && value.resp !== undefined);
  }
}

/** The error class for a status. */
export function getHttpError(statusCode: number): typeof ResponseError {
  if (statusCode === 401) return UnauthorizedError;
  if (statusCode === 403) return ForbiddenError;
  return statusCode === 404 ? NotFoundError : HttpError;
}
