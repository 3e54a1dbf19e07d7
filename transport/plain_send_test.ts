import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { NetworkError, TimeoutError, WrongSchemeError } from "../errors.ts";
import type { ChannelRequest, Send } from "./channel.ts";
import { headerFields } from "./header_fields.ts";
import { plainSend } from "./plain_send.ts";

function request(method = "GET"): ChannelRequest {
  const url = new URL("http://a.test:5000/v2/");
  return { method, url, headers: headerFields(), purpose: "registry", what: "do it" };
}

/** A sender of statuses and errors, in order, at a host that speaks TLS or not. */
function over(tls: boolean, ...steps: (number | Error)[]): { send: Send; looks: () => number } {
  let looks = 0;
  const send: Send = (request) => {
    const step = steps.shift()!;
    if (step instanceof Error) return Promise.reject(step);
    const response = new Response(null, { status: step });
    return Promise.resolve({ response, url: request.url, hops: [] });
  };
  const look = () => {
    looks++;
    return Promise.resolve(tls);
  };
  return { send: plainSend(send, look), looks: () => looks };
}

const reset = new NetworkError("Cannot do it: reset", { cause: new Error("reset") });

Deno.test("plainSend: a host that never answered and speaks TLS: WRONG_SCHEME, looked at once", async () => {
  const { send, looks } = over(true, reset, reset);
  for (let count = 0; count < 2; count++) {
    const error = await assertRejects(() => send(request()), WrongSchemeError);
    assertStrictEquals(error.cause, reset.cause);
  }
  assertEquals(looks(), 1);
});

Deno.test("plainSend: many calls at once look once", async () => {
  const { send, looks } = over(true, reset, reset, reset);
  const calls = [1, 2, 3].map(() => assertRejects(() => send(request()), WrongSchemeError));
  await Promise.all(calls);
  assertEquals(looks(), 1);
});

Deno.test("plainSend: a host that speaks no TLS: the error as it came", async () => {
  const { send } = over(false, reset, reset);
  assertStrictEquals(await assertRejects(() => send(request())), reset);
  assertStrictEquals(await assertRejects(() => send(request())), reset);
});

Deno.test("plainSend: a host that has answered is not looked at", async () => {
  const { send, looks } = over(true, 200, reset, 400);
  await send(request());
  assertStrictEquals(await assertRejects(() => send(request())), reset);
  assertEquals((await send(request("HEAD"))).response.status, 400);
  assertEquals(looks(), 0);
});

Deno.test("plainSend: what is no broken connection is not looked at", async () => {
  const late = new TimeoutError("late");
  const { send, looks } = over(true, late);
  assertStrictEquals(await assertRejects(() => send(request())), late);
  assertEquals(looks(), 0);
});

Deno.test("plainSend: a HEAD's 400 has no words, a GET's has", async () => {
  const { send, looks } = over(true, 400, 400);
  assertEquals((await send(request())).response.status, 400);
  assertEquals(looks(), 0);
  await assertRejects(() => send(request("HEAD")), WrongSchemeError);
  const plain = over(false, 400);
  assertEquals((await plain.send(request("HEAD"))).response.status, 400);
});
