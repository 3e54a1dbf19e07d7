import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  LimitError,
  NetworkError,
  NotFoundError,
  RateLimitedError,
  RegistryResponseError,
  TimeoutError,
} from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import { DEFAULT_LIMITS, type Limits } from "../content/limits.ts";
import type { Channel } from "./channel.ts";
import { DockerResponse } from "./docker_response.ts";
import { responseError, sendExpecting } from "./expect.ts";
import { readBody } from "./read_body.ts";
import { FakeClock, request, scripted, type Step, watchedResponse } from "./fake_send_test.ts";

function channelOf(steps: Step[], limits: Limits = {}) {
  const wire = scripted(...steps);
  const channel: Channel = {
    origin: "https://registry.test",
    send: wire.send,
    streams: true,
    limits: { ...DEFAULT_LIMITS, ...limits },
    retry: { maxAttempts: 1, minDelay: 1, maxDelay: 1 },
    clock: new FakeClock(),
    capabilities: {},
    emit() {},
  };
  return { channel, seen: wire.seen };
}

const URL_WITH_SECRET = new URL("https://me:pw@registry.test/v2/?_state=s3cret");

/** A body of pieces without end, which counts those it gave. */
function endless(piece: Uint8Array<ArrayBuffer>) {
  const state = { pieces: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      state.pieces++;
      controller.enqueue(piece.slice());
    },
    cancel() {
      state.cancelled = true;
    },
  }, { highWaterMark: 0 });
  return { body, state };
}

Deno.test("sendExpecting: an expected status is an answer, its body unread", async () => {
  const { channel } = channelOf([new Response("words", { status: 404 })]);
  const { response } = await sendExpecting(channel, request(), [200, 404]);
  assertEquals([response.status, await response.text()], [404, "words"]);
});

Deno.test("sendExpecting: any other status is the typed error, with all that it says", async () => {
  const resp = new Response('{"errors":[{"code":"TOOMANYREQUESTS","message":"slow"}]}', {
    status: 429,
    headers: {
      "content-type": "text/plain",
      "retry-after": "30",
      "ratelimit-limit": "100;w=60",
    },
  });
  const { channel } = channelOf([resp]);
  const asked = request({ method: "PUT", url: URL_WITH_SECRET });
  const error = await assertRejects(
    () => sendExpecting(channel, asked, [201]),
    RateLimitedError,
    "Cannot do the thing: 429 TOOMANYREQUESTS: slow",
  );
  assertInstanceOf(error.resp, DockerResponse);
  assertEquals([error.resp.status, error.resp.headers.get("retry-after")], [429, "30"]);
  assertEquals(await error.resp.dockerErrors(), error.errors);
  assertEquals([error.method, error.url], ["PUT", "https://registry.test/v2/?_state=…"]);
  assertEquals([error.codes, error.retryAfter, error.retryable], [
    ["TOOMANYREQUESTS"],
    30_000,
    true,
  ]);
  assertEquals(error.rateLimit, { limit: 100, window: 60 });
});

Deno.test("responseError: the URL is that of the last hop", async () => {
  const { channel } = channelOf([]);
  const error = await responseError(channel, request(), {
    response: new Response(null, { status: 404 }),
    url: new URL("https://cdn.test/blob?sig=s3cret"),
    hops: [],
  });
  assertInstanceOf(error, NotFoundError);
  assertEquals([error.url, error.errors], ["https://cdn.test/blob?sig=…", []]);
  assert(!("retryAfter" in error) || error.retryAfter === undefined);
});

Deno.test("responseError: 10 MB of error text are not read", async () => {
  const { body, state } = endless(encodeText("x".repeat(10_000)));
  const { channel } = channelOf([new Response(body, { status: 400 })]);
  const error = await assertRejects(
    () => sendExpecting(channel, request(), [200]),
    RegistryResponseError,
  );
  assertEquals(error.errors[0]!.message.length, 2_001);
  assertEquals(state, { pieces: 7, cancelled: true });
});

Deno.test("responseError: one piece larger than errorBytes is cut", async () => {
  const { channel } = channelOf([new Response("y".repeat(100), { status: 400 })], {
    errorBytes: 10,
  });
  const error = await assertRejects(() => sendExpecting(channel, request(), [200]));
  assertInstanceOf(error, RegistryResponseError);
  assertEquals(error.errors, [{ message: "y".repeat(10) }]);
});

const BROKEN: [name: string, second: "error" | "stall"][] = [
  ["breaks", "error"],
  ["stands still", "stall"],
];

for (const [name, second] of BROKEN) {
  Deno.test(`responseError: an error's body that ${name} does not hide the status`, async () => {
    let pulls = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (pulls++ === 0) return controller.enqueue(encodeText("half"));
        if (second === "error") throw new TypeError("reset");
        return new Promise(() => {});
      },
    }, { highWaterMark: 0 });
    const { channel } = channelOf([new Response(body, { status: 404 })], { stallTimeout: 5 });
    const error = await assertRejects(() => sendExpecting(channel, request(), [200]));
    assertInstanceOf(error, NotFoundError);
    assertEquals(error.errors, [{ message: "half" }]);
  });
}

for (const limit of ["manifestBytes", "pageBytes", "tokenBytes"] as const) {
  Deno.test(`readBody: ${limit} bytes are read, one more is LIMIT_EXCEEDED`, async () => {
    const { channel } = channelOf([], { [limit]: 10 });
    const bytes = await readBody(channel, new Response("0123456789"), limit, "the page", request());
    assertEquals(bytes, encodeText("0123456789"));
    const { body, state } = endless(encodeText("0123"));
    const error = await assertRejects(
      () => readBody(channel, new Response(body), limit, "the page", request()),
      LimitError,
      `Cannot read the page: it is larger than ${limit}, 10 bytes`,
    );
    assertEquals([error.code, error.limit, error.maximum], ["LIMIT_EXCEEDED", limit, 10]);
    assertEquals(state, { pieces: 3, cancelled: true });
  });
}

Deno.test("readBody: no body is no bytes", async () => {
  const { channel } = channelOf([]);
  const bytes = await readBody(channel, new Response(null), "pageBytes", "the page", request());
  assertEquals(bytes.byteLength, 0);
});

Deno.test("readBody: a body that stands still ends in TIMEOUT, and is let go of", async () => {
  const { channel } = channelOf([], { stallTimeout: 5 });
  const { response, cancelled } = watchedResponse();
  const error = await assertRejects(
    () => readBody(channel, response, "pageBytes", "the page", request()),
    TimeoutError,
    "Cannot read the page: no bytes came for 5 ms",
  );
  assertEquals(error.code, "TIMEOUT");
  assert(cancelled());
});

Deno.test("readBody: a body that breaks is NETWORK, with what was asked and no secrets", async () => {
  const { channel } = channelOf([]);
  const own = new TypeError(`error reading ${URL_WITH_SECRET.href}`);
  const body = new ReadableStream({
    pull() {
      throw own;
    },
  });
  const error = await assertRejects(
    () =>
      readBody(
        channel,
        new Response(body),
        "pageBytes",
        "the page",
        request({ url: URL_WITH_SECRET }),
      ),
    NetworkError,
    "Cannot do the thing: the connection to registry.test broke",
  );
  assertEquals([error.code, error.retryable], ["NETWORK", true]);
  assert(!error.message.includes("s3cret") && !error.message.includes("pw"), error.message);
});

for (const when of ["before", "during"]) {
  Deno.test(`readBody, responseError: an abort ${when} the reading, whatever fetch makes of it`, async () => {
    for (const status of [200, 500]) {
      const controller = new AbortController();
      const { signal } = controller;
      const { response, cancelled } = watchedResponse({ status });
      const { channel } = channelOf([response]);
      if (when === "before") controller.abort(new Error("enough"));
      const asked = request({ signal });
      const reading = status === 200
        ? readBody(channel, response, "pageBytes", "the page", asked)
        : responseError(channel, asked, { response, url: asked.url, hops: [] });
      if (when === "during") controller.abort(new Error("enough"));
      await assertRejects(() => reading, Error, "enough");
      assert(cancelled());
    }
  });
}
