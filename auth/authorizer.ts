import type { Limits } from "../content/limits.ts";
import { AuthenticationError, InvalidOptionError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Anonymity, Clock, Send } from "../transport/channel.ts";
import { redactUrl } from "../transport/redact.ts";
import type { Challenge } from "./challenge.ts";
import {
  basicAuthorization,
  type Credential,
  type CredentialSource,
  credentialSource,
} from "./credential.ts";
import { checkTrustedRealms, type TrustedRealms, withheldReason } from "./realm_policy.ts";
import { type Asker, RegistryAuth } from "./registry_auth.ts";
import { type BearerScheme, chooseScheme, sameScheme, type Scheme } from "./scheme.ts";
import { coversScopes, mergeScopes, parseScopes, type Scope } from "./scope.ts";
import type { TokenCache } from "./token_cache.ts";
import { requestToken, type TokenQuestion } from "./token_request.ts";
import { failedReason, type ToldSource, toldSource } from "./told_source.ts";

/** What authentication to one registry works with. */
export interface AuthorizeOptions {
  /** The registry's origin: `https://ghcr.io`. No other origin ever sees its credentials. */
  origin: string;
  /** The credentials, or where they come from; without any, everything is anonymous. */
  credentials?: Credential | CredentialSource;
  /**
   * Actions that are asked for with those of every request, so that one token does for all.
   * @default {[]}
   */
  scopes?: readonly string[];
  /** Tokens, shared by the clients of one registry, or of many. */
  tokens: TokenCache;
  /** What was learned about the registry, shared by its clients. @default {new RegistryAuth()} */
  state?: RegistryAuth;
  /**
   * Sends token requests, and tries again what may pass. It must not wait for a place in the same
   * queue as the requests that wait for the token.
   */
  send: Send;
  /** Time. */
  clock: Clock;
  /** The limits in force. */
  limits: Required<Limits>;
  /** Told token requests, credentials that were withheld, and sources that failed. */
  emit: OnEvent;
  /** Token services on other hosts that may have the credentials. @default {{}} */
  trustedRealms?: TrustedRealms;
}

/** What is to be authorized. */
export interface Need {
  /** The repository it is about. */
  repository?: string;
  /** What a token must allow. */
  scopes: readonly Scope[];
  /** Ends the wait. */
  signal?: AbortSignal;
}

/** What a request can carry. */
export interface Authorization {
  /** The value of the `Authorization` header. */
  header: string;
  /** Whose it is. */
  asker: Asker;
  /** The token, where a token service gave one. */
  token?: { value: string; scheme: Scheme; scopes: readonly Scope[]; fresh: boolean };
}

/** What a token service answers to credentials that it does not take, an expired one among them. */
const BAD_CREDENTIAL_STATUSES = [400, 401, 403];

/** Turns credentials and challenges into `Authorization` headers, for one registry. */
export class Authorizer {
  /** The registry's origin. */
  readonly origin: string;
  readonly #options: AuthorizeOptions;
  readonly #host: string;
  readonly #source: ToldSource;
  readonly #state: RegistryAuth;
  readonly #warm = new WeakMap<readonly Scope[], Authorization>();
  /** Whether the caller gave a bearer token, which then goes along unasked. */
  readonly #hasToken: boolean;

  /**
   * Checks the options; asks nobody anything.
   *
   * @throws {InvalidOptionError} When the origin, the credentials or `trustedRealms` cannot be used.
   */
  constructor(options: AuthorizeOptions) {
    const { origin, credentials, trustedRealms, state = new RegistryAuth() } = options;
    const url = originUrl(origin);
    checkTrustedRealms(trustedRealms);
    this.origin = url.origin;
    this.#options = options;
    this.#host = url.host;
    this.#source = toldSource(credentialSource(credentials), options.emit);
    this.#state = state;
    this.#hasToken = typeof credentials === "object" && Boolean(credentials.accessToken);
  }

  /** How the registry wants to be asked, as far as is known. */
  get scheme(): Scheme | undefined {
    return this.#state.scheme;
  }

  /** Remembers that the registry answered a request that carried nothing. */
  noteOpen(): void {
    if (this.scheme === undefined) this.#state.learn({ type: "none" });
  }

  /**
   * What the last request for these very scopes carried, while its token is good: a warm call need
   * not look at anything else.
   */
  warm(scopes: readonly Scope[]): Authorization | undefined {
    const known = this.#warm.get(scopes);
    const { value, scheme } = known?.token ?? {};
    const good = value !== undefined && scheme === this.scheme && this.#options.tokens.has(value);
    return good ? known : undefined;
  }

  /**
   * What a request carries before anybody asked: a bearer token given as such, and whatever the
   * registry is known to want.
   */
  async upFront(need: Need): Promise<Authorization | undefined> {
    const { scheme = { type: "none" } } = this;
    if (scheme.type === "none" && !this.#hasToken) return undefined;
    return await this.#forScheme(scheme, need, await this.#credential(need));
  }

  /**
   * The way to meet some challenges; it is remembered. Falls back on what was known before.
   *
   * @throws {AuthenticationError} When the only way is a token service that is not acceptable.
   */
  learn(challenges: readonly Challenge[]): Scheme | undefined {
    const chosen = chooseScheme(challenges, this.origin, this.#options.trustedRealms);
    if (chosen !== undefined) this.#state.learn(chosen);
    return this.scheme?.type === "none" ? undefined : this.scheme;
  }

  /**
   * What to carry after a refusal: what was not carried yet, a token in place of an old one or with
   * the scopes that the challenge names, or other credentials where the source has some now.
   * `undefined` when all of that would be the same again.
   */
  async answer(
    scheme: Scheme,
    challenges: readonly Challenge[],
    need: Need,
    sent: Authorization | undefined,
  ): Promise<Authorization | undefined> {
    const wanted = scheme.type === "bearer"
      ? mergeScopes(challengedScopes(challenges), need.scopes)
      : need.scopes;
    if (sent?.token !== undefined) {
      const { value, fresh, ...asked } = sent.token;
      const again = sameScheme(asked.scheme, scheme) && coversScopes(asked.scopes, wanted);
      if (fresh && again) return undefined;
      this.#options.tokens.drop(value);
    }
    const asker = sent !== undefined && sent.token === undefined
      ? await this.#otherCredential(need, sent.asker)
      : await this.#credential(need);
    const next = await this.#forScheme(scheme, { ...need, scopes: wanted }, asker);
    return next?.header === sent?.header ? undefined : next;
  }

  /**
   * Why a request that was refused carried no credentials, where there are some or should be: the
   * source failed, or the token service may not have them.
   */
  anonymity({ repository }: Need, sent: Authorization | undefined): Anonymity | undefined {
    const scheme = sent?.token?.scheme;
    if (sent?.asker !== undefined) {
      if (scheme?.type !== "bearer" || scheme.trusted) return undefined;
      return { reason: withheldReason(scheme.realm, this.origin) };
    }
    const cause = this.#state.takeFailure(repository);
    return cause && { reason: failedReason(cause), cause };
  }

  #credential({ repository, signal }: Need): Promise<Asker> {
    return this.#state.credential(this.#source, this.#target(repository), signal);
  }

  #otherCredential({ repository, signal }: Need, refused: Asker): Promise<Asker> {
    return this.#state.otherCredential(this.#source, this.#target(repository), refused, signal);
  }

  #target(repository: string | undefined): { host: string; repository?: string } {
    return { host: this.#host, ...(repository !== undefined && { repository }) };
  }

  async #forScheme(scheme: Scheme, need: Need, asker: Asker): Promise<Authorization | undefined> {
    if (asker?.accessToken !== undefined) return asItIs(asker);
    if (scheme.type === "none") return undefined;
    // A password that must not go to the token service may go to the registry itself.
    const basic = scheme.type === "basic" || (scheme.basic && !scheme.trusted);
    if (basic && asker?.username !== undefined) {
      return { header: basicAuthorization(asker.username, asker.password ?? ""), asker };
    }
    if (scheme.type === "basic") return undefined;
    try {
      return await this.#bearer(scheme, need, asker);
    } catch (error) {
      const refused = error instanceof AuthenticationError &&
        BAD_CREDENTIAL_STATUSES.includes(error.statusCode ?? 0);
      if (!refused) throw error;
      if (asker === undefined) throw this.#explained(error, need);
      const other = await this.#otherCredential(need, asker);
      if (other === undefined || other === asker) throw error;
      return asItIs(other) ?? await this.#bearer(scheme, need, other);
    }
  }

  async #bearer(
    scheme: BearerScheme,
    { scopes, signal }: Need,
    asker: Asker,
  ): Promise<Authorization> {
    const { tokens } = this.#options;
    const { realm, service, trusted } = scheme;
    const question: TokenQuestion = {
      realm,
      scopes,
      registry: this.#host,
      ...(service !== undefined && { service }),
      ...(asker && trusted && { credential: asker }),
      ...(asker && !trusted && { withheld: withheldReason(realm, this.origin) }),
    };
    const { value, fresh } = await tokens.get(
      { ...question, realm: realm.href },
      scopes,
      (flight) => {
        this.#tellWithheld(question);
        return requestToken(this.#options, question, flight);
      },
      signal,
    );
    const carried = { header: `Bearer ${value}`, asker };
    this.#warm.set(scopes, { ...carried, token: { value, scheme, scopes, fresh: false } });
    return { ...carried, token: { value, scheme, scopes, fresh } };
  }

  /** The token service's refusal of nobody, with why it was nobody who asked. */
  #explained(refusal: AuthenticationError, need: Need): AuthenticationError {
    const why = this.anonymity(need, undefined);
    if (why === undefined) return refusal;
    const { statusCode, resp, errors } = refusal;
    return new AuthenticationError(`${refusal.message} (${why.reason})`, {
      ...{ cause: why.cause, statusCode, resp, errors },
    });
  }

  #tellWithheld({ realm, withheld }: TokenQuestion): void {
    if (withheld === undefined || !this.#state.firstWithheld(realm.origin)) return;
    this.#options.emit({
      type: "credentials-withheld",
      registry: this.origin,
      origin: realm.origin,
      reason: withheld,
    });
  }
}

function originUrl(origin: string): URL {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) {
    return url;
  }
  throw new InvalidOptionError(
    `Cannot authenticate: origin must be http or https and a host: current value is ${
      redactUrl(origin)
    }`,
  );
}

/** A bearer token that was given as such; no token service is asked. */
function asItIs(asker: Asker): Authorization | undefined {
  if (asker?.accessToken === undefined) return undefined;
  return { header: `Bearer ${asker.accessToken}`, asker };
}

function challengedScopes(challenges: readonly Challenge[]): Scope[] {
  return mergeScopes(
    ...challenges
      .filter(({ scheme }) => scheme === "bearer")
      .map(({ params }) => parseScopes(params.get("scope"))),
  );
}
