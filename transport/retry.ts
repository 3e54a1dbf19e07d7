import { ApiError, HttpError } from "../errors.ts";
import type { DavitEvent } from "../events.ts";
import type { ChannelRequest, Middleware } from "./channel.ts";
import { redactUrl } from "./redact.ts";
import { parseRetryAfter } from "./retry_after.ts";
import { Retries, type RetrySettings } from "./retries.ts";
import { RetryGates } from "./retry_gate.ts";

/** The statuses that may pass: overload, restarts and time-outs. Never 404. */
export const RETRYABLE_STATUSES: readonly number[] = [408, 429, 500, 502, 503, 504];

/** What {@linkcode retry} works with. */
export interface RetryOptions extends RetrySettings {
  /** Called before each retry. */
  emit: (event: DavitEvent) => void;
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
  const { clock, emit } = options;
  const gates = new RetryGates({ maxAttempts: options.retry.maxAttempts, clock, emit });

  return (next) => async (request) => {
    const gate = gates.for(request);
    const ticket = gate.arrive();
    const retries = new Retries(options);
    let served = gate.served;
    try {
      for (;;) {
        const entered = gate.enter(ticket, request);
        const turn = entered instanceof Promise ? await entered : entered;
        let reason: string;
        let delay: number | undefined;
        try {
          const answer = await next(request);
          const { status, headers, body } = answer.response;
          if (!RETRYABLE_STATUSES.includes(status)) {
            gate.taken(turn);
            return answer;
          }
          const wait = parseRetryAfter(headers.get("retry-after"), clock.now());
          if (wait !== undefined && wait > options.limits.retryAfter) return answer;
          reason = `status ${status}`;
          const refused = status === 429 || wait !== undefined;
          // A storage that a redirect led to says nothing of the registry.
          const own = refused && answer.url.origin === request.url.origin;
          const shared = own && retries.failures > 0 && gate.served > served;
          delay = retries.failed(wait, shared ? SHARED_REFUSAL : 1);
          if (own) gate.refused(turn, delay ?? wait ?? options.retry.minDelay, reason);
          served = gate.served;
          if (delay === undefined || !canRepeat(request) || (own && gate.hopeless)) return answer;
          await body?.cancel().catch(() => {});
        } catch (error) {
          delay = retries.failed();
          const last = delay === undefined || !canRepeat(request);
          if (last || request.signal?.aborted || !isRetryable(error)) throw error;
          reason = (error as Error).message;
        } finally {
          gate.leave(turn);
        }
        emit({
          type: "retry",
          method: request.method,
          url: redactUrl(request.url),
          attempt: retries.failures,
          delay: delay!,
          reason,
        });
        await clock.sleep(delay!, request.signal);
      }
    } finally {
      gate.depart();
    }
  };
}

/** Whether another try may help: davit's own errors say so themselves. */
export function isRetryable(error: unknown): boolean {
  return error instanceof ApiError && error.retryable && !(error instanceof HttpError);
}

function canRepeat(request: ChannelRequest): boolean {
  return request.repeatable !== false && (request.body?.reopenable ?? true);
}
