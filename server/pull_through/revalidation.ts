import { Flights, RecentMap } from "../../content/recent.ts";
import { UpstreamRefusal, within } from "./upstream.ts";

/** Tags and lists whose age is known; one more is some 100 bytes. */
const AGES_KEPT = 10_000;

/**
 * How long an upstream may think while there is something to answer without it, in milliseconds.
 * Clients wait for 30 seconds and more before they give up; a second try of theirs should not be
 * needed.
 */
const PATIENCE_MS = 5_000;

/**
 * How long an upstream that failed is left alone while there is something to answer without it, in
 * milliseconds: else each of a hundred requests would wait for it.
 */
const LEFT_ALONE_MS = 10_000;

/** Said with what may be out of date. */
const STALE = "The upstream cannot be reached: this is what it had when it was asked the last time";

/** Options of {@linkcode Revalidation}. */
export interface RevalidationOptions {
  /** How long an answer is good for, in milliseconds. */
  revalidateAfter: number;
  /** How long the upstream may think, in milliseconds. @default {5000} */
  patience?: number;
  /** The time, in milliseconds. */
  now: () => number;
  /** Called with the reason when the upstream fails. */
  onError: (error: unknown) => void;
}

/** What changes at an upstream: asked for after a time, and answered without it when it fails. */
export class Revalidation<Value> {
  readonly #options: RevalidationOptions;
  readonly #asked = new RecentMap<string, { at: number; failed: boolean }>(AGES_KEPT);
  readonly #flights = new Flights<Value | undefined>();

  /** Knows the age of nothing. */
  constructor(options: RevalidationOptions) {
    this.#options = options;
  }

  /**
   * What the upstream answered the last time, `kept`, while it is fresh; else what it answers now;
   * else the `fallback`, with a warning.
   *
   * @throws {UpstreamRefusal} When the upstream fails and there is no fallback.
   */
  async answer(
    key: string,
    { kept, fallback = kept }: { kept?: Value | undefined; fallback?: Value | undefined },
    askUpstream: (signal?: AbortSignal) => Promise<Value | undefined>,
    warn: (text: string) => void,
  ): Promise<Value | undefined> {
    const { revalidateAfter, patience = PATIENCE_MS, now } = this.#options;
    const last = this.#asked.get(key);
    if (last !== undefined) {
      const age = now() - last.at;
      if (kept !== undefined && !last.failed && age < revalidateAfter) return kept;
      if (fallback !== undefined && last.failed && age < LEFT_ALONE_MS) {
        warn(STALE);
        return fallback;
      }
    }
    try {
      return await this.#flights.run(key, async () => {
        try {
          const value =
            await (fallback === undefined ? askUpstream() : within(patience, askUpstream));
          this.#asked.set(key, { at: now(), failed: false });
          return value;
        } catch (error) {
          if (error instanceof UpstreamRefusal) this.#asked.set(key, { at: now(), failed: true });
          else this.#asked.delete(key);
          throw error;
        }
      });
    } catch (error) {
      if (!(error instanceof UpstreamRefusal) || fallback === undefined) throw error;
      this.#options.onError(error.cause);
      warn(STALE);
      return fallback;
    }
  }
}
