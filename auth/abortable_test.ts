import { assertEquals, assertRejects } from "@std/assert";
import { abortable } from "./abortable.ts";

Deno.test("abortable answers what the work answers, with and without a signal", async () => {
  const { signal } = new AbortController();
  assertEquals(await abortable(Promise.resolve(1), undefined), 1);
  assertEquals(await abortable(Promise.resolve(1), signal), 1);
  await assertRejects(() => abortable(Promise.reject(new Error("no")), signal), Error, "no");
});

Deno.test("abortable ends the wait with the signal's reason, and tells it once", async () => {
  const controller = new AbortController();
  const work = Promise.withResolvers<number>();
  let told = 0;
  const wait = abortable(work.promise, controller.signal, () => told++);
  controller.abort(new Error("enough"));
  await assertRejects(() => wait, Error, "enough");
  work.reject(new Error("later")); // must not become an unhandled rejection
  await Promise.resolve();
  assertEquals(told, 1);
});

Deno.test("abortable does not wait for an aborted signal", async () => {
  const signal = AbortSignal.abort(new Error("before"));
  await assertRejects(() => abortable(Promise.reject(new Error("work")), signal), Error, "before");
});

Deno.test("abortable listens no more once the work is done", async () => {
  const controller = new AbortController();
  let told = 0;
  await abortable(Promise.resolve(1), controller.signal, () => told++);
  await Promise.resolve();
  controller.abort();
  assertEquals(told, 0);
});
