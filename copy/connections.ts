/** More than so many at once is what no registry is asked for: containerd stays below it too. */
const MOST = 20;

/** How long the pace is measured, in milliseconds. */
const WINDOW_MS = 250;

/** The connections of one copy: how many parts of blobs may come at once, and how fast all come. */
export class Connections {
  /** Whether several at once were found not to be faster than one. */
  useless = false;
  #free = MOST;
  #bytes = 0;
  #since = 0;
  #pace = Infinity;

  /** Takes up to so many; answers how many there were. */
  take(wanted: number): number {
    const taken = Math.max(0, Math.min(wanted, this.#free));
    this.#free -= taken;
    return taken;
  }

  /** Gives some back. */
  give(count: number): void {
    this.#free += count;
  }

  /** Bytes came. */
  came(bytes: number, now: number): void {
    if (now - this.#since >= WINDOW_MS) {
      // A first window, or one after a pause, says nothing.
      this.#pace = now - this.#since < 4 * WINDOW_MS ? this.#bytes / (now - this.#since) : Infinity;
      this.#since = now;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
  }

  /** How fast all blobs together come, in bytes a millisecond. */
  get pace(): number {
    return this.#pace;
  }
}
