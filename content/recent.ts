/** A map that keeps a number of entries: those used last. */
export class RecentMap<Key, Value> extends Map<Key, Value> {
  readonly #maximum: number;

  /** A map of so many entries at most. */
  constructor(maximum: number) {
    super();
    this.#maximum = maximum;
  }

  /** What a key stands for. */
  override get(key: Key): Value | undefined {
    const value = super.get(key);
    if (value === undefined) return undefined;
    super.delete(key);
    super.set(key, value);
    return value;
  }

  /** What a key stands for, which is made where it stands for nothing. */
  getOr(key: Key, make: () => Value): Value {
    const known = this.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.set(key, made);
    return made;
  }

  /** Makes a key stand for something. */
  override set(key: Key, value: Value): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.#maximum) {
      const [oldest] = this.keys();
      this.delete(oldest!);
    }
    return this;
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
