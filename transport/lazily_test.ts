import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Middleware } from "./channel.ts";
import { request, scripted } from "./fake_send_test.ts";
import { lazily } from "./lazily.ts";

const passing: Middleware = (next) => next;

Deno.test("lazily loads once, with the first request, for all that it is composed into", async () => {
  let loads = 0;
  let made = 0;
  const middleware = lazily(async () => {
    loads++;
    await new Promise((resolve) => setTimeout(resolve));
    return (next) => (made++, next);
  });
  const wire = scripted(...Array.from({ length: 5 }, () => new Response()));
  const [one, other] = [middleware(wire.send), middleware(wire.send)];
  assertEquals(loads, 0);
  await Promise.all([one(request()), one(request()), other(request())]);
  await one(request());
  await other(request());
  assertEquals([loads, made, wire.seen.length], [1, 2, 5]);
});

Deno.test("lazily adds nothing to wait for once it is loaded", async () => {
  const answer = Promise.resolve({ response: new Response(), url: request().url, hops: [] });
  const send = lazily(() => Promise.resolve(passing))(() => answer);
  await send(request());
  assertStrictEquals(send(request()), answer);
});

Deno.test("lazily: a failure is thrown, not remembered, and nothing is sent", async () => {
  const outcomes: (Error | Middleware)[] = [new Error("no piece"), passing];
  const wire = scripted(new Response());
  const send = lazily(() => {
    const outcome = outcomes.shift();
    assert(outcome !== undefined, "it is loaded once for several first requests");
    return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
  })(wire.send);
  const failures = [send(request()), send(request())];
  for (const failure of failures) await assertRejects(() => failure, Error, "no piece");
  assertEquals(wire.seen.length, 0);
  await send(request());
  assertEquals(wire.seen.length, 1);
});
