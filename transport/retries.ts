import type { Limits } from "../content/limits.ts";
import type { Clock } from "./channel.ts";
import type { RetryPolicy } from "./retry_policy.ts";

/** What {@linkcode Retries} works with; a `Channel` has it all. */
export interface RetrySettings {
  /** How often, and after which wait. */
  readonly retry: RetryPolicy;
  /** The longest `Retry-After` that is waited for. */
  readonly limits: Pick<Required<Limits>, "retryAfter">;
  /** Time. */
  readonly clock: Clock;
  /** A number from 0 to 1, so that many clients do not come back at once. @default {Math.random} */
  readonly random?: () => number;
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
