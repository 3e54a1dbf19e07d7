import type { Limits } from "../content/limits.ts";
import { AuthenticationError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { isLoopback } from "../content/loopback.ts";
import { RecentMap } from "../content/recent.ts";
import type {
  Anonymity,
  ChannelRequest,
  ChannelResponse,
  Clock,
  Intent,
  Send,
} from "../transport/channel.ts";
import { leaveBody } from "../transport/expect.ts";
import { responseError } from "../transport/response_error.ts";
import { headerFields } from "../transport/header_fields.ts";
import { untilAborted } from "../transport/until_aborted.ts";
import { type Secrets, type SecretsKeeper, secretsOf } from "../transport/secrets.ts";
import { type AuthScheme, type BearerScheme, chooseScheme } from "./auth_scheme.ts";
import type { Challenge } from "./challenge.ts";
import {
  type Credential,
  type CredentialSource,
  credentialSource,
  type CredentialTarget,
  type Identity,
  refused,
} from "./credential.ts";
import { basicAuthorization, sameIdentity } from "./identity.ts";
import { withheldReason } from "./realm_policy.ts";
import type { TrustedRealms } from "./trusted_realms.ts";
import { learnIdentity, refusedWords } from "./redact_secrets.ts";
import {
  type ReportingCredentialSource,
  reportingCredentialSource,
} from "./reporting_credential_source.ts";
import { type Authorization, RepositoryAuth } from "./repository_auth.ts";
import { isPull, pullScopes, type Scope } from "./scope.ts";
import { requestToken, type TokenRequest } from "./token_request.ts";
import { type Token, TokenStore } from "./token_store.ts";

/** What authentication to one registry works with. */
export interface AuthorizeOptions {
  /** The registry's origin: `https://ghcr.io`. No other origin ever sees its credentials. */
  origin: string;
  /** The credentials, or where they come from; without any, everything is anonymous. */
  credentials?: Credential | CredentialSource | undefined;
  /** Whether `hosts` says that the registry speaks plain http; for the source. @default {false} */
  plainHttp?: boolean;
  /**
   * Actions that are asked for with those of every request, so that one token does for all.
   * @default {[]}
   */
  scopes?: readonly string[] | undefined;
  /** Sends token requests, and tries again what may pass. It must not wait for the limiter. */
  send: Send;
  /** Time. */
  clock: Clock;
  /** The limits in force. */
  limits: Required<Limits>;
  /** Called with token requests, credentials that were withheld, and sources that failed. */
  emit: OnEvent;
  /** Token services on other hosts that may have the credentials. @default {{}} */
  trustedRealms?: TrustedRealms | undefined;
  /** What was sent of late, so that nothing that repeats it shows it. @default {its own} */
  secrets?: SecretsKeeper;
  /** Whether another registry redirects to this one. @default {false} */
  redirected?: boolean;
}

/** What is to be authorized. */
export interface Need {
  /** What is known of the repository it is about. */
  repository: RepositoryAuth;
  /** What a token must allow. */
  scopes: readonly Scope[];
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
  /** The intent, where it comes of a request. */
  intent?: Intent;
}

/** The authorization of a request that carries none. */
export const NOTHING: Authorization = { scheme: { type: "none" } };

/** What a token service answers to credentials that it does not take, an expired one among them. */
const BAD_CREDENTIAL_STATUSES = [400, 401, 403];

/** How many repositories are remembered; to ask one anew does no harm. */
const MAX_REPOSITORIES = 1_000;

/** How many origins are reported once; a registry that names others all the time is reported again. */
const MAX_WITHHELD = 100;

/** How many registries are remembered that this one redirects to. */
const MAX_ELSEWHERE = 10;

/**
 * Turns credentials and challenges into `Authorization` headers, for one registry. The clients of a
 * registry share one: it keeps what they learn of each repository, and their tokens.
 */
export class Authorizer {
  /** The registry's origin. */
  readonly origin: string;
  /** What was sent of late. */
  readonly secrets: Secrets;
  /** Whether the caller gave a bearer token, which is then sent before any challenge. */
  readonly hasToken: boolean;
  readonly #options: AuthorizeOptions;
  readonly #host: string;
  readonly #source: ReportingCredentialSource;
  readonly #tokens: TokenStore;
  readonly #repositories = new RecentMap<string, RepositoryAuth>(MAX_REPOSITORIES);
  readonly #withheld = new Set<string>();
  /** Identity tokens that a token service gave in place of others, by those. */
  readonly #rotated = new Map<string, string>();
  /** Identity tokens that were good for more than one request. */
  readonly #lasting = new Set<string>();
  /** Ends with the request that an identity token went into. */
  readonly #asking = new Map<string, Promise<void>>();
  readonly #elsewhere = new RecentMap<string, Authorizer>(MAX_ELSEWHERE);
  /** Whether the credentials come out of a source, and may be old. */
  readonly #stored: boolean;
  /** What worked last, for whichever repository. */
  #scheme: AuthScheme | undefined;

  /** Sends nothing yet. The options were checked, and repositories took requests as anybody's. */
  constructor(options: AuthorizeOptions, open: Iterable<string | undefined> = []) {
    const { origin, credentials, clock, emit } = options;
    if (credentials instanceof Promise) throw refused("they are a promise: await it");
    const url = new URL(origin);
    this.origin = url.origin;
    const { secrets = {} } = options;
    this.secrets = secretsOf(secrets);
    this.#options = { ...options, secrets };
    this.#host = url.host;
    this.#source = reportingCredentialSource(credentialSource(credentials), emit);
    this.#tokens = new TokenStore(clock);
    this.#stored = typeof credentials === "function";
    this.hasToken = typeof credentials === "object" && Boolean(credentials.accessToken);
    for (const name of open) this.acceptOpen(name);
  }

  /** What a request with an intent needs. */
  need(intent: Intent, signal?: AbortSignal): Need {
    const repository = this.repository(intent.repository);
    return { repository, scopes: repository.scopes(intent, this.#options.scopes), signal, intent };
  }

  /** What is known of a repository; without a name, of the registry's own resources. */
  repository(name?: string): RepositoryAuth {
    return this.#repositories.getOr(name ?? "", () => {
      const target: CredentialTarget = {
        host: this.#host,
        scheme: this.origin.startsWith("http:") ? "http" : "https",
        ...(this.#options.plainHttp && { plainHttp: true }),
        ...(name !== undefined && { repository: name }),
      };
      return new RepositoryAuth(() => this.#source(target));
    });
  }

  /** How a repository is likely to want to be asked: one that is not known, as others of its registry. */
  expected({ scheme }: RepositoryAuth): AuthScheme | undefined {
    return scheme ?? this.#scheme;
  }

  /** Remembers what to expect of repositories that are not known, where nothing has worked yet. */
  suggest(scheme: AuthScheme): void {
    this.#scheme ??= scheme;
  }

  /**
   * The best of some challenges that can be met.
   *
   * @throws {AuthenticationError} When the only way is a token service that is not acceptable.
   */
  choose(challenges: readonly Challenge[]): AuthScheme | undefined {
    return chooseScheme(challenges, this.origin, this.#options.trustedRealms);
  }

  /**
   * How to ask where nothing says how, as a gateway took the challenge away: with a password Basic is
   * worth a try, where it can go over https or stays on this machine.
   */
  async guess({ repository, signal }: Need): Promise<AuthScheme | undefined> {
    const safe = this.origin.startsWith("https:") || isLoopback(this.#host);
    const identity = safe ? await repository.identity(signal) : undefined;
    return identity?.username === undefined ? undefined : { type: "basic" };
  }

  /** Remembers that a repository took a request without credentials. */
  acceptOpen(name?: string): void {
    this.accept({ repository: this.repository(name), scopes: [] }, NOTHING);
  }

  /** Remembers what the registry took. */
  accept({ repository }: Need, sent: Authorization): void {
    if (sent === repository.accepted) return;
    repository.accepted = sent.token ? { ...sent, token: { ...sent.token, fresh: false } } : sent;
    repository.scheme = sent.scheme;
    if (sent.header !== undefined) this.#scheme = sent.scheme;
  }

  /** What was accepted last, while its token is good: all that a warm call needs. */
  warm({ repository: { accepted }, scopes, intent }: Need): Authorization | undefined {
    if (accepted?.refusal) {
      if (!isPull(intent)) return undefined;
      scopes = pullScopes(scopes);
    }
    if (accepted?.token === undefined) return accepted;
    const value = this.#tokens.find(accepted.token.owner, scopes);
    if (value === undefined) return undefined;
    if (value === accepted.token.value) return accepted;
    const token = { ...accepted.token, value, scopes };
    return { ...accepted, header: `Bearer ${value}`, token };
  }

  /** Forgets a token that was refused. */
  drop(token: string): void {
    this.#tokens.drop(token);
  }

  /**
   * Why a request that was refused carried no credentials, where there are some or should be: the
   * source failed, or the token service may not have them.
   */
  anonymity({ repository }: Need, sent?: Authorization): Anonymity | undefined {
    if (sent?.identity === undefined) return repository.takeFailure();
    const { scheme } = sent;
    if (scheme.type !== "bearer" || scheme.trusted) return undefined;
    return { reason: withheldReason(scheme.realm, this.origin) };
  }

  /** What is to say of a refusal that nothing went wrong before: whose it was, or of nobody. */
  refused(
    { repository }: Need,
    sent: Authorization | undefined,
    status: number,
  ): Pick<ChannelResponse, "anonymity" | "carried"> {
    if (sent?.identity === undefined) {
      const asked = this.#stored ? "" : ", as the registry does not ask for any of their kind";
      const reason = this.#absence(repository) ?? `no credentials were sent${asked}`;
      return { anonymity: { reason } };
    }
    const { identity, token, header } = sent;
    const kind = token
      ? "service token"
      : header?.startsWith("Basic ")
      ? "password"
      : "given token";
    return { carried: refusedWords(identity, kind, status, this.secrets) };
  }

  /** That there are no credentials, where that is so. */
  #absence({ known }: RepositoryAuth): string | undefined {
    if (this.#options.credentials === undefined) return "no credentials were given";
    if (known === undefined || known.identity || known.failure) return undefined;
    return this.#stored
      ? `no credentials were found for ${this.#host}`
      : "no credentials were given";
  }

  /**
   * What meets a scheme with the credentials that the source gives.
   *
   * @param refused What was refused for its credentials: the source is asked again.
   * @throws {AuthenticationError} When the token service gives none.
   */
  async authorization(
    scheme: AuthScheme,
    need: Need,
    refused?: Authorization,
  ): Promise<Authorization> {
    const { repository, signal } = need;
    const identity = refused === undefined
      ? await repository.identity(signal)
      : await repository.otherIdentity(refused.identity, signal);
    learnIdentity(this.secrets, identity);
    if (identity?.accessToken !== undefined) return givenToken(scheme, identity);
    if (scheme.type === "none") return NOTHING;
    // A password that must not go to the token service may go to the registry itself.
    const basic = scheme.type === "basic" || (scheme.basic && !scheme.trusted);
    if (basic && identity?.username !== undefined) {
      const header = basicAuthorization(identity.username, identity.password ?? "");
      return { scheme, header, identity };
    }
    if (scheme.type === "basic") return NOTHING;
    try {
      return await this.#bearer(scheme, need, identity);
    } catch (error) {
      const refused = error instanceof AuthenticationError &&
        BAD_CREDENTIAL_STATUSES.includes(error.statusCode ?? 0);
      if (!refused) throw error;
      if (identity === undefined) throw explained(error, repository.takeFailure());
      const other = await repository.otherIdentity(identity, signal);
      if (other?.accessToken !== undefined) return givenToken(scheme, other);
      if (other !== undefined && !sameIdentity(other, identity)) {
        return await this.#bearer(scheme, need, other);
      }
      const anonymous = await this.anonymous(scheme, need, identity, error);
      if (anonymous === undefined) throw error;
      return anonymous;
    }
  }

  /**
   * Tries a user name and password on the registry itself (end-1), as a token service does its own.
   *
   * @throws {UnauthorizedError} When they are refused.
   */
  async prove(username: string, password: string, signal?: AbortSignal): Promise<void> {
    const { send, limits, clock } = this.#options;
    const identity = { username, password };
    learnIdentity(this.secrets, identity);
    const request: ChannelRequest = {
      method: "GET",
      url: new URL("/v2/", this.origin),
      headers: headerFields({ authorization: basicAuthorization(username, password) }),
      purpose: "registry",
      what: `log in to ${this.#host}`,
      ...(signal && { signal }),
    };
    const answer = await send(request);
    const { ok, status, body } = answer.response;
    if (ok) return await leaveBody({ limits }, request, answer);
    // A registry that answers something else here may take them where they are needed.
    if (status !== 401) return await body?.cancel();
    const carried = refusedWords(identity, "password", status, this.secrets);
    throw await responseError({ limits, clock, secrets: this.#options.secrets }, request, {
      ...answer,
      carried,
    });
  }

  /** Tells that credentials were refused and a request goes on without: once for each repository. */
  reportRefused(
    { repository }: Need,
    refused: Identity,
    why = `${this.#host} answers 401`,
  ): void {
    if (!repository.reports(refused)) return;
    const message = `The credentials were refused, so the request is tried without them: ${why}`;
    this.#options.emit({ type: "credentials-failed", host: this.#host, message });
  }

  /**
   * What to try once after stored credentials were refused: they may be old, which must not break what
   * is public. `undefined` for all but pulls, and where the caller gave the credentials as such.
   */
  async anonymous(
    scheme: AuthScheme,
    need: Need,
    refused: Identity,
    cause?: AuthenticationError,
  ): Promise<Authorization | undefined> {
    if (!this.#stored || refused === undefined || !isPull(need.intent)) return undefined;
    this.reportRefused(need, refused, cause?.message);
    const refusal = cause === undefined ? {} : { cause };
    if (scheme.type !== "bearer") return { ...NOTHING, refusal };
    const pull = { ...need, scopes: pullScopes(need.scopes) };
    const found = await this.#bearer(scheme, pull, undefined).catch(() => {
      need.signal?.throwIfAborted();
      return undefined;
    });
    return found && { ...found, refusal };
  }

  /**
   * The authentication of a registry that this one redirects to, without any credentials; `undefined`
   * where this one was redirected to itself.
   */
  elsewhere(origin: string): Authorizer | undefined {
    if (this.#options.redirected) return undefined;
    return this.#elsewhere.getOr(origin, () => {
      const { credentials: _, plainHttp: __, ...options } = this.#options;
      return new Authorizer({ ...options, origin, scopes: [], redirected: true });
    });
  }

  async #bearer(
    scheme: BearerScheme,
    { repository, scopes, signal }: Need,
    identity: Identity,
  ): Promise<Authorization> {
    const { realm, service, trusted } = scheme;
    const withheld = identity && !trusted ? withheldReason(realm, this.origin) : undefined;
    const holder = trusted ? identity : undefined;
    const owner = this.#tokens.owner({ realm: realm.href, service, identity: holder });
    const registry = this.origin;
    const request: TokenRequest = {
      ...{ realm, service, scopes, identity: holder, registry, withheld },
      ...(identity === undefined && { absent: this.#absence(repository) }),
    };
    const { value, fresh } = await this.#tokens.get(owner, scopes, (shared) => {
      if (withheld !== undefined) this.#reportWithheld(realm.origin, withheld);
      return this.#request(request, shared);
    }, signal);
    this.secrets.add(value);
    return { scheme, header: `Bearer ${value}`, identity, token: { owner, value, scopes, fresh } };
  }

  /**
   * Requests a token with the identity token that the service gave last, where it gives new ones: each
   * is good once then, so that the next request waits for it.
   */
  async #request(request: TokenRequest, signal: AbortSignal): Promise<Token> {
    const given = request.identity?.refreshToken;
    if (given === undefined) return await requestToken(this.#options, request, signal);
    for (;;) {
      const asking = this.#asking.get(given);
      if (asking === undefined || this.#lasting.has(given)) break;
      await untilAborted(asking, signal);
    }
    const identity = { ...request.identity, refreshToken: this.#rotated.get(given) ?? given };
    const token = requestToken(this.#options, { ...request, identity }, signal);
    const answered = token.then(({ refreshToken }) => {
      if (refreshToken === undefined) return void this.#lasting.add(given);
      this.#rotated.set(given, refreshToken);
      this.#lasting.delete(given);
    }).catch(() => {}).finally(() => this.#asking.delete(given));
    this.#asking.set(given, answered);
    await answered;
    return await token;
  }

  #reportWithheld(origin: string, reason: string): void {
    if (this.#withheld.has(origin)) return;
    if (this.#withheld.size >= MAX_WITHHELD) this.#withheld.clear();
    this.#withheld.add(origin);
    this.#options.emit({ type: "credentials-withheld", registry: this.origin, origin, reason });
  }
}

/** A token service's refusal of an anonymous request, with why it was anonymous. */
function explained(refusal: AuthenticationError, why?: Anonymity): AuthenticationError {
  if (why === undefined) return refusal;
  const { statusCode, resp, errors, registry } = refusal;
  return new AuthenticationError(`${refusal.message} (${why.reason})`, {
    ...{ cause: why.cause, statusCode, resp, errors, registry },
    refused: refusal.code === "UNAUTHORIZED",
  });
}

/** A bearer token that was given as such; no token service is asked. */
function givenToken(scheme: AuthScheme, identity: NonNullable<Identity>): Authorization {
  return { scheme, header: `Bearer ${identity.accessToken}`, identity };
}
