import type { Clock } from "./channel.ts";

/** A clock for many sleepers: when nothing else is to be done, the earliest of them wakes. */
export class SharedClock implements Clock {
  #time = Date.UTC(2026, 0, 1);
  readonly #sleepers: { until: number; wake: () => void }[] = [];
  #turning = false;

  now(): number {
    return this.#time;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = { until: this.#time + milliseconds, wake: resolve };
      const later = this.#sleepers.findIndex(({ until }) => until > sleeper.until);
      this.#sleepers.splice(later < 0 ? this.#sleepers.length : later, 0, sleeper);
      signal?.addEventListener("abort", () => {
        const at = this.#sleepers.indexOf(sleeper);
        if (at >= 0) this.#sleepers.splice(at, 1);
        reject(signal.reason);
      });
      void this.#turn();
    });
  }

  async #turn(): Promise<void> {
    if (this.#turning) return;
    this.#turning = true;
    while (this.#sleepers.length > 0) {
      await new Promise((resolve) => setTimeout(resolve)); // everything that can go on does
      const sleeper = this.#sleepers.shift();
      if (sleeper === undefined) break;
      this.#time = Math.max(this.#time, sleeper.until);
      sleeper.wake();
    }
    this.#turning = false;
  }
}
