import type { Clock } from "../transport/channel.ts";
import { untilAborted } from "../transport/until_aborted.ts";
import type { Identity } from "./credential.ts";
import { sameIdentity } from "./identity.ts";
import { coversScopes, formatScopes, type Scope } from "./scope.ts";

/** A token as the token service gave it. */
export interface Token {
  /** The bearer token. */
  value: string;
  /** How long it is good for, from the moment it was asked for, in milliseconds. */
  lifetime: number;
  /** The identity token that takes the place of the one it was asked for with, where there is one. */
  refreshToken?: string;
}

/** A token out of the store. */
interface StoredToken {
  /** The bearer token. */
  value: string;
  /** Whether it was requested during this call: requesting another would bring the same. */
  fresh: boolean;
}

/** For whom tokens are, and from whom. */
export interface TokenOwner {
  /** The token service's URL. */
  realm: string;
  /** The service it speaks for. */
  service?: string | undefined;
  /** Who gets the token; `undefined` for an anonymous one. */
  identity?: Identity;
}

/** A token, or the request for one while `value` is missing. */
interface Entry {
  owner: number;
  scopes: readonly Scope[];
  value?: string;
  expires: number;
  request: Promise<string>;
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
 * Tokens and the requests for them, by owner and scopes. Many calls that want the same token at once
 * cause one request; a request that failed is forgotten. An owner stands in keys as a number, so
 * that no key holds a secret, and nothing secret shows when the store is printed.
 */
export class TokenStore {
  readonly #clock: Pick<Clock, "now">;
  readonly #entries = new Map<string, Entry>();
  readonly #owners: (TokenOwner & { id: number })[] = [];
  #lastOwner = 0;

  /** An empty store. */
  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** The number of an owner. Owners with equal fields, credentials too, have the same number. */
  owner({ realm, service, identity }: TokenOwner): number {
    const known = this.#owners.find((owner) =>
      owner.realm === realm && owner.service === service && sameIdentity(owner.identity, identity)
    );
    if (known !== undefined) return known.id;
    const id = ++this.#lastOwner;
    if (this.#owners.push({ realm, service, identity, id }) > MAX_TOKENS) this.#owners.shift();
    return id;
  }

  /** A token for these scopes, or for more than these, where there is a good one. */
  find(owner: number, scopes: readonly Scope[]): string | undefined {
    const key = keyOf(owner, scopes);
    const exact = this.#entries.get(key);
    if (exact !== undefined && this.#usable(exact)) return exact.value;
    for (const entry of this.#entries.values()) {
      if (entry.owner !== owner || !this.#usable(entry)) continue;
      if (!coversScopes(entry.scopes, scopes)) continue;
      this.#keep(key, entry); // under this key too: from now on it is found at once
      return entry.value;
    }
    return undefined;
  }

  /**
   * A token for these scopes, or for more than these; requests one where there is none.
   *
   * @throws The signal's reason when it aborts; the request goes on while others wait for it.
   */
  async get(
    owner: number,
    scopes: readonly Scope[],
    request: (signal: AbortSignal) => Promise<Token>,
    signal?: AbortSignal,
  ): Promise<StoredToken> {
    signal?.throwIfAborted();
    const found = this.find(owner, scopes);
    if (found !== undefined) return { value: found, fresh: false };
    const key = keyOf(owner, scopes);
    const pending = this.#entries.get(key);
    const entry = pending !== undefined && pending.value === undefined
      ? pending
      : this.#start(key, owner, scopes, request);
    entry.waiting++;
    const value = await untilAborted(entry.request, signal, () => {
      if (--entry.waiting > 0 || entry.value !== undefined) return;
      this.#forget(key, entry);
      entry.controller.abort(signal?.reason);
    });
    return { value, fresh: true };
  }

  /** Forgets a token that was refused. One that took its place in the meantime stays. */
  drop(value: string): void {
    for (const [key, entry] of this.#entries) {
      if (entry.value === value) this.#entries.delete(key);
    }
  }

  #usable({ value, expires }: Entry): boolean {
    return value !== undefined && this.#clock.now() < expires - RENEW_BEFORE_MS;
  }

  #start(
    key: string,
    owner: number,
    scopes: readonly Scope[],
    request: (signal: AbortSignal) => Promise<Token>,
  ): Entry {
    const controller = new AbortController();
    const started = this.#clock.now();
    const entry: Entry = {
      owner,
      scopes,
      expires: Infinity,
      waiting: 0,
      controller,
      request: request(controller.signal).then(({ value, lifetime }) => {
        entry.expires = started + lifetime;
        return entry.value = value;
      }, (error) => {
        this.#forget(key, entry);
        throw error;
      }),
    };
    this.#keep(key, entry);
    return entry;
  }

  #forget(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }

  /** Keeps an entry; takes out what has expired where there is no room, else what came first. */
  #keep(key: string, entry: Entry): void {
    this.#entries.delete(key);
    if (this.#entries.size >= MAX_TOKENS) {
      const now = this.#clock.now();
      for (const [other, { expires }] of this.#entries) {
        if (expires <= now) this.#entries.delete(other);
      }
      for (const other of this.#entries.keys()) {
        if (this.#entries.size < MAX_TOKENS) break;
        this.#entries.delete(other);
      }
    }
    this.#entries.set(key, entry);
  }
}

/** Lists of scopes as text: a repository's own are looked up with each of its requests. */
const texts = new WeakMap<readonly Scope[], string>();

function keyOf(owner: number, scopes: readonly Scope[]): string {
  let text = texts.get(scopes);
  if (text === undefined) texts.set(scopes, text = formatScopes(scopes));
  return `${owner} ${text}`;
}
