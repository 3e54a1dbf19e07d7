import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { iterate } from "./iterate.ts";

Deno.test("iterate: every item, until the signal ends it", async () => {
  assertEquals(await Array.fromAsync(iterate(["a", "b"], undefined)), ["a", "b"]);
  const controller = new AbortController();
  const reason = new Error("enough");
  const seen: string[] = [];
  const error = await assertRejects(async () => {
    for await (const item of iterate(["a", "b"], controller.signal)) {
      seen.push(item);
      controller.abort(reason);
    }
  });
  assertStrictEquals(error, reason);
  assertEquals(seen, ["a"]);
});
