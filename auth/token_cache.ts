import type { Clock } from "../transport/channel.ts";
import type { Credential } from "./credential.ts";
import { coversScopes, type Scope, scopesKey } from "./scope.ts";
import { untilAborted } from "../transport/until_aborted.ts";

/** A token as the token service gave it. */
export interface Token {
  /** The bearer token. */
  value: string;
  /** How long it is good for, from the moment it was asked for, in milliseconds. */
  lifetime: number;
}

/** A token out of the cache. */
export interface CachedToken {
  /** The bearer token. */
  value: string;
  /** Whether it was asked for during this call: asking again would bring the same. */
  fresh: boolean;
}

/** Whose token it is, and from whom. */
export interface TokenOwner {
  /** The token service's URL. */
  realm: string;
  /** The service it speaks for. */
  service?: string;
  /** Who asks; nobody for an anonymous token. The same object is the same asker. */
  credential?: Readonly<Credential>;
}

interface Entry {
  owner: string;
  scopes: readonly Scope[];
  value: string;
  expires: number;
}

interface Flight {
  token: Promise<string>;
  waiting: number;
  controller: AbortController;
}

/**
 * How long before its end a token is no longer used, in milliseconds: a request may queue, and
 * clocks differ by some seconds. The shortest life of a token is a minute.
 */
export const RENEW_BEFORE_MS = 10_000;

/** How many tokens are kept. A token has 1 to 4 KiB, and 1,000 repositories at once are many. */
export const MAX_TOKENS = 1_000;

/**
 * Tokens by token service, service, asker and scopes. Many calls that want the same token at once
 * cause one request; a request that failed is forgotten. Nothing secret is used as a key, and
 * nothing of it shows when the cache is printed.
 */
export class TokenCache {
  readonly #clock: Pick<Clock, "now">;
  readonly #entries = new Map<string, Entry>();
  readonly #byValue = new Map<string, Entry>();
  readonly #flights = new Map<string, Flight>();
  readonly #askers = new WeakMap<object, number>();
  #lastAsker = 0;

  /** An empty cache. */
  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /**
   * A token for these scopes, or for more than these; asks for one where there is none.
   *
   * @throws The signal's reason when it aborts; the request goes on while others wait for it.
   */
  async get(
    owner: TokenOwner,
    scopes: readonly Scope[],
    ask: (signal: AbortSignal) => Promise<Token>,
    signal?: AbortSignal,
  ): Promise<CachedToken> {
    signal?.throwIfAborted();
    const ownerKey = this.#ownerKey(owner);
    const key = `${ownerKey}\n${scopesKey(scopes)}`;
    const value = this.#find(key, ownerKey, scopes);
    if (value !== undefined) return { value, fresh: false };
    const flight = this.#flights.get(key) ?? this.#start(key, ownerKey, scopes, ask);
    return { value: await this.#join(key, flight, signal), fresh: true };
  }

  /** Whether a token is kept, and good for a while. */
  has(value: string): boolean {
    const entry = this.#byValue.get(value);
    return entry !== undefined && this.#usable(entry);
  }

  /** Forgets a token that was refused. One that took its place in the meantime stays. */
  drop(value: string): void {
    for (const [key, entry] of this.#entries) {
      if (entry.value === value) this.#delete(key, entry);
    }
  }

  #ownerKey({ realm, service, credential }: TokenOwner): string {
    return JSON.stringify([realm, service ?? null, this.#asker(credential)]);
  }

  /** A number for each asker: the secret itself must not become part of a key. */
  #asker(credential: object | undefined): number {
    if (credential === undefined) return 0;
    const known = this.#askers.get(credential);
    if (known !== undefined) return known;
    this.#askers.set(credential, ++this.#lastAsker);
    return this.#lastAsker;
  }

  #find(key: string, owner: string, scopes: readonly Scope[]): string | undefined {
    const exact = this.#entries.get(key);
    if (exact !== undefined && this.#usable(exact)) return exact.value;
    for (const entry of this.#entries.values()) {
      if (entry.owner === owner && this.#usable(entry) && coversScopes(entry.scopes, scopes)) {
        return entry.value;
      }
    }
    return undefined;
  }

  #usable({ expires }: Entry): boolean {
    return this.#clock.now() < expires - RENEW_BEFORE_MS;
  }

  #start(
    key: string,
    owner: string,
    scopes: readonly Scope[],
    ask: (signal: AbortSignal) => Promise<Token>,
  ): Flight {
    const controller = new AbortController();
    const started = this.#clock.now();
    const token = ask(controller.signal).then(({ value, lifetime }) => {
      this.#keep(key, { owner, scopes, value, expires: started + lifetime });
      return value;
    }).finally(() => this.#end(key, flight));
    const flight: Flight = { token, waiting: 0, controller };
    this.#flights.set(key, flight);
    return flight;
  }

  #join(key: string, flight: Flight, signal: AbortSignal | undefined): Promise<string> {
    flight.waiting++;
    return untilAborted(flight.token, signal, () => {
      flight.waiting--;
      if (flight.waiting > 0) return;
      this.#end(key, flight);
      flight.controller.abort(signal?.reason);
    });
  }

  #end(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }

  #keep(key: string, entry: Entry): void {
    this.#delete(key, this.#entries.get(key));
    if (this.#entries.size >= MAX_TOKENS) this.#makeRoom();
    this.#entries.set(key, entry);
    this.#byValue.set(entry.value, entry);
  }

  #delete(key: string, entry: Entry | undefined): void {
    this.#entries.delete(key);
    if (entry !== undefined && this.#byValue.get(entry.value) === entry) {
      this.#byValue.delete(entry.value);
    }
  }

  /** Takes out what has expired; if nothing has, what was asked for first. */
  #makeRoom(): void {
    const now = this.#clock.now();
    for (const [key, entry] of this.#entries) {
      if (entry.expires <= now) this.#delete(key, entry);
    }
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size < MAX_TOKENS) break;
      this.#delete(key, entry);
    }
  }
}
