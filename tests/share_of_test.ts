import { assertEquals } from "@std/assert";
import { shareOf } from "./share_of.ts";

const CASES = ["a", "b", "c", "d"];

Deno.test("shareOf: every case once, and something in every column", () => {
  const columns = [0, 1, 2].map((column) => shareOf(CASES, column, 3, false));
  assertEquals(columns, [["a", "d"], ["b"], ["c"]]);
  assertEquals(shareOf(CASES, 4, 3, false), ["b"]);
});

Deno.test("shareOf: every case in every column, where there are fewer cases than columns", () => {
  assertEquals(shareOf(["a"], 2, 3, false), ["a"]);
});

Deno.test("shareOf: every case in every column in CI", () => {
  assertEquals(shareOf(CASES, 1, 3, true), CASES);
});
