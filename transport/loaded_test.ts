import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Send } from "./channel.ts";
import { request, scripted } from "./fake_send_test.ts";
import { loaded } from "./loaded.ts";

Deno.test("loaded: once, with the first request, for all of them", async () => {
  let loads = 0;
  const wire = scripted(...Array.from({ length: 3 }, () => new Response()));
  const send = loaded(async () => {
    loads++;
    await new Promise((resolve) => setTimeout(resolve));
    return wire.send;
  });
  assertEquals(loads, 0);
  await Promise.all([send(request()), send(request())]);
  await send(request());
  assertEquals([loads, wire.seen.length], [1, 3]);
});

Deno.test("loaded: a failure is thrown, not remembered, and nothing is sent", async () => {
  const wire = scripted(new Response());
  const outcomes: (Error | Send)[] = [new Error("no piece"), wire.send];
  const send = loaded(() => {
    const outcome = outcomes.shift();
    assert(outcome !== undefined, "it is loaded once for several first requests");
    return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
  });
  const failures = [send(request()), send(request())];
  for (const failure of failures) await assertRejects(() => failure, Error, "no piece");
  assertEquals(wire.seen.length, 0);
  await send(request());
  assertEquals(wire.seen.length, 1);
});
