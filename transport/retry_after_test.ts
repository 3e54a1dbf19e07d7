import { assertEquals } from "@std/assert";
import { parseRetryAfter } from "./retry.ts";

const NOW = Date.UTC(2026, 0, 1);

const CASES: [name: string, header: string | null, expected: number | undefined][] = [
  ["no header", null, undefined],
  ["an empty one", " ", undefined],
  ["seconds", "120", 120_000],
  ["zero", "0", 0],
  ["spaces around", " 5 ", 5_000],
  ["parts of a second, as some proxies send", "0.25", 250],
  ["a date", "Thu, 01 Jan 2026 00:02:00 GMT", 120_000],
  ["a date in the past", "Wed, 31 Dec 2025 23:59:00 GMT", 0],
  ["a negative number", "-5", undefined],
  ["words", "later", undefined],
  ["a number with a unit", "5s", undefined],
  ["a hexadecimal number", "0x10", undefined],
  ["more than a number holds", "9".repeat(400), Infinity],
];

for (const [name, header, expected] of CASES) {
  Deno.test(`parseRetryAfter: ${name}`, () => assertEquals(parseRetryAfter(header, NOW), expected));
}
