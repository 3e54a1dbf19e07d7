import { encodeText } from "../../content/bytes.ts";
import type { Middleware } from "../../server/middleware.ts";
import { answered } from "../changed.ts";
import { errorAnswer, textAnswer } from "./answer.ts";
import type { QuirkOptions, RateLimitQuirk } from "./options.ts";

/** The length of an error that no client should read whole. */
const HUGE_BYTES = 10 * 1024 * 1024;

/** How the registry says what went wrong. */
export function errorBodiesQuirk(how: NonNullable<QuirkOptions["errorBodies"]>): Middleware {
  return (next) => async (context) => {
    const response = await next(context);
    if (response.status < 400) return response;
    await response.body?.cancel();
    const type = "text/plain; charset=utf-8";
    const text = "the registry is not well\n";
    const body = how === "empty" ? null : how === "text" ? encodeText(text) : hugeBody();
    const length = how === "empty" ? 0 : how === "text" ? text.length : HUGE_BYTES;
    return answered(response, {
      body,
      headers: {
        "content-type": how === "empty" ? undefined : type,
        "content-length": String(length),
      },
    });
  };
}

function hugeBody(): ReadableStream<ReturnType<typeof encodeText>> {
  const line = encodeText("x".repeat(64 * 1024 - 1) + "\n");
  let left = HUGE_BYTES;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(line.slice());
      left -= line.byteLength;
      if (left === 0) controller.close();
    },
  }, { highWaterMark: 0 });
}

/** Headers that stand on every answer. */
export function headersQuirk({ warnings = [], padding }: QuirkOptions): Middleware | undefined {
  if (warnings.length === 0 && padding === undefined) return undefined;
  return (next) => async (context) => {
    const response = answered(await next(context), {});
    for (const text of warnings) {
      response.headers.append("warning", `299 - "${text.replace(/["\\]/g, "\\$&")}"`);
    }
    if (padding !== undefined) response.headers.set("x-padding", "x".repeat(padding));
    return response;
  };
}

/** Cookies, which a client without a browser must not keep. */
export function cookiesQuirk(): Middleware {
  return (next) => async (context) => {
    if (context.request.headers.has("cookie")) {
      return textAnswer(403, "Forbidden - CSRF token invalid\n");
    }
    const response = answered(await next(context), {});
    response.headers.append("set-cookie", `sid=${crypto.randomUUID()}; Path=/; HttpOnly`);
    return response;
  };
}

/** Docker Hub gives quotas for six hours, in seconds. */
const WINDOW_S = 6 * 60 * 60;

/**
 * Docker Hub's quota: `ratelimit-limit: 100;w=21600`, counting down with each GET of a manifest.
 *
 * @see https://docs.docker.com/docker-hub/usage/pulls/
 */
export function rateLimitQuirk(
  { limit, window = WINDOW_S }: RateLimitQuirk,
  now: () => number,
): Middleware {
  let used = 0;
  let started = now();
  return (next) => async (context) => {
    const { request: { method }, route } = context;
    if (route?.kind !== "manifest" || (method !== "GET" && method !== "HEAD")) {
      return await next(context);
    }
    if (now() >= started + window * 1_000) {
      used = 0;
      started = now();
    }
    const over = method === "GET" && used >= limit;
    const response = over
      ? errorAnswer(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.", {
        "retry-after": String(Math.ceil((started + window * 1_000 - now()) / 1_000)),
      })
      : await next(context);
    if (response.status === 401) return response;
    if (method === "GET" && response.ok) used++;
    return answered(response, {
      headers: {
        "ratelimit-limit": `${limit};w=${window}`,
        "ratelimit-remaining": `${Math.max(limit - used, 0)};w=${window}`,
        "docker-ratelimit-source": "192.0.2.1",
      },
    });
  };
}
