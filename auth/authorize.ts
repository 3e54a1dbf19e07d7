import { UploadError } from "../errors.ts";
import type { ChannelRequest, ChannelResponse, Middleware, Send } from "../transport/channel.ts";
import { copyFields, headerFields } from "../transport/header_fields.ts";
import type { Authorizer, Call } from "./authorizer.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Authorization } from "./repository_auth.ts";

/**
 * How often one request is sent: without a token, with one, and with one for the scopes that the
 * registry then named; or with an old token, a new one, and a wider one. Once, it may start over.
 */
const MAX_SENDS = 3;

/**
 * Puts credentials on a registry's requests and answers its challenges. A request's intent says
 * what for; one without an intent is sent as it is, and one to another origin without credentials.
 * Once a challenge of the repository, or of the registry, is known, tokens are asked for before a
 * request is sent.
 */
export function authorize(authorizer: Authorizer): Middleware {
  return (next) => async (request) => {
    const { intent, url, signal } = request;
    if (intent === undefined) return await next(request);
    if (url.origin !== authorizer.origin) return await next(without(request));
    const call = authorizer.call(intent, signal);
    const warm = authorizer.warm(call);
    return await sendAuthorized(authorizer, next, request, call, warm);
  };
}

async function sendAuthorized(
  authorizer: Authorizer,
  next: Send,
  request: ChannelRequest,
  call: Call,
  warm: Authorization | undefined,
): Promise<ChannelResponse> {
  const { origin } = authorizer;
  const probe = () => askRegistry(origin, next, request);
  call.oneShot = request.body !== undefined && !request.body.reopenable;
  // These bytes can be sent once: better one small request before them than a refusal after.
  if (call.oneShot && !authorizer.knows(call)) authorizer.suggest(call, await probe());
  let sent = warm ?? await authorizer.upFront(call);
  let answer = await next(carrying(request, sent));
  for (let sends = 1; sends < MAX_SENDS; sends++) {
    const challenges = refusal(answer, origin, sent);
    if (challenges === undefined) break;
    let other: Authorization | undefined;
    try {
      const { status } = answer.response;
      other = await authorizer.afterRefusal(call, sent, { status, challenges }, probe);
    } catch (error) {
      await discard(answer);
      throw error;
    }
    if (other === undefined) break;
    await discard(answer);
    if (call.oneShot) throw gone(request);
    sent = other;
    if (sent.header === undefined) sends = 0;
    answer = await next(carrying(request, sent));
  }
  if (refuses(answer, origin)) {
    const anonymity = authorizer.anonymity(call, sent);
    return anonymity ? { ...answer, anonymity } : answer;
  }
  const { ok, status } = answer.response;
  if (ok || (sent.header !== undefined && status < 500)) authorizer.accept(call, sent);
  return answer;
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
  { identity, token }: Pick<Authorization, "identity" | "token"> = {},
): Challenge[] | undefined {
  if (!refuses(answer, origin)) return undefined;
  const { response } = answer;
  const challenges = parseChallenges(response.headers.get("www-authenticate"));
  const insufficient = challenges.some(({ params }) =>
    params.get("error") === "insufficient_scope"
  );
  const password = identity?.username !== undefined && token === undefined;
  return response.status === 401 || insufficient || password ? challenges : undefined;
}

/**
 * end-1 `GET /v2/`, for its challenge alone: gcr.io answers some requests 401 without one. Its scope
 * is left out by the caller: ghcr.io names a placeholder.
 */
async function askRegistry(
  origin: string,
  next: Send,
  { signal }: ChannelRequest,
): Promise<Challenge[]> {
  const answer = await next({
    method: "GET",
    url: new URL("/v2/", origin),
    headers: headerFields(),
    purpose: "registry",
    what: `ask ${origin} how to authenticate`,
    ...(signal && { signal }),
  });
  await discard(answer);
  return refusal(answer, origin) ?? [];
}

function carrying(request: ChannelRequest, { header }: Authorization): ChannelRequest {
  if (header === undefined) return request;
  const headers = copyFields(request.headers);
  headers.set("authorization", header);
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
