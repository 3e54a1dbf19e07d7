import { assert, assertEquals } from "@std/assert";
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
  ["a quote that never ends, after one that does", '299 - "a", 299 - "oops', ["a"]],
  ["an escape at the very end", '299 - "a\\', []],
  ["no comma between two", '299 - "a" 299 - "b"', ["a"]],
  ["another code with a comma in its text", '199 - "a, 299 - b", 299 - "c"', ["c"]],
  ["nothing between commas", ', ,\t299 - "a",,', ["a"]],
  ["what is no warning before one", 'oops, 299 - "a"', ["a"]],
];

for (const [name, header, expected] of CASES) {
  Deno.test(`parseWarnings: ${name}`, () => assertEquals(parseWarnings(header), expected));
}

const MEBIBYTE = 1024 * 1024;

/** A megabyte of each: what a pattern would look at again and again. */
const LONG: [name: string, header: string, texts: number][] = [
  ["quotes", ',299 - "'.repeat(MEBIBYTE / 8), 4096],
  ["one text", `299 - "${"x".repeat(MEBIBYTE)}"`, 0],
  ["escapes", `299 - "${"\\\\".repeat(MEBIBYTE / 2)}`, 0],
  ["commas", ",".repeat(MEBIBYTE), 0],
  ["spaces", ` ${"\t ".repeat(MEBIBYTE / 2)}`, 0],
  ["warnings", Array(100_000).fill('299 - "a"').join(), 6553],
];

for (const [name, header, texts] of LONG) {
  Deno.test(`parseWarnings: a megabyte of ${name}: each is looked at once`, () => {
    const started = performance.now();
    const found = parseWarnings(header);
    const took = performance.now() - started;
    assert(took < 20_000, `${took} ms`); // a square of it takes an hour
    assertEquals(found.length, texts);
  });
}
