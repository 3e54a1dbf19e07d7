import type { Middleware } from "./channel.ts";
import { checkConcurrency, Limiter } from "./limiter.ts";

/**
 * Limits the concurrent requests to one host, for a sender that is not behind `retry`.
 *
 * @throws {InvalidOptionError} When the count is below 1.
 */
export function limit(maxConcurrency: number): Middleware {
  checkConcurrency(maxConcurrency);
  const limiter = new Limiter(maxConcurrency);

  return (next) => async (request) => {
    const slot = await limiter.acquire(request);
    try {
      return await next(request);
    } finally {
      limiter.release(slot);
    }
  };
}
