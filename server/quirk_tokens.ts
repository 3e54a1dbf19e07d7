import { encodeText } from "../content/bytes.ts";
import type { QuirkOptions, TokenQuirks } from "./quirk_options.ts";
import { errorAnswer } from "./quirk_answer.ts";
import { answered, type Quirk } from "./quirk_visit.ts";

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
