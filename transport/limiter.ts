import { InvalidOptionError } from "../errors.ts";
import { type ChannelRequest, type Clock, isStreamed } from "./channel.ts";
import { systemClock } from "./clock.ts";
import { untilAborted } from "./until_aborted.ts";

/** More origins than one client talks to: a limiter that is forgotten only starts afresh. */
const LIMITERS_KEPT = 100;

/** The right to send one request. */
interface Slot {
  /** Where it is given back. */
  readonly pool: Pool;
  /** The place in line, which a call keeps for all of its tries. */
  readonly place: number;
  /** How often the host had refused by the time the request went. */
  round: number;
}

/** So many slots, and those who wait for one, in the order of their places. */
class Pool {
  readonly max: number;
  /** How many may be taken now. */
  capacity: number;
  /** How many are taken. */
  active = 0;
  readonly #line: { place: number; start: () => void }[] = [];

  constructor(max: number) {
    this.max = max;
    this.capacity = max;
  }

  /** Takes a slot; `undefined` where it is free. */
  acquire(place: number, signal: AbortSignal | undefined): Promise<void> | undefined {
    signal?.throwIfAborted();
    if (this.active < this.capacity) {
      this.active++;
      return undefined;
    }
    const waiter = { place, start: () => {} };
    const turn = new Promise<void>((resolve) => waiter.start = resolve);
    const before = this.#line.findLastIndex((other) => other.place < place);
    this.#line.splice(before + 1, 0, waiter);
    return untilAborted(turn, signal, () => {
      const at = this.#line.indexOf(waiter);
      if (at >= 0) this.#line.splice(at, 1);
      else this.release(); // it was just given one
    });
  }

  release(): void {
    this.active--;
    while (this.active < this.capacity && this.#line.length > 0) {
      this.active++;
      this.#line.shift()!.start();
    }
  }
}

/**
 * Limits the concurrent requests to one host. A response whose head has arrived counts no more: a
 * body that is not read must not block.
 *
 * A host that refuses a request, with 429 or a `Retry-After`, is sent none before the time it named:
 * otherwise each request would spend a try on the same answer. Then one goes first, and each that is
 * taken lets one more go at once, the oldest first.
 *
 * Streamed bodies have a pool of their own: their bytes may come out of another request to the same
 * host, which would never get a slot if they had them all.
 */
export class Limiter {
  readonly #maxAttempts: number;
  readonly #clock: Clock;
  readonly #plain: Pool;
  readonly #streamed: Pool;
  #notBefore = 0;
  #round = 0;
  #refusals = 0;
  #places = 0;
  /** How many requests the host has taken. */
  successes = 0;

  /** After `maxAttempts` refusals in a row, the host counts as exhausted. */
  constructor(maxConcurrency: number, maxAttempts = Infinity, clock: Clock = systemClock) {
    this.#plain = new Pool(Math.floor(maxConcurrency));
    this.#streamed = new Pool(Math.floor(maxConcurrency));
    this.#maxAttempts = maxAttempts;
    this.#clock = clock;
  }

  /** Whether the host refused so often, and took nothing in between, that all calls give up. */
  get exhausted(): boolean {
    return this.#refusals >= this.#maxAttempts;
  }

  /**
   * Waits until the request may go, after a try in its old place; a promise only where there is
   * something to wait for.
   *
   * @throws The signal's reason when it aborts.
   */
  acquire(
    { body, signal }: Pick<ChannelRequest, "body" | "signal">,
    previous?: Slot,
  ): Slot | Promise<Slot> {
    const pool = isStreamed(body) ? this.#streamed : this.#plain;
    const place = previous?.place ?? this.#places++;
    const turn = pool.acquire(place, signal);
    const slot = { pool, place, round: this.#round };
    return turn === undefined && this.#round === 0 ? slot : this.#wait(slot, turn, signal);
  }

  async #wait(
    slot: Slot,
    turn: Promise<void> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Slot> {
    await turn;
    try {
      for (;;) {
        const left = this.#notBefore - this.#clock.now();
        if (left <= 0) break;
        await this.#clock.sleep(left, signal);
      }
    } catch (error) {
      this.release(slot);
      throw error;
    }
    slot.round = this.#round;
    return slot;
  }

  /** The request has an answer, or will never have one. */
  release({ pool }: Slot): void {
    pool.release();
    // With no call left, the next one starts with all of its tries.
    if (this.#plain.active + this.#streamed.active === 0) this.#refusals = 0;
  }

  /** The host took the request. */
  succeeded({ round }: Slot): void {
    this.successes++;
    this.#refusals = 0;
    const pool = this.#plain;
    // One that went before the refusal says nothing of the time after it.
    if (round === this.#round && pool.capacity < pool.max) pool.capacity++;
  }

  /**
   * The host refused the request, and wants none for so many milliseconds. Answers whether that is
   * new: of requests that were sent together, the first one says it.
   */
  refused({ round }: Slot, milliseconds: number): boolean {
    this.#notBefore = Math.max(this.#notBefore, this.#clock.now() + milliseconds);
    if (round !== this.#round) return false;
    this.#round++;
    this.#refusals++;
    this.#plain.capacity = this.exhausted ? this.#plain.max : 1;
    return true;
  }
}

/**
 * A {@linkcode Limiter} for each origin. Token requests have one of their own: the request that waits
 * for the token holds a slot already, and a token service's refusal says nothing of the registry.
 *
 * @throws {InvalidOptionError} When `maxConcurrency` is below 1.
 */
export function limiters(
  maxConcurrency: number,
  maxAttempts: number,
  clock: Clock,
): (request: Pick<ChannelRequest, "url" | "purpose">) => Limiter {
  checkConcurrency(maxConcurrency);
  const known = new Map<string, Limiter>();

  return ({ url, purpose }) => {
    const key = purpose === "realm" ? `realm ${url.origin}` : url.origin;
    let limiter = known.get(key);
    if (limiter === undefined) {
      if (known.size >= LIMITERS_KEPT) known.delete(known.keys().next().value!);
      limiter = new Limiter(maxConcurrency, maxAttempts, clock);
      known.set(key, limiter);
    }
    return limiter;
  };
}

/** @throws {InvalidOptionError} When the count is below 1. */
export function checkConcurrency(maxConcurrency: number): void {
  if (maxConcurrency >= 1) return;
  throw new InvalidOptionError(
    `Cannot use 'maxConcurrency' as it must be 1 or more: current value is ${maxConcurrency}`,
  );
}
