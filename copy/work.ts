import { sharedController } from "../content/shared_controller.ts";

/** Runs a task, when its turn has come. */
export type Turns = <T>(task: () => Promise<T>) => Promise<T>;

/** At most so many tasks at once; the others wait, first come, first served. */
export function turns(most: number): Turns {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}

/**
 * Everything that one verb does at once. The first failure, or the caller's signal, ends the rest; and
 * nothing runs any more when the verb has ended.
 */
export class Work {
  readonly #controller = sharedController();
  readonly #running = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  private constructor() {}

  /** Runs a verb; throws what it, or anything that it started, failed with first. */
  static async run<T>(
    signal: AbortSignal | undefined,
    verb: (work: Work) => Promise<T>,
  ): Promise<T> {
    const work = new Work();
    const abort = () => work.#fail(signal!.reason);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    try {
      work.signal.throwIfAborted();
      const result = await verb(work);
      await work.idle();
      return result;
    } catch (error) {
      work.#fail(error);
      await work.#settled();
      throw work.#failure!.error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Ends with the caller's signal, and with the first failure. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Starts a task, which the verb waits for at its end. */
  start<T>(task: () => Promise<T>): Promise<T> {
    const result = Promise.resolve().then(() => {
      this.signal.throwIfAborted();
      return task();
    });
    const settled: Promise<void> = result.then(() => {}, (error) => this.#fail(error)).then(() => {
      this.#running.delete(settled);
    });
    this.#running.add(settled);
    return result;
  }

  /** Waits until nothing of what was started runs; throws what failed first. */
  async idle(): Promise<void> {
    await this.#settled();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#controller.abort(error);
  }
}
