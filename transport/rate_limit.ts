import type { RateLimit } from "../errors.ts";

/**
 * The quota that a registry states, as Docker Hub does: `ratelimit-limit: 100;w=21600` and
 * `ratelimit-remaining: 98;w=21600`. `undefined` where it states none.
 */
export function parseRateLimit(headers: Headers): RateLimit | undefined {
  const limit = parseField(headers.get("ratelimit-limit"));
  const remaining = parseField(headers.get("ratelimit-remaining"));
  if (limit === undefined && remaining === undefined) return undefined;
  const window = limit?.window ?? remaining?.window;
  return {
    ...(limit && { limit: limit.count }),
    ...(remaining && { remaining: remaining.count }),
    ...(window !== undefined && { window }),
  };
}

function parseField(field: string | null): { count: number; window?: number } | undefined {
  const match = /^\s*(\d{1,15})\s*(?:;.*?\bw=(\d{1,15}))?/.exec(field ?? "");
  if (match === null) return undefined;
  return {
    count: Number(match[1]),
    ...(match[2] !== undefined && { window: Number(match[2]) }),
  };
}
