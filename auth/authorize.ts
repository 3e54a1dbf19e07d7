import { UploadError } from "../errors.ts";
import type { ChannelRequest, ChannelResponse, Middleware, Send } from "../transport/channel.ts";
import { type Authorization, type AuthorizeOptions, Authorizer, type Need } from "./authorizer.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { rememberedScopes } from "./scope.ts";
import { copyFields, headerFields } from "../transport/header_fields.ts";

/**
 * How often one request is sent: without a token, with one, and with one for the scopes that the
 * registry then named; or with an old token, a new one, and a wider one.
 */
const MAX_SENDS = 3;

/**
 * Puts credentials on a registry's requests and answers its challenges. A request's intent says
 * what for; one without an intent is sent as it is, and one to another origin without credentials.
 * Once the registry's challenge is known, tokens are asked for before a request is sent.
 *
 * @throws {InvalidOptionError} When an option cannot be used: see {@linkcode AuthorizeOptions}.
 */
export function authorize(options: AuthorizeOptions): Middleware {
  const authorizer = new Authorizer(options);
  const scopesOf = rememberedScopes(options.scopes);

  return (next) => async (request) => {
    if (request.intent === undefined) return await next(request);
    if (request.url.origin !== authorizer.origin) return await next(without(request));
    const { repository } = request.intent;
    const need: Need = {
      scopes: scopesOf(request.intent),
      ...(repository !== undefined && { repository }),
      ...(request.signal && { signal: request.signal }),
    };
    return await sendAuthorized(authorizer, next, request, need);
  };
}

async function sendAuthorized(
  authorizer: Authorizer,
  next: Send,
  request: ChannelRequest,
  need: Need,
): Promise<ChannelResponse> {
  const oneShot = request.body !== undefined && !request.body.reopenable;
  if (oneShot && authorizer.scheme === undefined) {
    // These bytes can be sent once: better one small request before them than a refusal after.
    authorizer.learn(await probe(authorizer.origin, next, request));
  }
  let sent = authorizer.warm(need.scopes) ?? await authorizer.upFront(need);
  let answer = await next(carrying(request, sent));
  for (let sends = 1; sends < MAX_SENDS; sends++) {
    const challenges = refusal(answer, authorizer.origin, sent);
    if (challenges === undefined) break;
    let authorization: Authorization | undefined;
    try {
      const scheme = authorizer.learn(challenges) ??
        authorizer.learn(await probe(authorizer.origin, next, request));
      if (scheme !== undefined) {
        authorization = await authorizer.answer(scheme, challenges, need, sent);
      }
    } catch (error) {
      await discard(answer);
      throw error;
    }
    if (authorization === undefined) break;
    await discard(answer);
    if (oneShot) throw gone(request);
    sent = authorization;
    answer = await next(carrying(request, sent));
  }
  if (sent === undefined && answer.response.ok) authorizer.noteOpen();
  const anonymity = refuses(answer, authorizer.origin) && authorizer.anonymity(need, sent);
  return anonymity ? { ...answer, anonymity } : answer;
}

/** Whether the registry itself refuses, for want of credentials or of rights. */
function refuses({ response, url }: ChannelResponse, origin: string): boolean {
  return (response.status === 401 || response.status === 403) && url.origin === origin;
}

/**
 * The challenges of a response that refuses for want of credentials: 401, `insufficient_scope` with
 * 403 (IBM), or 403 to a password, which may have ended (ECR's do after twelve hours): the source may
 * have another by now. Only the registry's own refusals count: storage behind a redirect, or an
 * upload's other origin, could collect tokens by answering 401.
 */
function refusal(
  answer: ChannelResponse,
  origin: string,
  sent?: Authorization,
): Challenge[] | undefined {
  if (!refuses(answer, origin)) return undefined;
  const { response } = answer;
  const challenges = parseChallenges(response.headers.get("www-authenticate"));
  const insufficient = challenges.some(({ params }) =>
    params.get("error") === "insufficient_scope"
  );
  const password = sent?.asker?.username !== undefined && sent.token === undefined;
  return response.status === 401 || insufficient || password ? challenges : undefined;
}

/**
 * end-1 `GET /v2/`, for its challenge alone: gcr.io answers some requests 401 without one. Its scope
 * is left out by the caller: ghcr.io names a placeholder.
 */
async function probe(origin: string, next: Send, request: ChannelRequest): Promise<Challenge[]> {
  const answer = await next({
    method: "GET",
    url: new URL("/v2/", origin),
    headers: headerFields(),
    purpose: "registry",
    what: `ask ${origin} how to authenticate`,
    ...(request.signal && { signal: request.signal }),
  });
  await discard(answer);
  return refusal(answer, origin) ?? [];
}

function carrying(
  request: ChannelRequest,
  authorization: Authorization | undefined,
): ChannelRequest {
  if (authorization === undefined) return request;
  const headers = copyFields(request.headers);
  headers.set("authorization", authorization.header);
  return { ...request, headers };
}

function without(request: ChannelRequest): ChannelRequest {
  if (!request.headers.has("authorization")) return request;
  const headers = copyFields(request.headers);
  headers.delete("authorization");
  return { ...request, headers };
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
