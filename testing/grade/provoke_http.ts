import { changedRequest } from "../changed.ts";
import { errorAnswer } from "../quirks/answer.ts";
import { type GradeEntry, type GradeProvocation, isRead } from "./journal.ts";
import type { Provoke } from "./provocation.ts";

/** Long enough to tell a client that waits from one that does not, in seconds. */
const RETRY_AFTER_S = 1;

/** Answers 429 to the first request that only reads. */
export const rateLimit: Provoke = failingOnce("rate-limit", 429, "TOOMANYREQUESTS", {
  "retry-after": String(RETRY_AFTER_S),
});

/** Answers 503 to the first request that only reads. */
export const unavailable: Provoke = failingOnce("unavailable", 503, "UNAVAILABLE");

function failingOnce(
  name: GradeProvocation,
  status: number,
  code: string,
  headers: HeadersInit = {},
): Provoke {
  return (next) => {
    let done = false;
    return async (request, entry) => {
      if (done || !onlyReads(entry)) return await next(request, entry);
      done = true;
      entry.provoked.add(name);
      return errorAnswer(status, code, "this answer is given once, on purpose", headers);
    };
  };
}

/** Puts a warning on every answer. */
export const warnings: Provoke = (next) => async (request, entry) => {
  const response = await next(request, entry);
  entry.provoked.add("warnings");
  response.headers.append("warning", '299 - "This registry is going to be graded, and goes away."');
  return response;
};

/** Refuses all credentials but those of token requests. */
export const denyTokens: Provoke = (next) => async (request, entry) => {
  if (entry.authorization === 0 || entry.route === undefined) return await next(request, entry);
  entry.provoked.add("deny-tokens");
  return await next(changedRequest(request, { headers: { authorization: undefined } }), entry);
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
      return await next(
        changedRequest(request, { headers: { authorization: "Bearer ended" } }),
        entry,
      );
    }
    const response = await next(request, entry);
    if (response.status < 300) good ??= authorization;
    return response;
  };
};

function onlyReads({ method, route, byOtherOrigin }: GradeEntry): boolean {
  return isRead({ method }) && !byOtherOrigin && route !== undefined &&
    route.kind !== "ping";
}
