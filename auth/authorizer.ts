import type { Limits } from "../content/limits.ts";
import { AuthenticationError, InvalidOptionError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Anonymity, Clock, Intent, Send } from "../transport/channel.ts";
import { redactUrl } from "../transport/redact.ts";
import { type AuthScheme, type BearerScheme, chooseScheme, sameScheme } from "./auth_scheme.ts";
import type { Challenge } from "./challenge.ts";
import {
  basicAuthorization,
  type Credential,
  type CredentialSource,
  credentialSource,
  type Identity,
  sameIdentity,
} from "./credential.ts";
import { checkTrustedRealms, type TrustedRealms, withheldReason } from "./realm_policy.ts";
import {
  failedReason,
  type ReportingCredentialSource,
  reportingCredentialSource,
} from "./reporting_credential_source.ts";
import { type Authorization, RepositoryAuth } from "./repository_auth.ts";
import { coversScopes, intentScopes, mergeScopes, parseScopes, type Scope } from "./scope.ts";
import { requestToken, type TokenRequest } from "./token_request.ts";
import { TokenStore } from "./token_store.ts";

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
  /** Sends token requests, and tries again what may pass. It must not wait for the limiter. */
  send: Send;
  /** Time. */
  clock: Clock;
  /** The limits in force. */
  limits: Required<Limits>;
  /** Called with token requests, credentials that were withheld, and sources that failed. */
  emit: OnEvent;
  /** Token services on other hosts that may have the credentials. @default {{}} */
  trustedRealms?: TrustedRealms;
}

/** One call that is to be authorized, and what came of it so far. */
export interface Call {
  /** What is known of its repository. */
  repository: RepositoryAuth;
  /** What a token must allow. */
  scopes: readonly Scope[];
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
  /** Whether the request can be sent only once. */
  oneShot?: boolean;
  /** What was carried last and refused. */
  refused?: Authorization;
  /** How the repository was expected to be asked, and why nothing could be carried. */
  failed?: { scheme: AuthScheme; error: unknown };
  /** Whether it was sent without credentials, and the repository's own challenge is known. */
  challenged?: boolean;
  /** Whether it follows what the repository did not say by itself: a guess, or what may be wrong. */
  doubtful?: boolean;
}

/** Nothing. */
const NOTHING: Authorization = { scheme: { type: "none" } };

/** What a token service answers to credentials that it does not take, an expired one among them. */
const BAD_CREDENTIAL_STATUSES = [400, 401, 403];

/** How many repositories are remembered; to ask one anew does no harm. */
const MAX_REPOSITORIES = 1_000;

/** How many origins are reported once; a registry that names others all the time is reported again. */
const MAX_WITHHELD = 100;

/**
 * Turns credentials and challenges into `Authorization` headers, for one registry. The clients of a
 * registry share one: it keeps what they learn of each repository, and their tokens.
 */
export class Authorizer {
  /** The registry's origin. */
  readonly origin: string;
  readonly #options: AuthorizeOptions;
  readonly #host: string;
  readonly #source: ReportingCredentialSource;
  readonly #tokens: TokenStore;
  readonly #repositories = new Map<string, RepositoryAuth>();
  readonly #withheld = new Set<string>();
  /** What worked last, for whichever repository: what is tried first on one that is not known. */
  #scheme: AuthScheme | undefined;

  /**
   * Checks the options; sends nothing.
   *
   * @throws {InvalidOptionError} When the origin, the credentials or `trustedRealms` cannot be used.
   */
  constructor(options: AuthorizeOptions) {
    const { origin, credentials, trustedRealms, clock, emit } = options;
    const url = originUrl(origin);
    checkTrustedRealms(trustedRealms);
    this.origin = url.origin;
    this.#options = options;
    this.#host = url.host;
    this.#source = reportingCredentialSource(credentialSource(credentials), emit);
    this.#tokens = new TokenStore(clock);
  }

  /** A call for an intent. */
  call(intent: Intent, signal?: AbortSignal): Call {
    const scopes = intentScopes(intent, this.#options.scopes);
    return { repository: this.repository(intent.repository), scopes, signal };
  }

  /** What is known of a repository; without a name, of the registry's own resources. */
  repository(name?: string): RepositoryAuth {
    const key = name ?? "";
    let repository = this.#repositories.get(key);
    if (repository === undefined) {
      const target = { host: this.#host, ...(name !== undefined && { repository: name }) };
      repository = new RepositoryAuth(() => this.#source(target));
      for (const oldest of this.#repositories.keys()) {
        if (this.#repositories.size < MAX_REPOSITORIES) break;
        this.#repositories.delete(oldest);
      }
      this.#repositories.set(key, repository);
    }
    return repository;
  }

  /** Whether it is known, or can be guessed, how a repository wants to be asked. */
  knows({ repository }: Call): boolean {
    return (repository.scheme ?? this.#scheme) !== undefined;
  }

  /** Remembers a challenge of the registry itself, where nothing is known yet. */
  suggest({ repository }: Call, challenges: readonly Challenge[]): AuthScheme | undefined {
    const scheme = this.#choose(challenges);
    if (scheme !== undefined) repository.suggest(scheme);
    this.#scheme ??= scheme;
    return scheme;
  }

  /** What was accepted last, while its token is good: all that a warm call needs. */
  warm({ repository: { accepted }, scopes }: Call): Authorization | undefined {
    if (accepted?.token === undefined) return accepted;
    const value = this.#tokens.find(accepted.token.owner, scopes);
    if (value === undefined) return undefined;
    const token = { ...accepted.token, value, scopes, fresh: false };
    return { ...accepted, header: `Bearer ${value}`, token };
  }

  /**
   * What a request carries before it was challenged: a bearer token given as such, and whatever the
   * repository, or else the registry, is known to want. Where that cannot be had, nothing: the
   * challenge decides.
   */
  async upFront(call: Call): Promise<Authorization> {
    const { credentials } = this.#options;
    const given = typeof credentials === "object" && Boolean(credentials.accessToken);
    const scheme = call.repository.scheme ?? this.#scheme ?? NOTHING.scheme;
    if (scheme.type === "none" && !given) return NOTHING;
    call.doubtful = call.repository.scheme === undefined;
    return await this.#expected(scheme, call, () => this.authorization(scheme, call));
  }

  /**
   * What to carry after a refusal. How a repository wants to be asked is said by the challenge to a
   * request without credentials: one beside refused credentials may name a token service that gives
   * nothing, or is not there. That is followed where it leads to hosts that were asked already; where
   * it does not, or to no avail, the request is sent without credentials first.
   *
   * @param probe Asks the registry for its challenge, where the refusal has none.
   * @returns `undefined` when all that can be carried was refused.
   * @throws {AuthenticationError} When a token cannot be had, or only from where it must not.
   */
  async afterRefusal(
    call: Call,
    sent: Authorization,
    { status, challenges }: { status: number; challenges: readonly Challenge[] },
    probe: () => Promise<readonly Challenge[]>,
  ): Promise<Authorization | undefined> {
    if (sent.header === undefined) {
      call.challenged = true;
      const scheme = this.#choose(challenges) ?? this.#choose(await probe());
      const { failed } = call;
      if (failed && (scheme === undefined || sameScheme(scheme, failed.scheme))) throw failed.error;
      if (scheme === undefined) return undefined;
      call.repository.suggest(scheme);
      return await this.#other(scheme, challenges, call);
    }
    call.refused = sent;
    const offered = this.#offered(challenges);
    const scheme = offered ?? sent.scheme;
    const same = offered !== undefined && sameScheme(offered, sent.scheme);
    if (sent.identity?.accessToken !== undefined || (same && !call.doubtful)) {
      return await this.#other(scheme, challenges, call);
    }
    if (offered === undefined || this.#isNear(offered, sent.scheme)) {
      call.doubtful = true;
      const other = await this.#expected(
        scheme,
        call,
        () => this.#other(scheme, challenges, call),
      );
      // A password that is refused by 403 is no question of how to ask.
      if (other !== undefined || (offered === undefined && status !== 401)) return other;
    }
    return call.challenged ? undefined : NOTHING;
  }

  /** Remembers what the registry took. */
  accept({ repository }: Call, sent: Authorization): void {
    repository.accept(sent);
    if (sent.header !== undefined) this.#scheme = sent.scheme;
  }

  /**
   * Why a request that was refused carried no credentials, where there are some or should be: the
   * source failed, or the token service may not have them.
   */
  anonymity({ repository, refused }: Call, sent: Authorization): Anonymity | undefined {
    const { scheme, identity } = sent.header === undefined ? refused ?? sent : sent;
    if (identity === undefined) return sourceFailure(repository);
    if (scheme.type !== "bearer" || scheme.trusted) return undefined;
    return { reason: withheldReason(scheme.realm, this.origin) };
  }

  /** What meets a scheme, with the credentials that the source gives. */
  async authorization(scheme: AuthScheme, call: Call): Promise<Authorization> {
    const identity = await call.repository.identity(call.signal);
    return await this.#authorization(scheme, call.scopes, call, identity);
  }

  #choose(challenges: readonly Challenge[]): AuthScheme | undefined {
    return chooseScheme(challenges, this.origin, this.#options.trustedRealms);
  }

  /**
   * What meets a scheme that no challenge has confirmed. Where that fails, nothing is carried: the
   * challenge decides.
   */
  async #expected<T>(
    scheme: AuthScheme,
    call: Call,
    authorize: () => Promise<T>,
  ): Promise<T | Authorization> {
    try {
      return await authorize();
    } catch (error) {
      if (call.challenged || call.oneShot || call.signal?.aborted) throw error;
      call.failed = { scheme, error };
      return NOTHING;
    }
  }

  /** Whether a scheme leads to the registry itself or to a token service that was asked before. */
  #isNear(scheme: AuthScheme, known: AuthScheme): boolean {
    if (scheme.type !== "bearer") return scheme.type === "basic";
    const { origin } = scheme.realm;
    return origin === this.origin || (known.type === "bearer" && origin === known.realm.origin);
  }

  /** What a challenge beside refused credentials says; `none` where it cannot be met. */
  #offered(challenges: readonly Challenge[]): AuthScheme | undefined {
    try {
      return this.#choose(challenges);
    } catch {
      return NOTHING.scheme;
    }
  }

  /**
   * What was not carried yet: a token in place of an old one or with the scopes that the challenge
   * names, or other credentials where the source has some now.
   */
  async #other(
    scheme: AuthScheme,
    challenges: readonly Challenge[],
    call: Call,
  ): Promise<Authorization | undefined> {
    const { repository, refused, signal } = call;
    const scopes = scheme.type === "bearer"
      ? mergeScopes(challengedScopes(challenges), call.scopes)
      : call.scopes;
    const again = refused !== undefined && sameScheme(refused.scheme, scheme);
    if (refused?.token !== undefined) {
      const { fresh, value, scopes: asked } = refused.token;
      if (again && fresh && coversScopes(asked, scopes)) return undefined;
      // A new one may be another repository's, and good there.
      if (again || !fresh) this.#tokens.drop(value);
    }
    const identity = again && refused.token === undefined
      ? await repository.otherIdentity(refused.identity, signal)
      : await repository.identity(signal);
    const next = await this.#authorization(scheme, scopes, call, identity);
    return next.header === refused?.header ? undefined : next;
  }

  async #authorization(
    scheme: AuthScheme,
    scopes: readonly Scope[],
    call: Call,
    identity: Identity,
  ): Promise<Authorization> {
    const given = givenToken(scheme, identity);
    if (given !== undefined) return given;
    if (scheme.type === "none") return NOTHING;
    // A password that must not go to the token service may go to the registry itself.
    const basic = scheme.type === "basic" || (scheme.basic && !scheme.trusted);
    if (basic && identity?.username !== undefined) {
      const header = basicAuthorization(identity.username, identity.password ?? "");
      return { scheme, header, identity };
    }
    if (scheme.type === "basic") return NOTHING;
    try {
      return await this.#bearer(scheme, scopes, call, identity);
    } catch (error) {
      const refused = error instanceof AuthenticationError &&
        BAD_CREDENTIAL_STATUSES.includes(error.statusCode ?? 0);
      if (!refused) throw error;
      if (identity === undefined) throw explained(error, call);
      const other = await call.repository.otherIdentity(identity, call.signal);
      if (other === undefined || sameIdentity(other, identity)) throw error;
      return givenToken(scheme, other) ?? await this.#bearer(scheme, scopes, call, other);
    }
  }

  async #bearer(
    scheme: BearerScheme,
    scopes: readonly Scope[],
    { signal }: Call,
    identity: Identity,
  ): Promise<Authorization> {
    const { realm, service, trusted } = scheme;
    const withheld = identity && !trusted ? withheldReason(realm, this.origin) : undefined;
    const holder = trusted ? identity : undefined;
    const owner = this.#tokens.owner({ realm: realm.href, service, identity: holder });
    const registry = this.#host;
    const request: TokenRequest = { realm, service, scopes, identity: holder, registry, withheld };
    const { value, fresh } = await this.#tokens.get(owner, scopes, (shared) => {
      if (withheld !== undefined) this.#reportWithheld(realm.origin, withheld);
      return requestToken(this.#options, request, shared);
    }, signal);
    return { scheme, header: `Bearer ${value}`, identity, token: { owner, value, scopes, fresh } };
  }

  #reportWithheld(origin: string, reason: string): void {
    if (this.#withheld.has(origin)) return;
    if (this.#withheld.size >= MAX_WITHHELD) this.#withheld.clear();
    this.#withheld.add(origin);
    this.#options.emit({ type: "credentials-withheld", registry: this.origin, origin, reason });
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

/** Why there are no credentials, where that is a failure. */
function sourceFailure(repository: RepositoryAuth): Anonymity | undefined {
  const cause = repository.takeFailure();
  return cause && { reason: failedReason(cause), cause };
}

/** A token service's refusal of an anonymous request, with why it was anonymous. */
function explained(refusal: AuthenticationError, { repository }: Call): AuthenticationError {
  const why = sourceFailure(repository);
  if (why === undefined) return refusal;
  const { statusCode } = refusal;
  return new AuthenticationError(`${refusal.message} (${why.reason})`, {
    cause: why.cause,
    ...(statusCode !== undefined && { statusCode }),
  });
}

/** A bearer token that was given as such; no token service is asked. */
function givenToken(scheme: AuthScheme, identity: Identity): Authorization | undefined {
  if (identity?.accessToken === undefined) return undefined;
  return { scheme, header: `Bearer ${identity.accessToken}`, identity };
}

function challengedScopes(challenges: readonly Challenge[]): Scope[] {
  return mergeScopes(
    ...challenges
      .filter(({ scheme }) => scheme === "bearer")
      .map(({ params }) => parseScopes(params.get("scope"))),
  );
}
