import type { DavitEvent } from "../events.ts";
import type { ChannelRequest, Clock } from "./channel.ts";

/**
 * With so many requests under way and none refused, a host is asked as freely as before: what a
 * client has at once by default.
 */
const FREE_AT = 64;

/** More origins than one client talks to: an old gate that is forgotten is only open again. */
const GATES_KEPT = 100;

/** What a {@linkcode RetryGate} works with. */
export interface RetryGateOptions {
  /** The host, for events. */
  host: string;
  /** After so many refusals in a row nobody waits in line any more: all fail together. */
  maxAttempts: number;
  /** Time. */
  clock: Clock;
  /** Told when the gate closes. */
  emit: (event: DavitEvent) => void;
}

/** A request that was let through. */
export interface Turn {
  /** How often the gate had closed by then. */
  readonly closings: number;
  /** Whether the request counts among those under way. */
  readonly counted: boolean;
}

/** A request in line. */
interface Waiter {
  ticket: number;
  start: () => void;
}

/**
 * Holds the requests to one host back while it wants none. One that is refused with 429, or with a
 * `Retry-After`, closes the gate for all of them: otherwise each would spend a try on the same
 * answer. When it opens again, one goes first; each that is taken lets one more go at once, the
 * oldest first.
 */
export class RetryGate {
  readonly #options: RetryGateOptions;
  #until = 0;
  #closings = 0;
  #refusals = 0;
  #served = 0;
  #room = Infinity;
  #underWay = 0;
  #tickets = 0;
  #present = 0;
  readonly #line: Waiter[] = [];

  /** An open gate. */
  constructor(options: RetryGateOptions) {
    this.#options = options;
  }

  /** How many requests the host has taken. */
  get served(): number {
    return this.#served;
  }

  /** Whether the host refused so often, and took nothing in between, that it is time to give up. */
  get hopeless(): boolean {
    return this.#refusals >= this.#options.maxAttempts;
  }

  /** A call begins: its place in line, for all of its tries. */
  arrive(): number {
    this.#present++;
    return this.#tickets++;
  }

  /** A call ends. Without any the next one starts with all of its tries. */
  depart(): void {
    this.#present--;
    if (this.#present === 0) this.#refusals = 0;
  }

  /**
   * Waits until the request may go; a promise only where there is something to wait for.
   *
   * @throws The signal's reason when it aborts.
   */
  enter(
    ticket: number,
    { body, signal }: Pick<ChannelRequest, "body" | "signal">,
  ): Turn | Promise<Turn> {
    // A body may come out of another request to this host, which must not wait for this one.
    const counted = body === undefined || body.bytes !== undefined;
    if (this.#closings === 0) return this.#begin(counted);
    return this.#wait(ticket, counted, signal);
  }

  async #wait(ticket: number, counted: boolean, signal: AbortSignal | undefined): Promise<Turn> {
    const { clock } = this.#options;
    try {
      for (;;) {
        const wait = this.#until - clock.now();
        if (wait > 0) await clock.sleep(wait, signal);
        else if (!counted || this.#underWay < this.#room) break;
        else await this.#turn(ticket, signal);
      }
    } catch (error) {
      this.#wake(); // its turn is another one's now
      throw error;
    }
    return this.#begin(counted);
  }

  #begin(counted: boolean): Turn {
    if (counted) this.#underWay++;
    return { closings: this.#closings, counted };
  }

  /** The request has an answer, or will never have one. */
  leave({ counted }: Turn): void {
    if (counted) this.#underWay--;
    this.#wake();
  }

  /** The host took the request. */
  taken({ closings }: Turn): void {
    this.#served++;
    this.#refusals = 0;
    if (closings !== this.#closings) return; // it was sent before the refusal
    this.#room++;
    if (this.#room >= FREE_AT) this.#room = Infinity;
  }

  /** The host refused the request, and wants none for so many milliseconds. */
  refused({ closings }: Turn, wait: number, reason: string): void {
    const { clock, emit, host } = this.#options;
    this.#until = Math.max(this.#until, clock.now() + wait);
    if (closings !== this.#closings) return; // one of those that went together: refused once
    this.#closings++;
    this.#refusals++;
    this.#room = this.hopeless ? Infinity : 1;
    emit({ type: "wait", host, delay: wait, reason });
  }

  #turn(ticket: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const line = this.#line;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { ticket, start };
      function start(): void {
        signal?.removeEventListener("abort", abort);
        resolve();
      }
      function abort(): void {
        line.splice(line.indexOf(waiter), 1);
        reject(signal!.reason);
      }
      const older = line.findLastIndex((other) => other.ticket < ticket);
      line.splice(older + 1, 0, waiter);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  #wake(): void {
    const room = Math.min(this.#room - this.#underWay, this.#line.length);
    for (const waiter of this.#line.splice(0, Math.max(0, room))) waiter.start();
  }
}

/** One gate for each origin; token services have their own, as other requests wait for them. */
export class RetryGates {
  readonly #options: Omit<RetryGateOptions, "host">;
  readonly #gates = new Map<string, RetryGate>();

  /** Open gates to everywhere. */
  constructor(options: Omit<RetryGateOptions, "host">) {
    this.#options = options;
  }

  /** The gate that a request goes through. */
  for({ url, purpose }: Pick<ChannelRequest, "url" | "purpose">): RetryGate {
    const key = `${purpose === "realm" ? "realm " : ""}${url.origin}`;
    const known = this.#gates.get(key);
    if (known !== undefined) return known;
    for (const oldest of this.#gates.keys()) {
      if (this.#gates.size < GATES_KEPT) break;
      this.#gates.delete(oldest);
    }
    const gate = new RetryGate({ ...this.#options, host: url.host });
    this.#gates.set(key, gate);
    return gate;
  }
}
