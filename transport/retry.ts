import { ApiError, HttpError } from "../errors.ts";
import type { DavitEvent } from "../events.ts";
import type { Limits } from "../content/limits.ts";
import type { ChannelRequest, Clock, Middleware } from "./channel.ts";
import { redactUrl } from "./redact.ts";
import { parseRetryAfter } from "./retry_after.ts";
import { RetryGates } from "./retry_gate.ts";
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

/**
 * A refusal costs so much of a try while the host takes other requests in the meantime: many that
 * share a quota each come to their turn, and one that is never taken still ends.
 */
const SHARED_REFUSAL = 1 / 4;

/**
 * Sends a request again after a broken connection, a time-out or a status that may pass. One that
 * the host has no room for keeps the others to that host from being sent for as long.
 */
export function retry(options: RetryOptions): Middleware {
  const { policy, limits, clock, emit, random = Math.random } = options;
  const gates = new RetryGates({ maxAttempts: policy.maxAttempts, clock, emit });

  return (next) => async (request) => {
    const gate = gates.for(request);
    const ticket = gate.arrive();
    let spent = 0;
    let served = gate.served;
    try {
      for (let attempt = 1;; attempt++) {
        const entered = gate.enter(ticket, request);
        const turn = entered instanceof Promise ? await entered : entered;
        let reason: string;
        let delay: number;
        try {
          const answer = await next(request);
          const { status, headers, body } = answer.response;
          if (!RETRYABLE_STATUSES.includes(status)) {
            gate.taken(turn);
            return answer;
          }
          const wait = parseRetryAfter(headers.get("retry-after"), clock.now());
          if (wait !== undefined && wait > limits.retryAfter) return answer;
          // A server's clock that is late asks for no wait at all: five tries at once help nobody.
          delay = Math.max(wait ?? 0, backoff(policy, attempt, random()));
          reason = `status ${status}`;
          const refused = status === 429 || wait !== undefined;
          // A storage that a redirect led to says nothing of the registry.
          const own = refused && answer.url.origin === request.url.origin;
          if (own) gate.refused(turn, delay, reason);
          const shared = own && spent > 0 && gate.served > served;
          spent += shared ? SHARED_REFUSAL : 1;
          served = gate.served;
          if (spent >= policy.maxAttempts || !canRepeat(request) || (own && gate.hopeless)) {
            return answer;
          }
          await body?.cancel().catch(() => {});
        } catch (error) {
          spent++;
          const last = spent >= policy.maxAttempts || !canRepeat(request);
          if (last || request.signal?.aborted || !isRetryable(error)) throw error;
          reason = (error as Error).message;
          delay = backoff(policy, attempt, random());
        } finally {
          gate.leave(turn);
        }
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
    } finally {
      gate.depart();
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
