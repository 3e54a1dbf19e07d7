import { ApiError, HttpError } from "../errors.ts";
import type { DavitEvent } from "../events.ts";
import type { ChannelRequest, Middleware } from "./channel.ts";
import { limiters } from "./limiter.ts";
import { redactUrl } from "./redact.ts";
import { parseRetryAfter } from "./retry_after.ts";
import { Retries, type RetrySettings } from "./retries.ts";

/** The statuses that may pass: overload, restarts and time-outs. Never 404. */
export const RETRYABLE_STATUSES: readonly number[] = [408, 425, 429, 500, 502, 503, 504];

/** What {@linkcode retry} works with. */
export interface RetryOptions extends RetrySettings {
  /** Called before each retry, and when a host refuses further requests for a while. */
  emit: (event: DavitEvent) => void;
  /** The maximum of concurrent requests to each host. @default {Infinity} */
  maxConcurrency?: number;
}

/**
 * A refusal costs so much of a try while the host takes other requests in the meantime: many that
 * share a quota each come to their turn, and one that is never taken still ends.
 */
const SHARED_REFUSAL = 1 / 4;

/**
 * Sends a request when its host's {@linkcode Limiter} lets it go, and again after a broken connection,
 * a time-out or a status that may pass. After a refusal the limiter does the waiting.
 *
 * @throws {InvalidOptionError} When `maxConcurrency` is below 1.
 */
export function retry(options: RetryOptions): Middleware {
  const { clock, emit, limits, retry: policy, maxConcurrency = Infinity } = options;
  const limiterOf = limiters(maxConcurrency, policy.maxAttempts, clock);

  return (next) => async (request) => {
    const limiter = limiterOf(request);
    let retries: Retries | undefined;
    let { successes } = limiter;
    let turn = limiter.acquire(request);
    for (;;) {
      const slot = turn instanceof Promise ? await turn : turn;
      let reason: string;
      let delay: number | undefined;
      let refused = false;
      try {
        const answer = await next(request);
        const { response } = answer;
        const { status } = response;
        if (!RETRYABLE_STATUSES.includes(status)) {
          limiter.succeeded(slot);
          return answer;
        }
        const wait = parseRetryAfter(response.headers.get("retry-after"), clock.now());
        if (wait !== undefined && wait > limits.retryAfter) return answer;
        reason = `status ${status}`;
        // A storage that a redirect led to says nothing of the registry.
        refused = (status === 429 || wait !== undefined) &&
          answer.url.origin === request.url.origin;
        retries ??= new Retries(options);
        const shared = refused && retries.failures > 0 && limiter.successes > successes;
        delay = retries.failed(wait, shared ? SHARED_REFUSAL : 1);
        if (refused) {
          const pause = delay ?? wait ?? policy.minDelay;
          const { host } = request.url;
          if (limiter.refused(slot, pause)) emit({ type: "wait", host, delay: pause, reason });
        }
        successes = limiter.successes;
        const last = delay === undefined || refused && limiter.exhausted;
        if (last || !canRepeat(request)) return answer;
        await response.body?.cancel().catch(() => {});
        // Before the slot is given back: in its old place, ahead of all that came later.
        if (refused) turn = limiter.acquire(request, slot);
      } catch (error) {
        if (!isRetryable(error) || request.signal?.aborted || !canRepeat(request)) throw error;
        retries ??= new Retries(options);
        delay = retries.failed();
        if (delay === undefined) {
          exhausted.add(error);
          throw error;
        }
        reason = error.message;
      } finally {
        limiter.release(slot);
      }
      emit({
        type: "retry",
        method: request.method,
        url: redactUrl(request.url),
        attempt: retries.failures,
        delay: delay!,
        reason,
      });
      if (refused) continue;
      await clock.sleep(delay!, request.signal);
      turn = limiter.acquire(request, slot);
    }
  };
}

/**
 * Errors of what was tried again as often as it may be: a request for a token, say. What waits for that
 * is not tried again for it.
 */
export const exhausted = new WeakSet<ApiError>();

/** Whether another try may help: davit's own errors say so themselves. */
export function isRetryable(error: unknown): error is ApiError {
  return error instanceof ApiError && error.retryable && !(error instanceof HttpError) &&
    !exhausted.has(error);
}

function canRepeat(request: ChannelRequest): boolean {
  return request.repeatable !== false && (request.body?.reopenable ?? true);
}
