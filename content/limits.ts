/** How much davit reads, waits and follows before it gives up with a `LimitError` or `TimeoutError`. */
export interface Limits {
  /**
   * The largest manifest, in bytes. The specification asks registries for 4 MiB at least.
   * @default {8388608}
   */
  manifestBytes?: number;
  /**
   * The largest page of tags, referrers or repositories, in bytes.
   * @default {16777216}
   */
  pageBytes?: number;
  /**
   * The largest answer of a token service, in bytes.
   * @default {1048576}
   */
  tokenBytes?: number;
  /**
   * How much of an error's body is read, in bytes; what is longer is cut.
   * @default {65536}
   */
  errorBytes?: number;
  /**
   * The largest blob that `bytes()`, `text()` and `json()` read into memory, in bytes; its stream has
   * no such limit.
   * @default {67108864}
   */
  blobBytes?: number;
  /**
   * The most entries that a list holds which is gathered from all its pages: `listTags()`; those that
   * are iterated over, `tags()`, have no such limit.
   * @default {1000000}
   */
  listEntries?: number;
  /**
   * The most pages that one list reads: a server that never stops linking ends in an error.
   * @default {10000}
   */
  maxPages?: number;
  /**
   * The most redirects one request follows.
   * @default {10}
   */
  maxRedirects?: number;
  /**
   * How long to wait for a response's head after the request was sent, in milliseconds; each of
   * `retry.maxAttempts` tries waits for so long.
   * @default {60000}
   */
  responseTimeout?: number;
  /**
   * How long a body may stand still, in either direction, in milliseconds.
   * @default {60000}
   */
  stallTimeout?: number;
  /**
   * The slowest that a response's body may come, in bytes a second, over ten times `stallTimeout`; what
   * only drips ends in an error. Time in which nobody reads does not count.
   * @default {1024}
   */
  leastRate?: number;
  /**
   * The longest wait that a `Retry-After` is honoured for, in milliseconds; a longer one fails
   * the call with the registry's error, which tells it.
   * @default {300000}
   */
  retryAfter?: number;
}

/** Every limit with its default. */
export const DEFAULT_LIMITS: Required<Limits> = {
  manifestBytes: 8 * 1024 * 1024,
  pageBytes: 16 * 1024 * 1024,
  tokenBytes: 1024 * 1024,
  errorBytes: 64 * 1024,
  blobBytes: 64 * 1024 * 1024,
  listEntries: 1_000_000,
  maxPages: 10_000,
  maxRedirects: 10,
  responseTimeout: 60_000,
  stallTimeout: 60_000,
  leastRate: 1024,
  retryAfter: 300_000,
};
