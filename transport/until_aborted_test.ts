import { assertEquals, assertRejects } from "@std/assert";
import { untilAborted } from "./until_aborted.ts";

const NEVER = new Promise<never>(() => {});

Deno.test("untilAborted: without a signal it is the work itself", async () => {
  assertEquals(await untilAborted(Promise.resolve(1), undefined), 1);
});

Deno.test("untilAborted: the work's value or error, and no listener left behind", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  signal.addEventListener = () => listeners++;
  signal.removeEventListener = () => listeners--;
  assertEquals(await untilAborted(Promise.resolve(1), signal), 1);
  await assertRejects(() => untilAborted(Promise.reject(new Error("own")), signal), Error, "own");
  await Promise.resolve();
  assertEquals(listeners, 0);
});

Deno.test("untilAborted: an abort while it waits", async () => {
  const controller = new AbortController();
  const waiting = untilAborted(NEVER, controller.signal);
  controller.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
});

Deno.test("untilAborted: an abort before, whatever the work comes to", async () => {
  const signal = AbortSignal.abort(new Error("before"));
  for (const work of [NEVER, Promise.resolve(1), Promise.reject(new Error("own"))]) {
    await assertRejects(() => untilAborted(work, signal), Error, "before");
  }
});

Deno.test("untilAborted: answers what the work answers, with and without a signal", async () => {
  const { signal } = new AbortController();
  assertEquals(await untilAborted(Promise.resolve(1), undefined), 1);
  assertEquals(await untilAborted(Promise.resolve(1), signal), 1);
  await assertRejects(() => untilAborted(Promise.reject(new Error("no")), signal), Error, "no");
});

Deno.test("untilAborted: ends the wait with the signal's reason, and tells it once", async () => {
  const controller = new AbortController();
  const work = Promise.withResolvers<number>();
  let told = 0;
  const wait = untilAborted(work.promise, controller.signal, () => told++);
  controller.abort(new Error("enough"));
  await assertRejects(() => wait, Error, "enough");
  work.reject(new Error("later")); // must not become an unhandled rejection
  await Promise.resolve();
  assertEquals(told, 1);
});

Deno.test("untilAborted: does not wait for an aborted signal", async () => {
  const signal = AbortSignal.abort(new Error("before"));
  await assertRejects(
    () => untilAborted(Promise.reject(new Error("work")), signal),
    Error,
    "before",
  );
});

Deno.test("untilAborted: listens no more once the work is done", async () => {
  const controller = new AbortController();
  let told = 0;
  await untilAborted(Promise.resolve(1), controller.signal, () => told++);
  await Promise.resolve();
  controller.abort();
  assertEquals(told, 0);
});
