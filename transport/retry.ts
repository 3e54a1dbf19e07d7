import { ApiError, HttpError } from "../errors.ts";
import type { DavitEvent } from "../events.ts";
import type { Limits } from "../content/limits.ts";
import type { ChannelRequest, Clock, Middleware } from "./channel.ts";
import { redactUrl } from "./redact.ts";
import { parseRetryAfter } from "./retry_after.ts";
import type { RetryPolicy } from "./retry_policy.ts";

/** The statuses that may pass: overload, restarts and time-outs. Never 404. */
export const RETRYABLE_STATUSES: readonly number[] = [408, 429, 500, 502, 503, 504];

/** What {@linkcode retry} works with. */
export interface RetryOptions {
  /** How often and how long. */
  policy: RetryPolicy;
  /** The longest `Retry-After` that is waited for. */
  limits: Pick<Required<Limits>, "retryAfter">;
  /** Time. */
  clock: Clock;
  /** Told each retry. */
  emit: (event: DavitEvent) => void;
  /** A number from 0 to 1, so that many clients do not come back at once. @default {Math.random} */
  random?: () => number;
}

/** Sends a request again after a broken connection, a time-out or a status that may pass. */
export function retry(options: RetryOptions): Middleware {
  const { policy, limits, clock, emit, random = Math.random } = options;

  return (next) => async (request) => {
    for (let attempt = 1;; attempt++) {
      const last = attempt >= policy.maxAttempts || !canRepeat(request);
      let reason: string;
      let wait: number | undefined;
      try {
        const answer = await next(request);
        const { status, headers, body } = answer.response;
        if (last || !RETRYABLE_STATUSES.includes(status)) return answer;
        wait = parseRetryAfter(headers.get("retry-after"), clock.now());
        if (wait !== undefined && wait > limits.retryAfter) return answer;
        await body?.cancel().catch(() => {});
        reason = `status ${status}`;
      } catch (error) {
        if (last || request.signal?.aborted || !isRetryable(error)) throw error;
        reason = (error as Error).message;
      }
      // A server's clock that is late asks for no wait at all: five tries at once help nobody.
      const delay = Math.max(wait ?? 0, backoff(policy, attempt, random()));
      emit({
        type: "retry",
        method: request.method,
        url: redactUrl(request.url),
        attempt,
        delay,
        reason,
      });
      await clock.sleep(delay, request.signal);
    }
  };
}

/** The wait after a failed try, in milliseconds: doubled each time, the upper half at random. */
export function backoff(policy: RetryPolicy, attempt: number, random: number): number {
  const full = Math.min(policy.maxDelay, policy.minDelay * 2 ** (attempt - 1));
  return Math.round(full / 2 + (full / 2) * random);
}

/** Whether another try may help: davit's own errors say so themselves. */
export function isRetryable(error: unknown): boolean {
  return error instanceof ApiError && error.retryable && !(error instanceof HttpError);
}

function canRepeat(request: ChannelRequest): boolean {
  return request.repeatable !== false && (request.body?.reopenable ?? true);
}
