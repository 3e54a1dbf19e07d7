import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import type { Bytes } from "../../content/bytes.ts";
import { InvalidOptionError } from "../../errors.ts";
import { endOf } from "../../server/listen/request_end.ts";
import type { StallLimit } from "../../server/listen/watched_body.ts";
import type { Middleware, RequestContext } from "../../server/middleware.ts";
import { answered, changed } from "../changed.ts";
import { errorAnswer, textAnswer } from "../quirks/answer.ts";
import { matcher, type RequestMatch } from "../quirks/match.ts";
import { type BodyFaults, brokenConnection, faultyBody, type Sleep } from "./body.ts";

/**
 * Something that goes wrong, once or always. What is given here happens together, in this order:
 * the delay, the failure or the status, what becomes of the request's body, then of the answer's.
 *
 * @example The first pull of a blob is cut, and the client goes on where it was
 * ```ts
 * import { createTestRegistry } from "@davit/registry-client/testing";
 * import { RegistryClientV2 } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch, requests } = createTestRegistry({
 *   faults: { cutAfter: 3, on: { endpoint: "blob", method: "GET", nth: 1 } },
 * });
 * const client = new RegistryClientV2({
 *   name: "registry.test/app",
 *   fetch,
 *   retry: { minDelay: 1 },
 * });
 * const { digest } = await client.putBlob(new TextEncoder().encode("hello"));
 * assertEquals(await (await client.getBlob(digest)).text(), "hello");
 * assertEquals(requests.at(-1)?.headers.range?.slice(0, 8), "bytes=3-");
 * ```
 */
export interface FaultRule {
  /** The requests. @default {all} */
  on?: RequestMatch;
  /** How long nothing happens at first, in milliseconds. */
  delay?: number;
  /**
   * The connection breaks instead of an answer: before the registry does anything, or after it has
   * done everything. `fetch` rejects; Deno's server cannot break a connection before an answer, and
   * sends a 500 instead.
   */
  fail?: "before" | "after";
  /** The registry does nothing, and answers with this status. */
  status?: number;
  /** The error's code, beside `status`. @default {"TOOMANYREQUESTS" for 429, else "UNKNOWN"} */
  code?: string;
  /** Plain text instead of the error's JSON, beside `status`. */
  text?: string;
  /** `Retry-After`, beside `status`: so many seconds, or a date so many seconds from now. */
  retryAfter?: number | {
    /** How many seconds from now. */
    date: number;
  };
  /** The request's body breaks after so many bytes, and its connection with it. */
  cutRequestAfter?: number;
  /** The answer's body breaks after so many bytes. */
  cutAfter?: number;
  /** Nothing comes any more: no answer at all, or after so many bytes of its body. */
  stall?: "answer" | number;
  /** How fast the bodies of a request and its answer are, in bytes a second, for each connection. */
  bytesPerSecond?: number;
  /** The byte of the answer's body at this offset is another one. */
  corruptAt?: number;
}

const FAULT_RULE: OptionNames<FaultRule> = names(`
  on delay fail status code text retryAfter cutRequestAfter cutAfter stall bytesPerSecond
  corruptAt
`);

export interface FaultSettings extends StallLimit {
  sleep: Sleep;
}

/**
 * A fault as middleware.
 *
 * @throws {InvalidOptionError} When a number is not what it must be.
 */
export function faultQuirk(rule: FaultRule, { now, sleep }: FaultSettings): Middleware {
  const { delay, fail, status, stall, cutRequestAfter, cutAfter, bytesPerSecond, corruptAt } = rule;
  checkFault(rule);
  const matches = matcher(rule.on);
  const inFaults: BodyFaults = {
    ...(cutRequestAfter !== undefined && { cutAfter: cutRequestAfter }),
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
  };
  const outFaults: BodyFaults = {
    ...(cutAfter !== undefined && { cutAfter }),
    ...(typeof stall === "number" && { stallAfter: stall }),
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    ...(corruptAt !== undefined && { corruptAt }),
  };
  return (next) => async (context) => {
    if (!matches(context)) return await next(context);
    if (delay !== undefined) await sleep(delay, endOf(context.request));
    if (fail === "before") throw brokenConnection();
    if (stall === "answer") await sleep(Infinity, context.request.signal);
    if (status !== undefined) return refusal(status, rule, now());
    const response = await next(withRequestFaults(context, inFaults, sleep));
    if (fail === "after" || cutRequestAfter !== undefined) {
      await response.body?.cancel();
      throw brokenConnection();
    }
    if (Object.keys(outFaults).length === 0 || response.body === null) return response;
    const body = faultyBody(response.body as ReadableStream<Bytes>, outFaults, sleep);
    return answered(response, { body });
  };
}

function withRequestFaults(
  context: RequestContext,
  faults: BodyFaults,
  sleep: Sleep,
): RequestContext {
  const { body } = context.request;
  if (Object.keys(faults).length === 0 || body === null) return context;
  return changed(context, { body: faultyBody(body as ReadableStream<Bytes>, faults, sleep) });
}

function refusal(status: number, { code, text, retryAfter }: FaultRule, now: number): Response {
  const response = text === undefined
    ? errorAnswer(
      status,
      code ?? (status === 429 ? "TOOMANYREQUESTS" : "UNKNOWN"),
      "Cannot answer: a fault says so",
    )
    : textAnswer(status, text);
  if (retryAfter === undefined) return response;
  const value = typeof retryAfter === "number"
    ? String(retryAfter)
    : new Date(now + retryAfter.date * 1_000).toUTCString();
  response.headers.set("retry-after", value);
  return response;
}

function checkFault(rule: FaultRule): void {
  checkOptions(rule, FAULT_RULE, "faults");
  const { status, bytesPerSecond } = rule;
  if (status !== undefined && !(Number.isInteger(status) && status >= 200 && status <= 599)) {
    throw invalid("status", "a status from 200 to 599", status);
  }
  if (bytesPerSecond !== undefined && !(bytesPerSecond > 0)) {
    throw invalid("bytesPerSecond", "above 0", bytesPerSecond);
  }
  for (const name of ["delay", "cutRequestAfter", "cutAfter", "stall", "corruptAt"] as const) {
    const value = rule[name];
    if (value === undefined || value === "answer") continue;
    if (!(typeof value === "number" && value >= 0)) throw invalid(name, "0 or more", value);
  }
}

function invalid(name: string, what: string, value: unknown): InvalidOptionError {
  return new InvalidOptionError(
    `Cannot create a registry as '${name}' must be ${what}: current value is ${value}`,
  );
}
