/** Lets the changes of one thing, or of each of several, happen one at a time, in the order in which they were asked for. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Makes a change when those before it have come to their end, whatever that was. */
  async take<T>(change: () => Promise<T>, key = ""): Promise<T> {
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(change);
    const settled = turn.then(() => {}, () => {});
    this.#last.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}
