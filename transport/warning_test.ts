import { assertEquals } from "@std/assert";
import { parseWarnings } from "./warning.ts";

const CASES: [name: string, header: string | null, expected: string[]][] = [
  ["no header", null, []],
  ["one", '299 - "this tag is deprecated"', ["this tag is deprecated"]],
  ["several, joined by fetch", '299 - "one", 299 - "two"', ["one", "two"]],
  ["a comma inside a text", '299 - "a, b", 299 - "c"', ["a, b", "c"]],
  ["what looks like another inside a text", '299 - "a, 299 - \\"b\\""', ['a, 299 - "b"']],
  ["escaped quotes and backslashes", '299 - "say \\"hi\\" \\\\o/"', ['say "hi" \\o/']],
  ["an empty text", '299 - ""', [""]],
  ["another code", '199 - "stale"', []],
  ["another agent", '299 proxy "cached"', []],
  ["a date behind the text", '299 - "a" "Thu, 01 Jan 2026 00:00:00 GMT", 299 - "b"', ["a", "b"]],
  ["no quotes", "299 - oops", []],
  ["a quote that never ends", '299 - "oops', []],
];

for (const [name, header, expected] of CASES) {
  Deno.test(`parseWarnings: ${name}`, () => assertEquals(parseWarnings(header), expected));
}
