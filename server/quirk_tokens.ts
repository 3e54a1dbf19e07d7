import { encodeText } from "../content/bytes.ts";
import type { QuirkOptions, TokenQuirks } from "./quirk_options.ts";
import { basicCredentials } from "./users.ts";
import { bodyReader } from "./exchange.ts";
import { errorAnswer } from "./quirk_answer.ts";
import { answered, changed, type Quirk, type Visit, type Visited } from "./quirk_visit.ts";
import { readForm } from "./read_form.ts";
import { Refusal } from "./refusal.ts";
import { type StallLimit, watchedBody } from "./watched_body.ts";

/** Challenges and refusals as some registries have them. */
export function challengeQuirk(
  quirks: QuirkOptions,
): Quirk | undefined {
  const { deniedStatus, challengeOnPing, pingScope, endedTokenStatus, realmElsewhere } = quirks;
  const any = deniedStatus ?? challengeOnPing ?? pingScope ?? endedTokenStatus ?? realmElsewhere;
  if (any === undefined) return undefined;
  return (next) => async (visit) => {
    const response = await next(visit);
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
    const ping = visit.route?.kind === "ping";
    if (challengeOnPing && !ping) return answered(response, { headers: gone });
    if (realmElsewhere !== undefined && visit.url.host === realmElsewhere.host) {
      challenge = challenge.replace(
        /realm="([^"]*)"/,
        (_, realm) => `realm="${new URL(new URL(realm).pathname, realmElsewhere.origin).href}"`,
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
export function exchangeQuirk(user: string, limit: StallLimit): Quirk {
  return (next) => async (visit) => {
    const { request, route, url } = visit;
    if (route !== undefined) return await next(visit);
    if (request.method === "POST" && url.pathname.endsWith("/exchange")) {
      return await exchanged(next, visit, user, limit);
    }
    const response = await next(visit);
    const login = basicCredentials(request.headers.get("authorization"));
    if (response.status !== 401 || request.method !== "GET" || login?.name !== user) {
      return response;
    }
    const form = new URLSearchParams(url.searchParams);
    form.set("grant_type", "refresh_token");
    form.set("refresh_token", login.password);
    const again = await next(asForm(visit, url.pathname, form));
    if (!again.ok) {
      await again.body?.cancel();
      return response;
    }
    await response.body?.cancel();
    return again;
  };
}

async function exchanged(
  next: Visited,
  visit: Visit,
  user: string,
  limit: StallLimit,
): Promise<Response> {
  const { request, url } = visit;
  let form: URLSearchParams | undefined;
  try {
    form = await readForm(watchedBody(bodyReader(request), limit));
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
    visit,
    url.pathname.replace(/exchange$/, "token"),
    new URLSearchParams({
      ...{ grant_type: "password", username: user, password, service },
      access_type: "offline",
    }),
  ));
  if (!response.ok) return response;
  const { refresh_token } = await response.json() as { refresh_token: string };
  const bytes = encodeText(JSON.stringify({ refresh_token }));
  return answered(response, { body: bytes, headers: { "content-length": `${bytes.byteLength}` } });
}

/** What the token service itself is asked, by POST. */
function asForm(visit: Visit, path: string, form: URLSearchParams): Visit {
  return changed(visit, {
    method: "POST",
    url: new URL(path, visit.url),
    body: form.toString(),
    headers: {
      authorization: undefined,
      "content-length": undefined,
      "content-type": "application/x-www-form-urlencoded",
    },
  });
}

/** A token service's answers as some give them. */
export function tokensQuirk(quirks: TokenQuirks): Quirk {
  const { noExpiry, only, postStatus, refusedActions = [] } = quirks;
  return (next) => async (visit) => {
    const { request: { method }, route, url } = visit;
    if (route !== undefined) return await next(visit);
    if (method === "POST" && postStatus !== undefined) {
      return errorAnswer(postStatus, "UNSUPPORTED", "tokens are given by GET alone");
    }
    const actions = url.searchParams.getAll("scope")
      .flatMap((scopes) => scopes.split(" "))
      .flatMap((scope) => scope.slice(scope.lastIndexOf(":") + 1).split(","));
    if (actions.some((action) => refusedActions.includes(action))) {
      return errorAnswer(400, "DENIED", "the scope names an action that is not known here");
    }
    const response = await next(visit);
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    if (!response.ok || !isJson || (!noExpiry && only === undefined)) return response;
    const answer = await response.json() as Record<string, unknown>;
    if (noExpiry) delete answer.expires_in;
    if (only !== undefined) delete answer[only === "token" ? "access_token" : "token"];
    const bytes = encodeText(JSON.stringify(answer));
    return answered(response, {
      body: bytes,
      headers: { "content-length": String(bytes.byteLength) },
    });
  };
}
