import { LONGEST_TIMER_MS } from "./longest_timer.ts";

/** Those that are set, and the one timer that serves them all. */
const pending = new Set<Deadline>();
let timer: ReturnType<typeof setTimeout> | undefined;
/** Whether the timer keeps the process alive: while somebody waits for what it guards. */
let held = false;
/** When the timer ends. */
let due = Infinity;

/**
 * A time by which something must have happened. Most deadlines are cleared long before they expire,
 * and a timer for each request costs more than the rest of a small one: all share one timer, which is
 * made rarely.
 */
export class Deadline {
  readonly #expire: () => void;
  #at = Infinity;

  /** A deadline that is not set yet; `expire` is called when it passes. */
  constructor(expire: () => void) {
    this.#expire = expire;
  }

  /** Sets it so many milliseconds from now, in place of what it was before. */
  set(milliseconds: number): void {
    this.#at = performance.now() + milliseconds;
    pending.add(this);
    if (this.#at < due) arm(this.#at);
    else if (!held) hold(true);
  }

  /** No time matters until it is set again: that is soon, so the timer goes on. */
  rest(): void {
    pending.delete(this);
    if (pending.size === 0) hold(false);
  }

  /** No time matters any more. */
  clear(): void {
    pending.delete(this);
    if (pending.size > 0) return;
    clearTimeout(timer);
    due = Infinity;
  }

  /** Expires what has passed, and answers the earliest of those that are left. */
  static check(): number {
    const now = performance.now();
    let next = Infinity;
    for (const deadline of [...pending]) {
      if (deadline.#at > now) next = Math.min(next, deadline.#at);
      else {
        pending.delete(deadline);
        deadline.#expire();
      }
    }
    return next;
  }
}

/** On Node, Deno and Bun; elsewhere a timer is a number, and keeps nothing alive. */
function hold(alive: boolean): void {
  held = alive;
  const { ref, unref } = Object(timer) as { ref?(): void; unref?(): void };
  (alive ? ref : unref)?.call(timer);
}

function arm(at: number): void {
  clearTimeout(timer);
  due = at;
  held = true;
  timer = setTimeout(() => {
    due = Infinity;
    const next = Deadline.check();
    if (next < due) arm(next);
  }, Math.min(Math.max(0, Math.ceil(at - performance.now())), LONGEST_TIMER_MS));
}
