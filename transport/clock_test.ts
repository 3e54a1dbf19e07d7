import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "./clock.ts";

Deno.test("systemClock: now is the time in milliseconds", () => {
  assert(Math.abs(systemClock.now() - Date.now()) < 1_000);
});

Deno.test("systemClock: a sleep ends, and leaves no listener behind", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  signal.addEventListener = () => listeners++;
  signal.removeEventListener = () => listeners--;
  await systemClock.sleep(1, signal);
  assertEquals(listeners, 0);
});

Deno.test("systemClock: an abort before the sleep", async () => {
  const reason = new Error("before");
  await assertRejects(() => systemClock.sleep(60_000, AbortSignal.abort(reason)), Error, "before");
});

Deno.test("systemClock: an abort during the sleep clears its timer", async () => {
  const controller = new AbortController();
  const sleeping = systemClock.sleep(60_000, controller.signal);
  controller.abort(new Error("during"));
  await assertRejects(() => sleeping, Error, "during");
});

Deno.test("systemClock: a sleep longer than a timer takes does not end at once", async () => {
  const controller = new AbortController();
  const sleeping = systemClock.sleep(2 ** 31, controller.signal).then(() => "over");
  const first = await Promise.race([sleeping, new Promise((resolve) => setTimeout(resolve, 20))]);
  assertEquals(first, undefined);
  controller.abort(new Error("enough"));
  await assertRejects(() => sleeping, Error, "enough");
});
