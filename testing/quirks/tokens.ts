import { readForm } from "../../server/access/read_form.ts";
import { basicCredentials } from "../../server/access/users.ts";
import { bodyReader } from "../../server/exchange.ts";
import { type StallLimit, watchedBody } from "../../server/listen/watched_body.ts";
import type { Handler, Middleware, RequestContext } from "../../server/middleware.ts";
import { Refusal } from "../../server/refusal.ts";
import { answered, answeredJson, changed } from "../changed.ts";
import { errorAnswer } from "./answer.ts";
import type { QuirkOptions, TokenQuirks } from "./options.ts";

/** Challenges and refusals as some registries have them. */
export function challengeQuirk(
  quirks: QuirkOptions,
): Middleware | undefined {
  const { deniedStatus, challengeOnPing, pingScope, endedTokenStatus, realmOrigin } = quirks;
  const any = deniedStatus ?? challengeOnPing ?? pingScope ?? endedTokenStatus ?? realmOrigin;
  if (any === undefined) return undefined;
  return (next) => async (context) => {
    const response = await next(context);
    let challenge = response.headers.get("www-authenticate");
    if (response.status !== 401 || challenge === null) return response;
    const error = /error="([^"]*)"/.exec(challenge)?.[1];
    const other = error === "insufficient_scope"
      ? deniedStatus
      : error === "invalid_token"
      ? endedTokenStatus
      : undefined;
    const gone = { "www-authenticate": undefined };
    if (other !== undefined) return answered(response, { status: other, headers: gone });
    const ping = context.route?.kind === "ping";
    if (challengeOnPing && !ping) return answered(response, { headers: gone });
    if (realmOrigin !== undefined && context.url.host === realmOrigin.host) {
      challenge = challenge.replace(
        /realm="([^"]*)"/,
        (_, realm) => `realm="${new URL(new URL(realm).pathname, realmOrigin.origin).href}"`,
      );
    }
    if (pingScope !== undefined && ping) challenge += `,scope="${pingScope}"`;
    return answered(response, { headers: { "www-authenticate": challenge } });
  };
}

/**
 * Azure's exchange of a token of Microsoft Entra for a refresh token, and the login with that one.
 *
 * @see https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
 */
export function exchangeQuirk(user: string, limit: StallLimit): Middleware {
  return (next) => async (context) => {
    const { request, route, url } = context;
    if (route !== undefined) return await next(context);
    if (request.method === "POST" && url.pathname.endsWith("/exchange")) {
      return await exchanged(next, context, user, limit);
    }
    const response = await next(context);
    const login = basicCredentials(request.headers.get("authorization"));
    if (response.status !== 401 || request.method !== "GET" || login?.name !== user) {
      return response;
    }
    const form = new URLSearchParams(url.searchParams);
    form.set("grant_type", "refresh_token");
    form.set("refresh_token", login.password);
    const again = await next(asForm(context, url.pathname, form));
    if (!again.ok) {
      await again.body?.cancel();
      return response;
    }
    await response.body?.cancel();
    return again;
  };
}

async function exchanged(
  next: Handler,
  context: RequestContext,
  user: string,
  limit: StallLimit,
): Promise<Response> {
  const { request, url } = context;
  let form: URLSearchParams | undefined;
  try {
    form = await readForm(
      watchedBody(bodyReader(request), limit),
      request.headers.get("content-type"),
    );
  } catch (error) {
    if (error instanceof Refusal) return error.response();
    throw error;
  }
  const [grant, service, password] = ["grant_type", "service", "access_token"].map((name) =>
    form?.get(name)
  );
  if (grant !== "access_token" || !service || !password) {
    return errorAnswer(400, "UNSUPPORTED", "grant_type, service and access_token are required");
  }
  const response = await next(asForm(
    context,
    url.pathname.replace(/exchange$/, "token"),
    new URLSearchParams({
      ...{ grant_type: "password", username: user, password, service },
      access_type: "offline",
    }),
  ));
  if (!response.ok) return response;
  const { refresh_token } = await response.json() as { refresh_token: string };
  return answeredJson(response, { refresh_token });
}

/** What the token service itself is asked, by POST. */
function asForm(context: RequestContext, path: string, form: URLSearchParams): RequestContext {
  return changed(context, {
    method: "POST",
    url: new URL(path, context.url),
    body: form.toString(),
    headers: {
      authorization: undefined,
      "content-length": undefined,
      "content-type": "application/x-www-form-urlencoded",
    },
  });
}

/** A token service's answers as some give them. */
export function tokensQuirk(quirks: TokenQuirks): Middleware {
  const { noExpiry, only, postStatus, refusedActions = [] } = quirks;
  return (next) => async (context) => {
    const { request: { method }, route, url } = context;
    if (route !== undefined) return await next(context);
    if (method === "POST" && postStatus !== undefined) {
      return errorAnswer(postStatus, "UNSUPPORTED", "tokens are given by GET alone");
    }
    const actions = url.searchParams.getAll("scope")
      .flatMap((scopes) => scopes.split(" "))
      .flatMap((scope) => scope.slice(scope.lastIndexOf(":") + 1).split(","));
    if (actions.some((action) => refusedActions.includes(action))) {
      return errorAnswer(400, "DENIED", "the scope names an action that is not known here");
    }
    const response = await next(context);
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    if (!response.ok || !isJson || (!noExpiry && only === undefined)) return response;
    const answer = await response.json() as Record<string, unknown>;
    if (noExpiry) delete answer.expires_in;
    if (only !== undefined) delete answer[only === "token" ? "access_token" : "token"];
    return answeredJson(response, answer);
  };
}
