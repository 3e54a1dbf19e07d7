import { UploadError } from "../errors.ts";
import type {
  Anonymity,
  ChannelRequest,
  ChannelResponse,
  Intent,
  Send,
} from "../transport/channel.ts";
import { copyFields, headerFields } from "../transport/header_fields.ts";
import { type AuthScheme, sameScheme } from "./auth_scheme.ts";
import { type Authorizer, type Need, NOTHING } from "./authorizer.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Authorization } from "./repository_auth.ts";
import { coversScopes, mergeScopes, parseScopes } from "./scope.ts";

// What a registry that asks nobody who they are never needs comes with this file, by one `import()`.
export { authInfo } from "./auth_info.ts";
export { Authorizer } from "./authorizer.ts";
export { refuseInternal } from "./internal_hosts.ts";

/**
 * How often one request is sent: without a token, with one, and with one for the scopes that the
 * registry then named; or with an old token, a new one, and a wider one. Once, it may start over.
 */
const MAX_SENDS = 3;

/**
 * Sends a request with what was accepted last, and negotiates where that is not known, or not taken.
 *
 * @param refusal The answer to it without credentials, where it was sent so already.
 */
export async function negotiate(
  authorizer: Authorizer,
  next: Send,
  request: ChannelRequest,
  intent: Intent,
  refusal?: ChannelResponse,
): Promise<ChannelResponse> {
  const need = authorizer.need(intent, request.signal);
  const warm = refusal ? NOTHING : authorizer.warm(need);
  const answer = refusal ?? (warm && await next(carrying(request, warm)));
  // What was taken before is taken again: nothing is to be learned of that.
  if (answer?.response.ok && warm === need.repository.accepted) return answer;
  return await new Negotiation(authorizer, next, request, need).send(warm, answer);
}

/**
 * One request on its way to the registry: what it carried, and what came of that. Once a challenge of
 * the repository, or of the registry, is known, tokens are asked for before a request is sent.
 */
class Negotiation {
  readonly #authorizer: Authorizer;
  readonly #next: Send;
  readonly #request: ChannelRequest;
  readonly #need: Need;
  /** Whether the body can be sent only once. */
  readonly #oneShot: boolean;
  /** What was carried last and refused. */
  #refused: Authorization | undefined;
  /** Why that was anonymous, where it should not have been. */
  #withheld: Anonymity | undefined;
  /** How the repository was expected to be asked, and why nothing could be carried. */
  #failed: { scheme: AuthScheme; error: unknown } | undefined;
  /** Whether it was sent without credentials, and the repository's own challenge is known. */
  #challenged = false;
  /** How to ask according to that. */
  #scheme: AuthScheme | undefined;
  /** Whether it follows what the repository did not say by itself: a guess, or what may be wrong. */
  #doubtful = false;

  /** Sends nothing yet. */
  constructor(authorizer: Authorizer, next: Send, request: ChannelRequest, need: Need) {
    this.#authorizer = authorizer;
    this.#next = next;
    this.#request = request;
    this.#need = need;
    this.#oneShot = request.body !== undefined && !request.body.reopenable;
  }

  /**
   * Sends the request until it is taken, or all that it can carry was refused; it may have been sent
   * already.
   */
  async send(already?: Authorization, first?: ChannelResponse): Promise<ChannelResponse> {
    let sent = already ?? await this.#upFront();
    let answer = first ?? await this.#carrying(sent);
    for (let sends = 1; sends < MAX_SENDS && this.#refuses(answer); sends++) {
      const other = await this.#afterRefusal(answer, sent).catch(async (error) => {
        await discard(answer);
        throw error;
      });
      if (other === undefined) break;
      await discard(answer);
      if (this.#oneShot) throw gone(this.#request);
      sent = other;
      if (sent.header === undefined) sends = 0;
      answer = await this.#carrying(sent);
    }
    const { ok, status } = answer.response;
    if (!ok) this.#authorizer.secrets.learn(sent.header); // an error may repeat it
    if (this.#refuses(answer)) {
      const last = sent.header === undefined ? this.#refused : sent;
      if (sent.refusal?.cause !== undefined) {
        await discard(answer);
        throw sent.refusal.cause;
      }
      const anonymous = await this.#anonymously(answer, last);
      if (anonymous !== undefined) return anonymous;
      const anonymity = this.#authorizer.anonymity(this.#need, last) ?? this.#withheld;
      if (anonymity) return { ...answer, anonymity };
      return { ...answer, ...this.#authorizer.refused(this.#need, last, status) };
    }
    const refused = this.#refused;
    if (ok && sent.header === undefined && refused?.scheme === this.#need.repository.scheme) {
      this.#authorizer.reportRefused(this.#need, refused?.identity);
    }
    const taken = ok || (sent.header !== undefined && status < 500);
    if (taken) this.#authorizer.accept(this.#need, sent);
    return status === 401 ? await this.#elsewhere(answer) : answer;
  }

  /** A pull once more without the stored credentials that were refused; `undefined` where that is vain. */
  async #anonymously(
    refusal: ChannelResponse,
    refused: Authorization | undefined,
  ): Promise<ChannelResponse | undefined> {
    const scheme = this.#scheme ?? refused?.scheme ?? NOTHING.scheme;
    // Without a token service, it was sent without credentials already.
    if (refusal.response.status !== 401 || (this.#challenged && scheme.type !== "bearer")) return;
    const withheld = refused?.token && refused.scheme.type === "bearer" && !refused.scheme.trusted;
    if (withheld) return undefined;
    const other = await this.#authorizer.anonymous(scheme, this.#need, refused?.identity);
    if (other === undefined) return undefined;
    const answer = await this.#carrying(other);
    const [left, kept] = this.#refuses(answer) ? [answer, undefined] : [refusal, answer];
    await discard(left);
    if (kept?.response.ok) this.#authorizer.accept(this.#need, other);
    return kept;
  }

  /**
   * The answer of another registry that a redirect led to, and that wants a token: one for its own
   * origin, without any credentials. Storage that answers 401 gets no more than that either.
   */
  async #elsewhere(answer: ChannelResponse): Promise<ChannelResponse> {
    const { url, hops } = answer;
    const { method, signal } = this.#request;
    const authorizer = this.#authorizer.elsewhere(url.origin);
    if (authorizer === undefined || (method !== "GET" && method !== "HEAD")) return answer;
    const name = REPOSITORY_PATH.exec(url.pathname)?.[1];
    const scheme = offeredBy(authorizer, challengesOf(answer));
    if (scheme?.type !== "bearer") return answer;
    const intent: Intent = name === undefined
      ? { actions: [] }
      : { repository: name, actions: ["pull"] };
    const need = authorizer.need(intent, signal);
    need.repository.scheme = scheme;
    try {
      await authorizer.authorization(scheme, need);
    } catch {
      signal?.throwIfAborted();
      return answer;
    }
    await discard(answer);
    const headers = copyFields(this.#request.headers);
    headers.delete("authorization");
    const request: ChannelRequest = { ...this.#request, url, headers, intent, purpose: "redirect" };
    const found = await negotiate(authorizer, this.#next, request, intent);
    return { ...found, hops: [...hops, ...found.hops] };
  }

  /**
   * What is carried before the registry was asked: a bearer token given as such, and whatever the
   * repository, or else the registry, is known to want.
   */
  async #upFront(): Promise<Authorization> {
    const { repository } = this.#need;
    let scheme = this.#authorizer.expected(repository);
    this.#doubtful = scheme !== repository.scheme;
    if (scheme === undefined && this.#oneShot) {
      // These bytes can be sent once: better one small request before them than a refusal after.
      scheme = this.#authorizer.choose(await this.#probe() ?? []);
    }
    scheme ??= NOTHING.scheme;
    if (scheme.type === "none" && !this.#authorizer.hasToken) return NOTHING;
    return await this.#tried(scheme, () => this.#authorizer.authorization(scheme, this.#need));
  }

  /**
   * What to carry after a refusal; `undefined` for what is final. How a repository wants to be asked
   * is said by the challenge to a request without credentials: one beside refused credentials may name
   * a token service that gives nothing, or is not there. That is followed where it leads to hosts that
   * were asked already; where it does not, or to no avail, the request is sent without credentials.
   */
  async #afterRefusal(
    answer: ChannelResponse,
    sent: Authorization,
  ): Promise<Authorization | undefined> {
    const { status } = answer.response;
    const challenges = challengesOf(answer);
    if (sent.header === undefined) {
      return status === 401 || isInsufficient(challenges)
        ? await this.#afterChallenge(challenges)
        : undefined;
    }
    // A password may have ended (ECR's do after twelve hours): the source may have another by now.
    const password = sent.identity?.username !== undefined && sent.token === undefined;
    if (status !== 401 && !password && !isInsufficient(challenges)) return undefined;
    this.#refused = sent;
    if (sent.identity) this.#withheld ??= this.#authorizer.anonymity(this.#need, sent);
    const offered = offeredBy(this.#authorizer, challenges);
    const scheme = offered ?? sent.scheme;
    const other = () => this.#other(scheme, challenges);
    const same = offered !== undefined && sameScheme(offered, sent.scheme);
    if (sent.identity?.accessToken !== undefined) return await other();
    if (offered === undefined || this.#isNear(offered, sent.scheme)) {
      const certain = same && !this.#doubtful;
      this.#doubtful = !certain;
      const found = await this.#tried(scheme, other);
      if (found !== undefined || certain || (offered === undefined && status !== 401)) return found;
    }
    return this.#challenged ? undefined : NOTHING;
  }

  /** What to carry after a refusal of a request that carried nothing: the challenge decides. */
  async #afterChallenge(challenges: readonly Challenge[]): Promise<Authorization | undefined> {
    this.#challenged = true;
    let scheme = this.#authorizer.choose(challenges);
    let silent = false;
    if (scheme === undefined) {
      const probed = await this.#probe();
      scheme = this.#authorizer.choose(probed ?? []);
      silent = challenges.length === 0 && probed?.length === 0;
    }
    this.#scheme = scheme;
    const failed = this.#failed;
    if (failed && (scheme === undefined || sameScheme(scheme, failed.scheme))) throw failed.error;
    if (scheme !== undefined) this.#need.repository.scheme ??= scheme;
    else if (silent) scheme = await this.#authorizer.guess(this.#need);
    return scheme && await this.#other(scheme, challenges);
  }

  /**
   * What was not carried yet: a token in place of an old one or with the scopes that the challenge
   * names, or other credentials where the source has some now.
   */
  async #other(
    scheme: AuthScheme,
    challenges: readonly Challenge[],
  ): Promise<Authorization | undefined> {
    const refused = this.#refused;
    const named = challenges.filter((challenge) => challenge.scheme === "bearer")
      .map(({ params }) => parseScopes(params.get("scope")));
    const need = { ...this.#need, scopes: mergeScopes(...named, this.#need.scopes) };
    const again = refused !== undefined && sameScheme(refused.scheme, scheme);
    if (refused?.token !== undefined) {
      const { fresh, value, scopes } = refused.token;
      if (again && fresh && (refused.refusal || coversScopes(scopes, need.scopes))) {
        return undefined;
      }
      // A new one may be another repository's, and good there.
      if (again || !fresh) this.#authorizer.drop(value);
    }
    const password = again && refused.token === undefined ? refused : undefined;
    const next = await this.#authorizer.authorization(scheme, need, password);
    return next.header === refused?.header ? undefined : next;
  }

  /** Tries what no challenge has confirmed. Where that fails, nothing is carried. */
  async #tried<T>(scheme: AuthScheme, authorize: () => Promise<T>): Promise<T | Authorization> {
    try {
      return await authorize();
    } catch (error) {
      if (this.#challenged || this.#oneShot || this.#request.signal?.aborted) throw error;
      this.#failed = { scheme, error };
      return NOTHING;
    }
  }

  /** Whether a scheme leads to the registry itself or to a token service that was asked before. */
  #isNear(scheme: AuthScheme, known: AuthScheme): boolean {
    if (scheme.type !== "bearer") return scheme.type === "basic";
    const { origin } = scheme.realm;
    return origin === this.#authorizer.origin ||
      (known.type === "bearer" && origin === known.realm.origin);
  }

  /**
   * Whether the registry itself refuses. Storage behind a redirect, or an upload's other origin, could
   * collect tokens by answering 401.
   */
  #refuses({ response, url }: ChannelResponse): boolean {
    const { status } = response;
    return (status === 401 || status === 403) && url.origin === this.#authorizer.origin;
  }

  /**
   * end-1 `GET /v2/`, for its challenge alone: gcr.io answers some requests 401 without one. Its scope
   * is left out by the caller: ghcr.io names a placeholder. `undefined` where another host answered.
   */
  async #probe(): Promise<Challenge[] | undefined> {
    const { origin } = this.#authorizer;
    const { signal } = this.#request;
    const answer = await this.#next({
      method: "GET",
      url: new URL("/v2/", origin),
      headers: headerFields(),
      purpose: "registry",
      what: `ask ${origin} how to authenticate`,
      ...(signal && { signal }),
    });
    await discard(answer);
    if (answer.url.origin !== origin) return undefined;
    return this.#refuses(answer) ? challengesOf(answer) : [];
  }

  #carrying(sent: Authorization): Promise<ChannelResponse> {
    return this.#next(carrying(this.#request, sent));
  }
}

function carrying(request: ChannelRequest, { header }: Authorization): ChannelRequest {
  if (header === undefined) return request;
  return { ...request, headers: copyFields(request.headers, { authorization: header }) };
}

/** The repository in a path of the registry API. */
const REPOSITORY_PATH = /^\/v2\/(.+)\/(?:blobs|manifests|referrers|tags)\/[^/]+$/;

/** What a challenge says that may be another one's; `none` where it cannot be met. */
function offeredBy(
  authorizer: Authorizer,
  challenges: readonly Challenge[],
): AuthScheme | undefined {
  try {
    return authorizer.choose(challenges);
  } catch {
    return NOTHING.scheme;
  }
}

function challengesOf({ response }: ChannelResponse): Challenge[] {
  return parseChallenges(response.headers.get("www-authenticate"));
}

/** IBM says with 403 that a token lacks a scope. */
function isInsufficient(challenges: readonly Challenge[]): boolean {
  return challenges.some(({ params }) => params.get("error") === "insufficient_scope");
}

async function discard({ response }: ChannelResponse): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

function gone({ what }: ChannelRequest): UploadError {
  return new UploadError(
    `Cannot ${what}: the registry asked for authentication after the stream was sent, and its ` +
      `bytes are gone. Pass {size, open()} instead of a stream, and davit sends it again`,
  );
}
