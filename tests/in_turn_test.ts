import { assertEquals } from "@std/assert";
import { inTurn } from "./in_turn.ts";

const CASES = ["a", "b", "c", "d"];

Deno.test("inTurn: every case once, and something in every column", () => {
  const columns = [0, 1, 2].map((column) => inTurn(CASES, column, 3, false));
  assertEquals(columns, [["a", "d"], ["b"], ["c"]]);
  assertEquals(inTurn(CASES, 4, 3, false), ["b"]);
});

Deno.test("inTurn: every case in every column, where there are fewer cases than columns", () => {
  assertEquals(inTurn(["a"], 2, 3, false), ["a"]);
});

Deno.test("inTurn: every case in every column in CI", () => {
  assertEquals(inTurn(CASES, 1, 3, true), CASES);
});
