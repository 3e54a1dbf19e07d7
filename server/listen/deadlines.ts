import { LONGEST_TIMER_MS } from "../../runtime/longest_timer.ts";

/** Runs something once after a time in milliseconds, at most 2^31 - 1. */
type Later = (run: () => void, milliseconds: number) => void;

/**
 * The machine's own timer, by way of a signal's. That one keeps no process alive, on any runtime,
 * and a test that leaves it behind leaks nothing, as it would with a `setTimeout` however it was
 * made. What waits is a pipe that nothing ever comes through: Deno (2.9) keeps a process alive for a
 * signal as soon as an event listener is on it.
 */
export function laterOnThisMachine(run: () => void, milliseconds: number): void {
  const signal = AbortSignal.timeout(milliseconds);
  new ReadableStream().pipeTo(new WritableStream(), { signal }).catch(run);
}

/** Something that must have happened by a time. */
export interface Deadline {
  /** When, in milliseconds; `Infinity` while it does not matter. It may be put off at any time. */
  due: number;
  /** What is done when the time has come: it must put the deadline off, or take it away. */
  late(): void;
}

/**
 * Many deadlines, and one timer: it rings no later than the next of them, and then looks at all.
 * Deadlines that are met in time cost nothing: a thousand requests within a limit of a minute start
 * one timer together.
 */
export class Deadlines {
  readonly #now: () => number;
  readonly #later: Later;
  readonly #watched = new Set<Deadline>();
  /** When the timer rings. */
  #ring = Infinity;

  /** Deadlines by a clock in milliseconds. */
  constructor(now: () => number, later: Later) {
    this.#now = now;
    this.#later = later;
  }

  /** Watches a deadline. Call it again for one that comes earlier than it was. */
  watch(deadline: Deadline): void {
    this.#watched.add(deadline);
    this.#ringBy(deadline.due);
  }

  /** Watches a deadline no more. */
  forget(deadline: Deadline): void {
    this.#watched.delete(deadline);
  }

  #ringBy(due: number): void {
    if (due >= this.#ring || due === Infinity) return;
    const wait = Math.min(Math.max(due - this.#now(), 0), LONGEST_TIMER_MS);
    const ring = this.#ring = this.#now() + wait;
    this.#later(() => this.#look(ring), wait);
  }

  #look(ring: number): void {
    if (ring !== this.#ring) return; // an earlier one took its place
    this.#ring = Infinity;
    const now = this.#now();
    for (const deadline of [...this.#watched]) if (deadline.due <= now) deadline.late();
    let next = Infinity;
    for (const { due } of this.#watched) next = Math.min(next, due);
    this.#ringBy(next);
  }
}
