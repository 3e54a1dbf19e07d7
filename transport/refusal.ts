import type { DockerResponse } from "../docker_response.ts";
import type { HttpError } from "../errors.ts";
import { systemClock } from "./clock.ts";
import { httpError } from "./http_error.ts";
import { parseRateLimit } from "./rate_limit.ts";
import { registryErrors } from "./registry_errors.ts";
import { parseRetryAfter } from "./retry_after.ts";

export { registryErrors } from "./registry_errors.ts";

/** The request that a response answers, for its error. */
export interface Asked {
  method: string;
  url: string;
  redact?: (words: string) => string;
}

/** The typed error for a response whose body was read. */
export function refusedBy(
  message: string,
  resp: DockerResponse,
  body: Uint8Array,
  asked?: Asked,
): HttpError {
  const retryAfter = parseRetryAfter(resp.headers.get("retry-after"), systemClock.now());
  const rateLimit = parseRateLimit(resp.headers);
  return httpError(message, {
    resp,
    errors: registryErrors(body, asked?.redact),
    ...asked,
    ...(retryAfter !== undefined && { retryAfter }),
    ...(rateLimit !== undefined && { rateLimit }),
  });
}
