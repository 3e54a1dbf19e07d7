import type { GradeEntry } from "./journal.ts";
import type { Provoke } from "./provocation.ts";
import { jsonResponse } from "../../server/refusal.ts";

/** Long enough to tell whoever waits from whoever does not, in seconds. */
const RETRY_AFTER_S = 1;

/** Answers 429 to the first request that only reads. */
export const rateLimit: Provoke = (next) => {
  let done = false;
  return async (request, entry) => {
    if (done || !onlyReads(entry)) return await next(request, entry);
    done = true;
    entry.provoked.add("rate-limit");
    return failure(429, "TOOMANYREQUESTS", { "retry-after": String(RETRY_AFTER_S) });
  };
};

/** Answers 503 to the first request that only reads. */
export const unavailable: Provoke = (next) => {
  let done = false;
  return async (request, entry) => {
    if (done || !onlyReads(entry)) return await next(request, entry);
    done = true;
    entry.provoked.add("unavailable");
    return failure(503, "UNAVAILABLE", {});
  };
};

/** Puts a warning on every answer. */
export const warnings: Provoke = (next) => async (request, entry) => {
  const response = await next(request, entry);
  entry.provoked.add("warnings");
  response.headers.append("warning", '299 - "This registry is going to be graded, and goes away."');
  return response;
};

/** Takes nobody's credentials, but for those that a token is asked for with. */
export const denyTokens: Provoke = (next) => async (request, entry) => {
  if (entry.authorization === 0 || entry.route === undefined) return await next(request, entry);
  entry.provoked.add("deny-tokens");
  return await next(withAuthorization(request, undefined), entry);
};

/**
 * Ends the first token that has been good, at the next request without a body: a client that streams
 * a body cannot send it again.
 */
export const expireTokens: Provoke = (next) => {
  let good: number | undefined;
  let ended = false;
  return async (request, entry) => {
    const { authorization } = entry;
    const isToken = /^bearer /i.test(request.headers.get("authorization") ?? "");
    if (!isToken || entry.byOtherOrigin) return await next(request, entry);
    if (good === authorization && (ended || request.body === null)) {
      ended = true;
      entry.provoked.add("expire-tokens");
      // An unknown token: the challenge says what is wrong, as with one that has ended.
      return await next(withAuthorization(request, "Bearer ended"), entry);
    }
    const response = await next(request, entry);
    if (response.status < 300) good ??= authorization;
    return response;
  };
};

function onlyReads({ method, route, byOtherOrigin }: GradeEntry): boolean {
  return (method === "GET" || method === "HEAD") && !byOtherOrigin && route !== undefined &&
    route.kind !== "ping";
}

function failure(status: number, code: string, headers: Record<string, string>): Response {
  const errors = [{ code, message: "this answer is given once, on purpose" }];
  return jsonResponse(JSON.stringify({ errors }), { status, headers });
}

function withAuthorization(request: Request, authorization: string | undefined): Request {
  const headers = new Headers(request.headers);
  headers.delete("authorization");
  if (authorization !== undefined) headers.set("authorization", authorization);
  const init: RequestInit & { duplex: "half" } = {
    method: request.method,
    headers,
    body: request.body,
    duplex: "half",
  };
  return new Request(request.url, init);
}
