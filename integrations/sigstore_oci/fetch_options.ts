import type { RetryPolicy } from "../../transport/retry_policy.ts";
import type { FetchOptions } from "./options.ts";

/** The wait before the first retry where none is given, in milliseconds: promise-retry's default. */
const MIN_TIMEOUT_MS = 1_000;

/** How often, and after which waits, a request is tried again. */
export function retryPolicy(retry: FetchOptions["retry"] = false): Required<RetryPolicy> {
  const given = typeof retry === "object" ? retry : { retries: Number(retry) };
  const { retries = 0, minTimeout = MIN_TIMEOUT_MS, maxTimeout = Infinity, factor = 2 } = given;
  return { maxAttempts: retries + 1, minDelay: minTimeout, maxDelay: maxTimeout, factor };
}

/** How long the head of a response and each piece of a body may take, in milliseconds. */
export function timeLimits(
  { timeout = 0 }: FetchOptions,
): { responseTimeout: number; stallTimeout: number } {
  const limit = timeout === 0 ? Infinity : timeout;
  return { responseTimeout: limit, stallTimeout: limit };
}
