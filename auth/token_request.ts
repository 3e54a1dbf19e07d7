import { bytesBody } from "../content/body.ts";
import { encodeText } from "../content/bytes.ts";
import type { Limits } from "../content/limits.ts";
import { AuthenticationError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { ChannelRequest, ChannelResponse, Clock, Send } from "../transport/channel.ts";
import { dockerResponse } from "../transport/docker_response.ts";
import { headerFields } from "../transport/header_fields.ts";
import { refusal } from "../transport/http_error.ts";
import { readBody, readStart } from "../transport/read_body.ts";
import { redactUrl } from "../transport/redact.ts";
import { redirect } from "../transport/redirect.ts";
import { registryErrors } from "../transport/registry_errors.ts";
import { exhausted } from "../transport/retry.ts";
import { type SecretsKeeper, secretsOf } from "../transport/secrets.ts";
import { answeredBy, strangeAnswer } from "../transport/web_page.ts";
import type { Identity } from "./credential.ts";
import { basicAuthorization, TOKEN_USER } from "./identity.ts";
import { redactSecrets, refusedWords } from "./redact_secrets.ts";
import { asksForDelete, deleteAsStar, formatScope, formatScopes, type Scope } from "./scope.ts";
import { parseToken } from "./token_answer.ts";
import type { Token } from "./token_store.ts";

/** What a token request goes through. */
interface TokenRequestContext {
  /** Sends token requests, and tries again what may pass. */
  send: Send;
  /** Time. */
  clock: Clock;
  /** `tokenBytes`, `errorBytes`, `maxRedirects` and `stallTimeout` count here. */
  limits: Required<Limits>;
  /** Called with each request. */
  emit: OnEvent;
  /** What was sent of late, which a service may repeat. @default {what this request sends} */
  secrets?: SecretsKeeper;
}

/** What is asked of a token service. */
export interface TokenRequest {
  /** The token service. */
  realm: URL;
  /** The service it speaks for, as the challenge named it. */
  service?: string | undefined;
  /** What the token shall allow. */
  scopes: readonly Scope[];
  /** Who gets the token; `undefined` for an anonymous one. It must be allowed to go to the realm. */
  identity?: Identity;
  /** The registry's origin. */
  registry: string;
  /** Why credentials that are there do not go along, for messages. */
  withheld?: string | undefined;
  /** That there are none, for messages. */
  absent?: string | undefined;
}

/** The client's name. The specification asks for one, services do not check it. */
const CLIENT_ID = "davit";

/** What services answer that do not know one of the grants. */
const UNKNOWN_GRANT_STATUSES = [404, 405];

/** What services answer to an identity token that is given as a password, if they take none so. */
const NO_PASSWORD_STATUSES = [400, 401];

/** What a service answers that does not know the action `delete`; Quay: 400. */
const REFUSED_STATUSES = [400, 401, 403];

/**
 * Requests a token from a token service. Where it refuses a request that names `delete`, it is asked
 * once more with `*`. Redirects are followed: on the same origin with the credentials, elsewhere by GET
 * and without any, of which events tell.
 *
 * @throws {AuthenticationError} When the service refuses or answers something else; `statusCode` is its
 * status where it is not a success.
 * @throws {TooManyRedirectsError} When it redirects more often than `maxRedirects`, or in a circle.
 * @throws {HostRefusedError} When it redirects from https to http.
 * @throws {LimitError} When the answer is larger than `tokenBytes`.
 */
export async function requestToken(
  context: TokenRequestContext,
  request: TokenRequest,
  signal?: AbortSignal,
): Promise<Token> {
  try {
    return await askService(context, request, signal);
  } catch (error) {
    const refused = error instanceof AuthenticationError &&
      REFUSED_STATUSES.includes(error.statusCode ?? 0);
    if (!refused || !asksForDelete(request.scopes)) throw error;
    return await askService(context, { ...request, scopes: deleteAsStar(request.scopes) }, signal);
  }
}

async function askService(
  context: TokenRequestContext,
  { realm, service, scopes, identity, registry: origin, withheld, absent }: TokenRequest,
  signal: AbortSignal | undefined,
): Promise<Token> {
  const secrets = secretsOf(context.secrets);
  const redact = (words: string) => redactSecrets(words, identity, secrets);
  // A challenge may have named the scopes and the realm: they are a stranger's words.
  const words = redact(formatScopes(scopes));
  const registry = new URL(origin);
  const what =
    `get a token from ${secrets.hide(realm.origin + realm.pathname)} for ${registry.host}` +
    (words && ` (${words})`);
  const send = redirect(context.limits, {
    registry: origin,
    withheld(url) {
      if (anonymous) return;
      anonymous = true;
      withheld =
        `the token service redirects to ${url.origin}, so the token is asked for anonymously`;
      context.emit({
        type: "credentials-withheld",
        registry: origin,
        origin: url.origin,
        reason: withheld,
      });
      tell(new URL(url.origin)); // the rest may repeat what was sent
    },
  })(context.send);
  function tell(url: URL): void {
    const event = { realm: redactUrl(url), scopes: scopes.map(formatScope), anonymous };
    context.emit({ type: "token", ...event });
  }
  const grants = grantsOf(identity);
  let request: ChannelRequest;
  let answer: ChannelResponse;
  let anonymous = true;
  let grant: Grant;
  for (;;) {
    grant = grants.shift();
    const parameters = new URLSearchParams(grant && { ...grant, client_id: CLIENT_ID });
    if (service !== undefined) parameters.append("service", service);
    request = {
      ...(grant === undefined
        ? query(realm, parameters, scopes, identity)
        : form(realm, parameters, scopes)),
      purpose: "realm",
      what,
      ...(signal && { signal }),
    };
    anonymous = grant === undefined && identity?.username === undefined;
    tell(realm);
    answer = await send(request);
    const { status } = answer.response;
    const unknown = UNKNOWN_GRANT_STATUSES.includes(status) ||
      (grant?.username === TOKEN_USER && NO_PASSWORD_STATUSES.includes(status));
    if (grants.length === 0 || !unknown) break;
    await answer.response.body?.cancel().catch(() => {});
  }
  const { response } = answer;
  if (response.redirected) {
    await response.body?.cancel().catch(() => {});
    // By a fetch that follows by itself, as browsers' do: what went where is not known.
    throw new AuthenticationError(`Cannot ${what}: the token service redirects out of sight`);
  }
  if (response.ok) {
    const name = `the token from ${realm.host}`;
    const bytes = await readBody(context, response, "tokenBytes", name, request);
    const date = response.headers.get("date");
    const { refreshToken, ...token } = parseToken(bytes, what, date, strangeAnswer(answer, bytes));
    const rotated = !anonymous && grant?.grant_type === "refresh_token" && refreshToken;
    return { ...token, ...(rotated && { refreshToken: rotated }) };
  }
  const start = await readStart(response, context.limits, request);
  // Not as an error of its own: a service may repeat what it was sent, and that is cut only here.
  const errors = registryErrors(start, redact).map(({ code, message }) => ({
    ...(code !== undefined && { code: redact(code) }),
    message: redact(message),
  }));
  const said = refusal(response.status, errors, redact(response.statusText));
  const refused = REFUSED_STATUSES.includes(response.status);
  const kind = grant?.grant_type === "refresh_token" ? "identity token" : "password";
  const why = anonymous
    ? withheld ?? absent ?? "no credentials were sent"
    : identity && refused
    ? refusedWords(identity, kind, 401, secrets) // whatever it says: GHCR and olareg answer 403
    : undefined;
  const notes = [answeredBy(answer, start), why].filter(Boolean).map((note) => ` (${note})`);
  const error = new AuthenticationError(
    `Cannot ${what}: ${said}${notes.join("")}`,
    {
      registry: registry.origin,
      // Without its URL, which may hold an account.
      resp: dockerResponse(
        new Response(JSON.stringify({ errors }), { status: response.status }),
        { method: "GET", url: "" },
      ),
      errors,
      refused: refused && withheld === undefined,
    },
  );
  exhausted.add(error);
  throw error;
}

/** What OAuth2's form says of a credential; `undefined` for the plain GET. */
type Grant = { grant_type: string } & Record<string, string> | undefined;

/**
 * The grants to try, in their order: OAuth2 where an identity token is held; the plain GET that every
 * registry's service knows; and OAuth2 with the password, for services that know nothing else. An
 * identity token in a password's place is tried by OAuth2 first.
 */
function grantsOf({ username, password = "", refreshToken }: NonNullable<Identity> = {}): Grant[] {
  const grants: Grant[] = [undefined];
  if (refreshToken !== undefined) {
    grants.unshift({ grant_type: "refresh_token", refresh_token: refreshToken });
  }
  if (username !== undefined) {
    const grant = { grant_type: "password", username, password };
    if (username === TOKEN_USER) grants.unshift(grant);
    else grants.push(grant);
  }
  return grants;
}

/** @see https://distribution.github.io/distribution/spec/auth/token/ */
function query(
  realm: URL,
  parameters: URLSearchParams,
  scopes: readonly Scope[],
  identity: Identity,
): Pick<ChannelRequest, "method" | "url" | "headers"> {
  for (const scope of scopes) parameters.append("scope", formatScope(scope));
  const url = new URL(realm);
  // Put behind the realm's own parameters, which searchParams would write anew.
  url.search = [url.search.slice(1), parameters.toString()].filter(Boolean).join("&");
  const headers = headerFields({ accept: "application/json" });
  const { username, password = "" } = identity ?? {};
  if (username !== undefined) headers.set("authorization", basicAuthorization(username, password));
  return { method: "GET", url, headers };
}

/** @see https://distribution.github.io/distribution/spec/auth/oauth/ */
function form(
  realm: URL,
  parameters: URLSearchParams,
  scopes: readonly Scope[],
): Pick<ChannelRequest, "method" | "url" | "headers" | "body"> {
  if (scopes.length > 0) parameters.append("scope", formatScopes(scopes));
  const headers = headerFields({
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
  });
  const body = bytesBody(encodeText(parameters.toString()));
  return { method: "POST", url: new URL(realm), headers, body };
}
