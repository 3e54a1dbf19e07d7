/** A map that keeps a number of entries: those used last. */
export class RecentMap<Value> {
  readonly #entries = new Map<string, Value>();
  readonly #maximum: number;

  /** A map of so many entries at most. */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** What a key stands for. */
  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  /** Makes a key stand for something. */
  set(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#maximum) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }

  /** Forgets a key. */
  delete(key: string): void {
    this.#entries.delete(key);
  }
}

/** Calls of the same key that run at the same time are one. */
export class Flights<Value> {
  readonly #running = new Map<string, Promise<Value>>();

  /** What the running call of this key answers; else that of a new one. */
  run(key: string, call: () => Promise<Value>): Promise<Value> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = call().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }
}
