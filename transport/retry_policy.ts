/** How often a request is tried again, and after which wait. */
export interface RetryPolicy {
  /** All tries, the first one included. */
  maxAttempts: number;
  /** The wait after the first failure, in milliseconds; it grows by `factor` each time. */
  minDelay: number;
  /** The longest wait between two tries, in milliseconds, where the registry names none. */
  maxDelay: number;
  /** How much longer each wait is than the one before. @default {2} */
  factor?: number;
}

/** Five tries within about three seconds, unless the registry asks for longer waits. */
export const DEFAULT_RETRY: RetryPolicy = {
  maxAttempts: 5,
  minDelay: 200,
  maxDelay: 10_000,
  factor: 2,
};
