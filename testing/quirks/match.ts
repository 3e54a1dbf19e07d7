import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { InvalidOptionError } from "../../errors.ts";
import type { RequestContext } from "../../server/middleware.ts";
import { isOtherOrigin } from "./other_origin.ts";

/**
 * A part of the specification: `"blob"` is end-2 and end-10, `"manifest"` end-3, end-7 and end-9,
 * `"uploads"` end-4 and end-11, `"upload"` end-5, end-6, end-13 and end-14; `"other"` is everything
 * outside it, the token service among them.
 */
export type MatchedEndpoint =
  | "blob"
  | "catalog"
  | "manifest"
  | "other"
  | "ping"
  | "referrers"
  | "tags"
  | "upload"
  | "uploads";

/**
 * The requests that a quirk or a fault is for: those to which everything given here applies.
 * Without any of it, all.
 *
 * @example The first two pushes of a manifest to one repository are too many
 * ```ts
 * import { createTestRegistry, type RequestMatch } from "@davit/registry-client/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const on: RequestMatch = { endpoint: "manifest", method: "PUT", repository: "app", nth: { to: 2 } };
 * const { fetch } = createTestRegistry({ faults: { status: 429, retryAfter: 1, on } });
 * const statuses: number[] = [];
 * for (const name of ["app", "other", "app", "app"]) {
 *   const url = `http://registry.test/v2/${name}/manifests/v1`;
 *   statuses.push((await fetch(url, { method: "PUT", body: "{}" })).status);
 * }
 * assertEquals(statuses, [429, 400, 429, 400]);
 * ```
 */
export interface RequestMatch {
  /** The part of the specification, or several. */
  endpoint?: MatchedEndpoint | readonly MatchedEndpoint[];
  /** The methods: `"PUT"`, or several. */
  method?: string | readonly string[];
  /**
   * The path with its query, whole: a `*` stands for anything. Or an expression to look for in it.
   */
  path?: string | RegExp;
  /** The repository. */
  repository?: string;
  /**
   * Whether it came by another origin than the registry's: to a blob's storage, or to an upload's
   * location.
   */
  otherOrigin?: boolean;
  /**
   * Which of the requests that match: 1 is the first. A number, several, or a span whose ends
   * belong to it.
   */
  nth?: number | readonly number[] | {
    /** The first one. @default {1} */
    from?: number;
    /** The last one. @default {no end} */
    to?: number;
  };
}

const REQUEST_MATCH: OptionNames<RequestMatch> = names(
  "endpoint method path repository otherOrigin nth",
);

/**
 * Whether a request is meant. Each one that matches is counted, so it must be asked once a request.
 *
 * @throws {InvalidOptionError} When `nth` counts nothing.
 */
export function matcher(match: RequestMatch = {}): (context: RequestContext) => boolean {
  checkOptions(match, REQUEST_MATCH, "on");
  const { path, repository, otherOrigin, nth } = match;
  const endpoints = listed(match.endpoint);
  const methods = listed(match.method)?.map((method) => method.toUpperCase());
  const pattern = path === undefined ? undefined : patternOf(path);
  const counts = nth === undefined ? undefined : counted(nth);
  let seen = 0;
  return (context) => {
    const { request, route, url } = context;
    if (endpoints !== undefined && !endpoints.includes(route?.kind ?? "other")) return false;
    if (methods !== undefined && !methods.includes(request.method)) return false;
    if (pattern !== undefined && url.href.slice(url.origin.length).search(pattern) === -1) {
      return false;
    }
    if (repository !== undefined && (route as { repository?: string })?.repository !== repository) {
      return false;
    }
    if (otherOrigin !== undefined && isOtherOrigin(context) !== otherOrigin) return false;
    seen++;
    return counts === undefined || counts(seen);
  };
}

function listed<T>(value: T | readonly T[] | undefined): readonly T[] | undefined {
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value : [value as T];
}

function patternOf(path: string | RegExp): RegExp {
  if (path instanceof RegExp) return path;
  const parts = path.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s");
}

function counted(nth: NonNullable<RequestMatch["nth"]>): (seen: number) => boolean {
  const numbers = typeof nth === "object" && !Array.isArray(nth)
    ? Object.values(nth as object)
    : listed(nth as number)!;
  for (const number of numbers) {
    if (Number.isSafeInteger(number) && number > 0) continue;
    throw new InvalidOptionError(
      `Cannot create a registry as 'nth' must count from 1: current value is ${number}`,
    );
  }
  if (typeof nth === "number") return (seen) => seen === nth;
  if (Array.isArray(nth)) return (seen) => nth.includes(seen);
  const { from = 1, to = Infinity } = nth as { from?: number; to?: number };
  return (seen) => seen >= from && seen <= to;
}
