import type { ApiError } from "../errors.ts";
import type { Anonymity, Intent } from "../transport/channel.ts";
import { untilAborted } from "../transport/until_aborted.ts";
import type { AuthScheme } from "./auth_scheme.ts";
import type { Identity } from "./credential.ts";
import { sameIdentity } from "./identity.ts";
import { failedReason } from "./reporting_credential_source.ts";
import { intentScopes, type Scope } from "./scope.ts";

/** What a request carries. */
export interface Authorization {
  /** How the repository is asked. */
  scheme: AuthScheme;
  /** The value of the `Authorization` header; without one nothing is carried. */
  header?: string;
  /** Whose it is. */
  identity?: Identity;
  /** Why it is a pull without the credentials that there are: their refusal. */
  refusal?: { cause?: ApiError };
  /** The token, where a token service gave one. */
  token?: { owner: number; value: string; scopes: readonly Scope[]; fresh: boolean };
}

/** What is known of one repository: how it wants to be asked, and with which credentials. */
export class RepositoryAuth {
  /** How it wants to be asked: what it took last, else what its first challenge said. */
  scheme?: AuthScheme;
  /** What it took last; its token may have ended. */
  accepted?: Authorization | undefined;
  readonly #source: () => Promise<Identity>;
  #identity: Promise<Identity> | undefined;
  #answered: { identity: Identity; failure?: ApiError } | undefined;
  #reported: Identity;
  /** What its requests need, by their actions: they ask for the same again and again. */
  readonly #scopes = new Map<string, readonly Scope[]>();

  /** Nothing is asked of the source yet. */
  constructor(source: () => Promise<Identity>) {
    this.#source = source;
  }

  /**
   * The credentials. The source is asked once, however many calls wait for it; one that fails counts
   * as having none, see {@linkcode takeFailure}.
   */
  identity(signal?: AbortSignal): Promise<Identity> {
    this.#identity ??= this.#source().then((identity) => {
      this.#answered = { identity };
      return identity;
    }, (failure: ApiError) => {
      this.#answered = { identity: undefined, failure };
      return undefined;
    });
    return untilAborted(this.#identity, signal);
  }

  /** The credentials after some were refused: if those are what is known, the source is asked again. */
  otherIdentity(refused: Identity, signal?: AbortSignal): Promise<Identity> {
    const answered = this.#answered;
    if (answered !== undefined && sameIdentity(answered.identity, refused)) this.#forget();
    return this.identity(signal);
  }

  /** What a token must allow for a request. */
  scopes(intent: Intent, extraActions?: readonly string[]): readonly Scope[] {
    if (intent.mountFrom !== undefined) return intentScopes(intent, extraActions);
    const key = `${intent.catalog ? "catalog " : ""}${intent.actions}`;
    let scopes = this.#scopes.get(key);
    if (scopes === undefined) this.#scopes.set(key, scopes = intentScopes(intent, extraActions));
    return scopes;
  }

  /** What the source has answered; `undefined` before that. */
  get known(): { identity: Identity; failure?: ApiError } | undefined {
    return this.#answered;
  }

  /**
   * Why the source gave no credentials, where it failed. It is forgotten with that, so that the next
   * call asks the source again; while anonymous requests are accepted, it is not asked.
   */
  takeFailure(): Anonymity | undefined {
    const cause = this.#answered?.failure;
    if (cause === undefined) return undefined;
    this.#forget();
    return { reason: failedReason(cause), cause };
  }

  /** Whether it is to be reported that credentials were refused: once for each. */
  reports(refused: Identity): boolean {
    if (refused === undefined || sameIdentity(this.#reported, refused)) return false;
    this.#reported = refused;
    return true;
  }

  #forget(): void {
    this.#identity = this.#answered = this.accepted = undefined;
  }
}
