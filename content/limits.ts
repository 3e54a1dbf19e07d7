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
   * How long to wait for a response's head after the request was sent, in milliseconds.
   * @default {60000}
   */
  responseTimeout?: number;
  /**
   * How long a body may stand still, in either direction, in milliseconds.
   * @default {60000}
   */
  stallTimeout?: number;
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
  maxPages: 10_000,
  maxRedirects: 10,
  responseTimeout: 60_000,
  stallTimeout: 60_000,
  retryAfter: 300_000,
};

/** How much of an archive, a tar of images, is read before it is given up with a `LimitError`. */
export interface ArchiveLimits {
  /**
   * The most entries of the tar. Some 50 MB of memory hold as many as the default.
   * @default {250000}
   */
  maxEntries?: number;
  /**
   * The most bytes that all files of the tar have together, and that it decompresses to.
   * @default {1099511627776}
   */
  maxBytes?: number;
  /**
   * The most bytes for one compressed byte, where they are more than 16 MiB: zeros alone come to
   * 1,032 with gzip, and to many more with zstd.
   * @default {200}
   */
  maxRatio?: number;
  /**
   * The largest `index.json` or `manifest.json`, in bytes.
   * @default {67108864}
   */
  indexBytes?: number;
  /**
   * The largest manifest or configuration, in bytes.
   * @default {8388608}
   */
  manifestBytes?: number;
}

/** Every limit of archives with its default. */
export const DEFAULT_ARCHIVE_LIMITS: Required<ArchiveLimits> = {
  maxEntries: 250_000,
  maxBytes: 1024 ** 4,
  maxRatio: 200,
  indexBytes: 64 * 1024 * 1024,
  manifestBytes: 8 * 1024 * 1024,
};
