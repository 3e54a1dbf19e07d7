import { assertEquals, assertRejects, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { CertificateError, NetworkError, TimeoutError, WrongSchemeError } from "../errors.ts";
import type { SeenTls } from "../runtime/look_at_tls.ts";
import type { ChannelRequest, Send } from "./channel.ts";
import { firstLook } from "./first_look.ts";
import { headerFields } from "./header_fields.ts";

function request(method = "GET", scheme = "http"): ChannelRequest {
  const url = new URL(`${scheme}://a.test:5000/v2/`);
  return { method, url, headers: headerFields(), purpose: "registry", what: "do it" };
}

/** A sender of statuses and errors, in order, at a host whose TLS looks so. */
function over(
  seen: boolean | SeenTls,
  ...steps: (number | Error)[]
): { send: Send; looks: () => number } {
  let looks = 0;
  const send: Send = (request) => {
    const step = steps.shift()!;
    if (step instanceof Error) return Promise.reject(step);
    const response = new Response(null, { status: step });
    return Promise.resolve({ response, url: request.url, hops: [] });
  };
  const look = () => {
    looks++;
    return Promise.resolve(typeof seen === "boolean" ? { speaks: seen } : seen);
  };
  return { send: firstLook(send, look), looks: () => looks };
}

const reset = new NetworkError("Cannot do it: reset", { cause: new Error("reset") });

Deno.test("firstLook: a host that never answered and speaks TLS: WRONG_SCHEME, looked at once", async () => {
  const { send, looks } = over(true, reset, reset);
  for (let count = 0; count < 2; count++) {
    const error = await assertRejects(() => send(request()), WrongSchemeError);
    assertStrictEquals(error.cause, reset.cause);
  }
  assertEquals(looks(), 1);
});

Deno.test("firstLook: many calls at once look once", async () => {
  const { send, looks } = over(true, reset, reset, reset);
  const calls = [1, 2, 3].map(() => assertRejects(() => send(request()), WrongSchemeError));
  await Promise.all(calls);
  assertEquals(looks(), 1);
});

Deno.test("firstLook: a host that speaks no TLS: the error as it came", async () => {
  const { send } = over(false, reset, reset);
  assertStrictEquals(await assertRejects(() => send(request())), reset);
  assertStrictEquals(await assertRejects(() => send(request())), reset);
});

Deno.test("firstLook: a host that has answered is not looked at", async () => {
  const { send, looks } = over(true, 200, reset, 400);
  await send(request());
  assertStrictEquals(await assertRejects(() => send(request())), reset);
  assertEquals((await send(request("HEAD"))).response.status, 400);
  assertEquals(looks(), 0);
});

Deno.test("firstLook: what is no broken connection is not looked at", async () => {
  const late = new TimeoutError("late");
  const { send, looks } = over(true, late);
  assertStrictEquals(await assertRejects(() => send(request())), late);
  assertEquals(looks(), 0);
});

Deno.test("firstLook: a HEAD's 400 has no words, a GET's has", async () => {
  const { send, looks } = over(true, 400, 400);
  assertEquals((await send(request())).response.status, 400);
  assertEquals(looks(), 0);
  await assertRejects(() => send(request("HEAD")), WrongSchemeError);
  const plain = over(false, 400);
  assertEquals((await plain.send(request("HEAD"))).response.status, 400);
});

/** What hosts say to a client that shows no certificate, as the runtimes tell it. */
const REFUSED = Object.assign(new Error("received fatal alert: CertificateRequired"), {
  code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
});

Deno.test("firstLook: https, the host wants a client certificate: CERTIFICATE_REFUSED, looked at once", async () => {
  const { send, looks } = over({ speaks: true, error: REFUSED }, reset, reset);
  for (let count = 0; count < 2; count++) {
    const error = await assertRejects(() => send(request("GET", "https")), CertificateError);
    assertStringIncludes(error.message, "Cannot do it: a.test:5000 wants a client certificate");
    assertStrictEquals(error.cause, REFUSED);
  }
  assertEquals(looks(), 1);
});

const NO_REASON: [name: string, seen: SeenTls][] = [
  ["says nothing", { speaks: true }],
  ["ends the connection", { speaks: true, error: new Error("read ECONNRESET") }],
  ["does not speak TLS", { speaks: false, error: new Error("wrong version number") }],
];

for (const [name, seen] of NO_REASON) {
  Deno.test(`firstLook: https, the host ${name} after the handshake: the error as it came`, async () => {
    const { send } = over(seen, reset);
    assertStrictEquals(await assertRejects(() => send(request("GET", "https"))), reset);
  });
}

Deno.test("firstLook: https, a host that has answered anything is not looked at", async () => {
  const { send, looks } = over({ speaks: true, error: REFUSED }, 400, reset);
  await send(request("HEAD", "https"));
  assertStrictEquals(await assertRejects(() => send(request("GET", "https"))), reset);
  assertEquals(looks(), 0);
});

Deno.test("firstLook: a signal ends the wait for a look, which the next request has the use of", async () => {
  const seen = Promise.withResolvers<SeenTls>();
  const send = firstLook(() => Promise.reject(reset), () => seen.promise);
  const abort = new AbortController();
  const ended = assertRejects(() => send({ ...request("GET", "https"), signal: abort.signal }));
  abort.abort("enough");
  assertEquals(await ended, "enough" as unknown as Error);
  seen.resolve({ speaks: true, error: REFUSED });
  await assertRejects(() => send(request("GET", "https")), CertificateError);
});
