import { Flights, RecentMap } from "../../content/recent.ts";
import type { Clock } from "../../transport/channel.ts";

/** An answer, and how long it is good for. */
export interface Expiring<T> {
  value: T;
  /** When it ends, in milliseconds since 1970. */
  expires: number;
}

/**
 * How long before its end an answer is asked for anew, in milliseconds: a transfer begins with it,
 * and clocks differ. Half its life where that is shorter.
 */
export const RENEW_BEFORE_MS = 60_000;

/**
 * The longest life that is believed, in milliseconds: a day, twice what any of these services gives.
 * A time in the wrong unit would keep an answer for ever.
 */
export const MAX_LIFE_MS = 24 * 60 * 60 * 1_000;

/** How many answers are kept: one for each region or registry that a program talks to. */
export const MAX_KEPT = 256;

/**
 * Answers by key, until shortly before they end. Many calls for one key at once ask once; what
 * failed is asked again by the next call. Nothing of it shows when it is printed.
 */
export class KeptAnswers<T> {
  readonly #clock: Pick<Clock, "now">;
  readonly #answers = new RecentMap<string, { value: T; until: number }>(MAX_KEPT);
  readonly #flights = new Flights<T>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** The answer for a key; asks where there is none, or none that lasts. */
  get(key: string, ask: () => Promise<Expiring<T>>): Promise<T> {
    const kept = this.#answers.get(key);
    if (kept !== undefined && this.#clock.now() < kept.until) return Promise.resolve(kept.value);
    return this.#flights.run(key, () => this.#ask(key, ask));
  }

  async #ask(key: string, ask: () => Promise<Expiring<T>>): Promise<T> {
    const started = this.#clock.now();
    const { value, expires } = await ask();
    const end = Math.min(expires, started + MAX_LIFE_MS);
    const until = end - Math.min(RENEW_BEFORE_MS, (end - started) / 2);
    this.#answers.set(key, { value, until });
    return value;
  }
}
