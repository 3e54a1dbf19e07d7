import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  ApiError,
  BadDigestError,
  HostRefusedError,
  NetworkError,
  RateLimitedError,
  TimeoutError,
  UploadError,
} from "../errors.ts";
import type { DavitEvent } from "../events.ts";
import { openBody } from "../content/body.ts";
import { encodeText } from "../content/bytes.ts";
import type { ChannelRequest } from "./channel.ts";
import { DockerResponse } from "./docker_response.ts";
import { FakeClock, request, scripted, type Step, watchedResponse } from "./fake_send_test.ts";
import { backoff, isRetryable, retry } from "./retry.ts";
import { DEFAULT_RETRY } from "./retry_policy.ts";

const POLICY = { maxAttempts: 3, minDelay: 100, maxDelay: 1_000 };

/** A wire behind `retry`, with what it slept and told. */
function retried(steps: Step[], policy = POLICY, retryAfter = 60_000) {
  const clock = new FakeClock();
  const events: DavitEvent[] = [];
  const wire = scripted(...steps);
  const send = retry({
    retry: policy,
    limits: { retryAfter },
    clock,
    emit: (event) => events.push(event),
    random: () => 1,
  })(wire.send);
  return { send, clock, events, seen: wire.seen };
}

function status(code: number, headers: HeadersInit = {}): Response {
  return new Response("words", { status: code, headers });
}

const STATUSES: [status: number, requests: number][] = [
  [200, 1],
  [202, 1],
  [301, 1],
  [400, 1],
  [401, 1],
  [403, 1],
  [404, 1],
  [405, 1],
  [409, 1],
  [413, 1],
  [416, 1],
  [501, 1],
  [505, 1],
  [408, 2],
  [425, 2],
  [429, 2],
  [500, 2],
  [502, 2],
  [503, 2],
  [504, 2],
];

for (const [code, requests] of STATUSES) {
  Deno.test(`retry: status ${code} makes ${requests} request(s)`, async () => {
    const { send, seen, clock } = retried([status(code), status(200)]);
    const { response } = await send(request());
    assertEquals(response.status, requests === 1 ? code : 200);
    assertEquals(seen.length, requests);
    assertEquals(clock.delays, requests === 1 ? [] : [100]);
  });
}

const ERRORS: [name: string, error: Error, requests: number][] = [
  ["a broken connection", new NetworkError("reset"), 2],
  ["a time-out", new TimeoutError("slow"), 2],
  ["a refused host", new HostRefusedError("no", { host: "x" }), 1],
  ["a wrong digest", new BadDigestError("no", { expected: "a", actual: "b" }), 1],
  ["somebody else's error", new Error("a bug"), 1],
  ["an upload that cannot be repeated", new UploadError("gone"), 1],
];

for (const [name, error, requests] of ERRORS) {
  Deno.test(`retry: ${name} makes ${requests} request(s)`, async () => {
    const { send, seen } = retried([error, status(200)]);
    if (requests === 1) assertStrictEquals(await assertRejects(() => send(request())), error);
    else assertEquals((await send(request())).response.status, 200);
    assertEquals(seen.length, requests);
  });
}

Deno.test("retry: an HTTP error that another middleware threw is not repeated", async () => {
  const error = new RateLimitedError(new DockerResponse(null, { status: 429 }), [], "429");
  assert(error.retryable);
  const { send, seen } = retried([error, status(200)]);
  await assertRejects(() => send(request()), RateLimitedError);
  assertEquals(seen.length, 1);
});

const RETRY_AFTER: [name: string, header: string, delay: number | undefined][] = [
  ["seconds", "7", 7_000],
  ["a date", "Thu, 01 Jan 2026 00:00:30 GMT", 30_000],
  ["exactly the limit", "60", 60_000],
  ["more than the limit is not waited for", "61", undefined],
  ["a date past the limit is not waited for", "Fri, 02 Jan 2026 00:00:00 GMT", undefined],
  ["no wait at all still backs off", "0", 100],
  ["a date in the past still backs off", "Wed, 31 Dec 2025 00:00:00 GMT", 100],
  ["nonsense backs off", "soon", 100],
];

for (const [name, header, delay] of RETRY_AFTER) {
  Deno.test(`retry: Retry-After, ${name}`, async () => {
    const { send, seen, clock } = retried([status(429, { "retry-after": header }), status(200)]);
    const { response } = await send(request());
    assertEquals(clock.delays, delay === undefined ? [] : [delay]);
    assertEquals(seen.length, delay === undefined ? 1 : 2);
    assertEquals(response.status, delay === undefined ? 429 : 200);
    assertEquals(response.bodyUsed, false);
  });
}

Deno.test("retry: the waits double, up to the longest one, and the last answer is given", async () => {
  const policy = { maxAttempts: 6, minDelay: 100, maxDelay: 500 };
  const { send, seen, clock, events } = retried(
    Array.from({ length: 6 }, () => status(503)),
    policy,
  );
  const { response } = await send(
    request({ url: new URL("https://registry.test/v2/?sig=s3cret") }),
  );
  assertEquals(response.status, 503);
  assertEquals(await response.text(), "words");
  assertEquals(seen.length, 6);
  assertEquals(clock.delays, [100, 200, 400, 500, 500]);
  assertEquals(events[0], {
    type: "retry",
    method: "GET",
    url: "https://registry.test/v2/?sig=…",
    attempt: 1,
    delay: 100,
    reason: "status 503",
  });
  assertEquals(events.length, 5);
});

const BODIES: [name: string, init: Partial<ChannelRequest>, requests: number][] = [
  ["bytes", { body: openBody(encodeText("abc")) }, 2],
  ["a body that opens again", {
    body: openBody({ open: () => new Blob(["abc"]).stream() }),
  }, 2],
  ["a stream", { body: openBody(new Blob(["abc"]).stream()) }, 1],
  ["bytes that must not be repeated", {
    body: openBody(encodeText("abc")),
    repeatable: false,
  }, 1],
];

for (const [name, init, requests] of BODIES) {
  for (const first of [status(503), new NetworkError("reset")]) {
    const fault = first instanceof Response ? "status 503" : "a broken connection";
    Deno.test(`retry: ${name} after ${fault}: ${requests} request(s)`, async () => {
      const { send, seen } = retried([first, status(200)]);
      const sent = send(request({ method: "PUT", ...init }));
      await sent.then(() => {}, () => {});
      assertEquals(seen.length, requests);
    });
  }
}

Deno.test("retry: the body of an answer that is not used is let go of", async () => {
  const { response, cancelled } = watchedResponse({ status: 500 });
  const { send } = retried([response, status(200)]);
  await send(request());
  assert(cancelled());
});

Deno.test("retry: the error of the last try says how many there were", async () => {
  const gone = () => new NetworkError("gone");
  const { send } = retried([gone(), gone(), gone()], { maxAttempts: 3, minDelay: 1, maxDelay: 1 });
  const { message } = await assertRejects(() => send(request()), NetworkError);
  assertEquals(message, "gone; tries: 3");
});

Deno.test("retry: an abort while waiting ends it with the signal's reason", async () => {
  const controller = new AbortController();
  const { send, seen } = retried([() => {
    controller.abort(new Error("enough"));
    return status(503);
  }, status(200)]);
  await assertRejects(() => send(request({ signal: controller.signal })), Error, "enough");
  assertEquals(seen.length, 1);
});

Deno.test("retry: a reason that looks retryable is not retried", async () => {
  const reason = new TimeoutError("the caller's own");
  const controller = new AbortController();
  const { send, seen, events } = retried([() => {
    controller.abort(reason);
    throw reason;
  }, status(200)]);
  const { signal } = controller;
  assertStrictEquals(await assertRejects(() => send(request({ signal }))), reason);
  assertEquals([seen.length, events.length], [1, 0]);
});

Deno.test("retry: what a request ended with after all its tries is not tried again around it", async () => {
  const error = new NetworkError("gone");
  const inner = retried([error, error, error]);
  const through = async () => (await inner.send(request())).response;
  const outer = retried([through, status(200)]);
  assertStrictEquals(await assertRejects(() => outer.send(request())), error);
  assertEquals([inner.seen.length, outer.seen.length], [3, 1]);
});

const BACKOFF: [attempt: number, random: number, expected: number][] = [
  [1, 0, 100],
  [1, 1, 200],
  [2, 0, 200],
  [2, 0.5, 300],
  [5, 1, 3_200],
  [40, 1, 10_000],
  [2_000, 0, 5_000],
];

for (const [attempt, random, expected] of BACKOFF) {
  Deno.test(`backoff: attempt ${attempt}, random ${random}`, () => {
    assertEquals(backoff(DEFAULT_RETRY, attempt, random), expected);
  });
}

Deno.test("isRetryable: davit's own errors say so themselves", () => {
  assert(isRetryable(new NetworkError("")));
  assert(isRetryable(new UploadError("", { retryable: true })));
  assert(!isRetryable(new ApiError("")));
  assert(!isRetryable(new TypeError("")));
  assert(!isRetryable(undefined));
});
