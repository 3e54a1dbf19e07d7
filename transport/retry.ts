import type { Limits } from "../content/limits.ts";
import { ApiError, HttpError } from "../errors.ts";
import type { DavitEvent } from "../events.ts";
import type { ChannelRequest, Clock, Middleware } from "./channel.ts";
import { limiters } from "./limiter.ts";
import { redactUrl } from "./redact.ts";
import type { RetryPolicy } from "./retry_policy.ts";

/** The statuses that may pass: overload, restarts and time-outs. Never 404. */
export const RETRYABLE_STATUSES: readonly number[] = [408, 425, 429, 500, 502, 503, 504];

/** What {@linkcode Retries} works with; a `Channel` has it all. */
interface RetrySettings {
  /** How often, and after which wait. */
  readonly retry: RetryPolicy;
  /** The longest `Retry-After` that is waited for. */
  readonly limits: Pick<Required<Limits>, "retryAfter">;
  /** Time. */
  readonly clock: Clock;
  /** A number from 0 to 1, so that many clients do not come back at once. @default {Math.random} */
  readonly random?: () => number;
}

/** What {@linkcode retry} works with. */
interface RetryOptions extends RetrySettings {
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
          error.message += `; tries: ${retries.failures}`;
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

/**
 * The tries of one operation, whatever it is: a request, a download that is resumed, an upload. The
 * policy, `Retry-After` and what progress means for the count are known here and nowhere else.
 */
export class Retries {
  readonly #settings: RetrySettings;
  #spent = 0;
  #failures = 0;

  /** Nothing has failed yet. */
  constructor(settings: RetrySettings) {
    this.#settings = settings;
  }

  /** How often it failed since it last came further. */
  get failures(): number {
    return this.#failures;
  }

  /** The operation came further than before: earlier failures no longer count. */
  progressed(): void {
    this.#spent = 0;
    this.#failures = 0;
  }

  /**
   * Counts a failure. Answers how long to wait before the next try, in milliseconds: the policy's
   * wait or the registry's `retryAfter`, whichever is longer. `undefined` when no try is left, or the
   * registry asks for a longer wait than the limit. A failure may cost less than a whole try.
   */
  failed(retryAfter = 0, cost = 1): number | undefined {
    const { retry, limits, random = Math.random } = this.#settings;
    this.#spent += cost;
    this.#failures++;
    if (this.#spent >= retry.maxAttempts || retryAfter > limits.retryAfter) return undefined;
    return Math.max(retryAfter, backoff(retry, this.#failures, random()));
  }
}

/** The wait after a failed try, in milliseconds: longer each time, the upper half at random. */
export function backoff(policy: RetryPolicy, attempt: number, random: number): number {
  const { minDelay, maxDelay, factor = 2 } = policy;
  const full = Math.min(maxDelay, minDelay * factor ** (attempt - 1));
  return Math.round(full / 2 + (full / 2) * random);
}

/**
 * The wait that a `Retry-After` header asks for, in milliseconds: it holds seconds or a date.
 * `undefined` where there is none, or nothing sensible in it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 */
export function parseRetryAfter(header: string | null, now: number): number | undefined {
  const text = header?.trim();
  if (text === undefined || text === "") return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000);
  const date = Date.parse(text);
  if (Number.isNaN(date) || !/[a-z]/i.test(text)) return undefined;
  return Math.max(0, date - now);
}
