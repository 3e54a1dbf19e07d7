import { openBody } from "../content/body.ts";
import { encodeText } from "../content/bytes.ts";
import type { Limits } from "../content/limits.ts";
import { AuthenticationError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { ChannelRequest, ChannelResponse, Clock, Send } from "../transport/channel.ts";
import { DockerResponse } from "../transport/docker_response.ts";
import { readBody, responseErrors } from "../transport/expect.ts";
import { redactUrl } from "../transport/redact.ts";
import { basicAuthorization, type Credential } from "./credential.ts";
import { publicWords } from "./public_words.ts";
import { asksForDelete, deleteAsStar, formatScope, type Scope } from "./scope.ts";
import { parseToken } from "./token_answer.ts";
import type { Token } from "./token_cache.ts";
import { headerFields } from "../transport/header_fields.ts";

/** What a token request goes through. */
export interface TokenRequestContext {
  /** Sends token requests, and tries again what may pass. */
  send: Send;
  /** Time. */
  clock: Clock;
  /** `tokenBytes`, `errorBytes` and `stallTimeout` count here. */
  limits: Required<Limits>;
  /** Told each request. */
  emit: OnEvent;
}

/** What is asked of a token service. */
export interface TokenQuestion {
  /** The token service. */
  realm: URL;
  /** The service it speaks for, as the challenge named it. */
  service?: string;
  /** What the token shall allow. */
  scopes: readonly Scope[];
  /** Who asks; nobody for an anonymous token. It must be allowed to go to the realm. */
  credential?: Readonly<Credential>;
  /** The registry's host, for messages. */
  registry: string;
  /** Why credentials that are there do not go along, for messages. */
  withheld?: string;
}

/** Who davit says it is. The specification asks for a name, services do not check it. */
const CLIENT_ID = "davit";

/** What services answer that do not know one of the two ways to ask. */
const OTHER_WAY_STATUSES = [404, 405];

/** What a service answers that does not know the action `delete`; Quay: 400. */
const REFUSED_STATUSES = [400, 401, 403];

/**
 * Asks a token service for a token. Where it refuses a request that names `delete`, it is asked
 * once more with `*`.
 *
 * @throws {AuthenticationError} When the service refuses, redirects or answers something else;
 * `statusCode` is its status where it is not a success.
 * @throws {LimitError} When the answer is larger than `tokenBytes`.
 */
export async function requestToken(
  context: TokenRequestContext,
  question: TokenQuestion,
  signal?: AbortSignal,
): Promise<Token> {
  try {
    return await ask(context, question, signal);
  } catch (error) {
    const refused = error instanceof AuthenticationError &&
      REFUSED_STATUSES.includes(error.statusCode ?? 0);
    if (!refused || !asksForDelete(question.scopes)) throw error;
    return await ask(context, { ...question, scopes: deleteAsStar(question.scopes) }, signal);
  }
}

async function ask(
  context: TokenRequestContext,
  question: TokenQuestion,
  signal: AbortSignal | undefined,
): Promise<Token> {
  const { realm, credential, registry } = question;
  // A challenge may have named them: they are a stranger's words.
  const scopes = publicWords(question.scopes.map(formatScope).join(" "), credential);
  const what = `get a token from ${realm.origin}${realm.pathname} for ${registry}` +
    (scopes && ` (${scopes})`);
  const ways = waysToAsk(question);
  let way: Way;
  let request: ChannelRequest;
  let answer: ChannelResponse;
  for (;;) {
    way = ways.shift()!;
    request = {
      ...way.request,
      purpose: "realm",
      redirect: "manual",
      what,
      ...(signal && { signal }),
    };
    context.emit({
      type: "token",
      realm: redactUrl(realm),
      scopes: question.scopes.map(formatScope),
      anonymous: way.anonymous,
    });
    answer = await context.send(request);
    if (ways.length === 0 || !OTHER_WAY_STATUSES.includes(answer.response.status)) break;
    await answer.response.body?.cancel().catch(() => {});
  }
  await refuseRedirect(answer, what);
  const { response } = answer;
  if (response.ok) {
    const name = `the token from ${realm.host}`;
    const bytes = await readBody(context, response, "tokenBytes", name, request);
    return parseToken(bytes, what, response.headers.get("date"));
  }
  // Not as an error of its own: a service may repeat what it was sent, and that is cut only here.
  const errors = (await responseErrors(context, request, response)).map(({ code, message }) => ({
    ...(code !== undefined && { code: publicWords(code, credential) }),
    message: publicWords(message, credential),
  }));
  const words = errors.map(({ code, message }) => [code, message].filter(Boolean).join(": "));
  const said = words.join("; ") || publicWords(response.statusText, credential);
  const why = question.withheld ?? (way.anonymous ? "no credentials were sent" : undefined);
  throw new AuthenticationError(
    `Cannot ${what}: ${response.status}${said && ` ${said}`}${why ? ` (${why})` : ""}`,
    { resp: new DockerResponse(JSON.stringify({ errors }), { status: response.status }), errors },
  );
}

/** Wherever it leads: the credentials were meant for this service alone. */
async function refuseRedirect({ response, hops }: ChannelResponse, what: string): Promise<void> {
  const redirects = response.type === "opaqueredirect" || response.redirected || hops.length > 0 ||
    (response.status >= 300 && response.status < 400);
  if (!redirects) return;
  await response.body?.cancel().catch(() => {});
  throw new AuthenticationError(
    `Cannot ${what}: the token service redirects, and token requests follow no redirect`,
    { ...(response.status > 0 && { statusCode: response.status }) },
  );
}

interface Way {
  request: Pick<ChannelRequest, "method" | "url" | "headers" | "body">;
  anonymous: boolean;
}

/**
 * The ways to ask, in their order: OAuth2 where an identity token is held; the plain GET that every
 * registry's service knows; and OAuth2 with the password, for services that know nothing else.
 */
function waysToAsk(question: TokenQuestion): Way[] {
  const { username, password = "", refreshToken } = question.credential ?? {};
  const ways: Way[] = [];
  if (refreshToken !== undefined) {
    ways.push(post(question, { grant_type: "refresh_token", refresh_token: refreshToken }));
  }
  ways.push(get(question, username, password));
  if (username !== undefined) {
    ways.push(post(question, { grant_type: "password", username, password }));
  }
  return ways;
}

/** @see https://distribution.github.io/distribution/spec/auth/token/ */
function get(question: TokenQuestion, username: string | undefined, password: string): Way {
  const query = new URLSearchParams();
  if (question.service !== undefined) query.append("service", question.service);
  for (const scope of question.scopes) query.append("scope", formatScope(scope));
  const url = new URL(question.realm);
  // Put behind the realm's own parameters, which searchParams would write anew.
  url.search = [url.search.slice(1), query.toString()].filter(Boolean).join("&");
  const headers = headerFields({ accept: "application/json" });
  if (username !== undefined) headers.set("authorization", basicAuthorization(username, password));
  return { request: { method: "GET", url, headers }, anonymous: username === undefined };
}

/** @see https://distribution.github.io/distribution/spec/auth/oauth/ */
function post(question: TokenQuestion, grant: Record<string, string>): Way {
  const form = new URLSearchParams(grant);
  form.append("client_id", CLIENT_ID);
  if (question.service !== undefined) form.append("service", question.service);
  if (question.scopes.length > 0) {
    form.append("scope", question.scopes.map(formatScope).join(" "));
  }
  const headers = headerFields({
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
  });
  const body = openBody(encodeText(form.toString()));
  return {
    request: { method: "POST", url: new URL(question.realm), headers, body },
    anonymous: false,
  };
}
