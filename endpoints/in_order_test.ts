import { assertEquals, assertRejects } from "@std/assert";
import { inOrder } from "./in_order.ts";

Deno.test("inOrder: the items' order, whichever is done first; never more at once", async () => {
  let running = 0;
  let most = 0;
  const work = async (item: number) => {
    most = Math.max(most, ++running);
    for (let turns = 10 - item; turns > 0; turns--) await Promise.resolve();
    running--;
    return item * 2;
  };
  const answers = await Array.fromAsync(inOrder([1, 2, 3, 4, 5, 6, 7], 3, work));
  assertEquals([answers, most, running], [[2, 4, 6, 8, 10, 12, 14], 3, 0]);
});

Deno.test("inOrder: nothing to do", async () => {
  assertEquals(await Array.fromAsync(inOrder([], 3, (item) => Promise.resolve(item))), []);
});

Deno.test("inOrder: a failure comes in its turn, and no more is started", async () => {
  const started: number[] = [];
  const seen: number[] = [];
  const work = (item: number) => {
    started.push(item);
    return item > 1 ? Promise.reject(new Error(`no ${item}`)) : Promise.resolve(item);
  };
  await assertRejects(
    async () => {
      for await (const item of inOrder([1, 2, 3, 4, 5, 6], 3, work)) seen.push(item);
    },
    Error,
    "no 2",
  );
  assertEquals([seen, started], [[1], [1, 2, 3, 4]]);
});

Deno.test("inOrder: a reader that stops starts no more", async () => {
  const started: number[] = [];
  const work = (item: number) => Promise.resolve(started.push(item));
  for await (const _ of inOrder([1, 2, 3, 4, 5, 6], 2, work)) break;
  assertEquals(started, [1, 2]);
});
