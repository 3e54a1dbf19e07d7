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
