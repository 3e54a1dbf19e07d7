import { assertEquals, assertRejects } from "@std/assert";
import { Turns } from "./turns.ts";

Deno.test("Turns: one at a time for a key, in order, also after a failure; others do not wait", async () => {
  const turns = new Turns();
  const order: string[] = [];
  const first = Promise.withResolvers<void>();
  const running = [
    turns.take(async () => {
      await first.promise;
      order.push("a1");
      throw new Error("no room");
    }, "a"),
    turns.take(() => Promise.resolve(order.push("a2")), "a"),
    turns.take(() => Promise.resolve(order.push("b1")), "b"),
  ];
  assertEquals(await running[2], 1);
  assertEquals(order, ["b1"]);
  first.resolve();
  await assertRejects(() => running[0]!, Error, "no room");
  assertEquals(await running[1], 3);
  assertEquals(order, ["b1", "a1", "a2"]);
});
