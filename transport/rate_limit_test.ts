import { assertEquals } from "@std/assert";
import type { RateLimit } from "../errors.ts";
import { parseRateLimit } from "./rate_limit.ts";

const CASES: [name: string, headers: Record<string, string>, expected: RateLimit | undefined][] = [
  ["none", { "x-other": "1" }, undefined],
  [
    "Docker Hub's",
    { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "98;w=21600" },
    { limit: 100, remaining: 98, window: 21_600 },
  ],
  ["a limit alone", { "ratelimit-limit": "100" }, { limit: 100 }],
  [
    "the window of what is left",
    { "ratelimit-remaining": "0;w=60" },
    { remaining: 0, window: 60 },
  ],
  [
    "other parameters before the window",
    { "ratelimit-limit": '100;comment="a";w=60' },
    { limit: 100, window: 60 },
  ],
  ["spaces", { "ratelimit-limit": " 100 ; w=60" }, { limit: 100, window: 60 }],
  ["nonsense", { "ratelimit-limit": "many", "ratelimit-remaining": "-1" }, undefined],
];

for (const [name, headers, expected] of CASES) {
  Deno.test(`parseRateLimit: ${name}`, () => {
    assertEquals(parseRateLimit(new Headers(headers)), expected);
  });
}
