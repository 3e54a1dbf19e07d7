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
