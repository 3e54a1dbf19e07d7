import { assert, assertEquals, assertRejects } from "@std/assert";
import type { DavitEvent } from "../events.ts";
import { openBody } from "../content/body.ts";
import { encodeText } from "../content/bytes.ts";
import type { ChannelRequest, ChannelResponse, Send } from "./channel.ts";
import { request } from "./fake_send_test.ts";
import { limiters } from "./limiter.ts";
import { retry } from "./retry.ts";
import { DEFAULT_RETRY, type RetryPolicy } from "./retry_policy.ts";
import { SharedClock } from "./shared_clock_test.ts";

type Wire = (request: ChannelRequest, at: number) => Response | Promise<Response>;

/** A host that takes 5 ms for each answer, behind `retry` with so many concurrent requests. */
function hosted(wire: Wire, atOnce = 64, policy: Partial<RetryPolicy> = {}) {
  const clock = new SharedClock();
  const began = clock.now();
  const events: DavitEvent[] = [];
  const sent: { path: string; at: number; status: number }[] = [];
  const host: Send = async (asked): Promise<ChannelResponse> => {
    const response = await wire(asked, clock.now() - began);
    const path = asked.url.pathname;
    sent.push({ path, at: clock.now() - began, status: response.status });
    await clock.sleep(5, asked.signal);
    return { response, url: asked.url, hops: [] };
  };
  const send = retry({
    retry: { ...DEFAULT_RETRY, ...policy },
    limits: { retryAfter: 300_000 },
    clock,
    emit: (event) => void events.push(event),
    random: () => 0.5,
    maxConcurrency: atOnce,
  })(host);
  const told = (type: DavitEvent["type"]) => events.filter((event) => event.type === type);
  return { clock, send, sent, told, elapsed: () => clock.now() - began };
}

function path(name: string, init: Partial<ChannelRequest> = {}): ChannelRequest {
  return request({ url: new URL(`https://registry.test/${name}`), ...init });
}

function refusal(retryAfter?: number, status = 429): Response {
  const response = new Response(null, { status });
  if (retryAfter !== undefined) response.headers.set("retry-after", String(retryAfter));
  return response;
}

/** Takes so many requests in any second, and refuses the others. */
function quota(perSecond: number, retryAfter: number | undefined): Wire {
  let taken: number[] = [];
  return (_, at) => {
    taken = taken.filter((time) => time > at - 1_000);
    if (taken.length >= perSecond) return refusal(retryAfter);
    taken.push(at);
    return new Response();
  };
}

for (const retryAfter of [1, undefined]) {
  const how = retryAfter === undefined ? "without Retry-After" : "with Retry-After: 1";
  for (const atOnce of [32, 200]) {
    Deno.test(`retry: 100 requests, ${atOnce} at once, under a limit of 10 a second ${how}`, async () => {
      const { send, sent, elapsed } = hosted(quota(10, retryAfter), atOnce);
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) => send(path(String(i)))),
      );
      assertEquals(answers.map(({ response }) => response.status), Array(100).fill(200));
      assert(elapsed() < 25_000, `${elapsed()} ms`);
      const refused = sent.filter(({ status }) => status === 429).length;
      assert(refused < 250, `${refused} refused`);
    });
  }
}

Deno.test("retry: while one request waits for Retry-After, the others spend no try", async () => {
  let refused = 0;
  const { clock, send, sent, told } = hosted(() => refused++ === 0 ? refusal(10) : new Response());
  const first = send(path("first"));
  await clock.sleep(100);
  await Promise.all([first, ...["a", "b", "c", "d"].map((name) => send(path(name)))]);
  const [one, ...rest] = sent;
  assertEquals([one!.path, rest.length], ["/first", 5]);
  assert(rest.every(({ at }) => at >= 10_005), "none before its time");
  assertEquals(told("wait"), [
    { type: "wait", host: "registry.test", delay: 10_000, reason: "status 429" },
  ]);
  assertEquals(told("retry").length, 1);
});

Deno.test("retry: after a wait one goes first, then twice as many with each answer", async () => {
  let refused = 0;
  const { send, sent } = hosted(() => refused++ < 8 ? refusal(10) : new Response());
  await Promise.all(Array.from({ length: 8 }, (_, i) => send(path(String(i)))));
  const times = Map.groupBy(sent.slice(8), ({ at }) => at);
  assertEquals([...times.values()].map((group) => group.length), [1, 2, 4, 1]);
  assertEquals(sent.slice(8).map(({ path }) => path), sent.slice(0, 8).map(({ path }) => path));
});

Deno.test("retry: a host that refuses everything ends all calls with the first one", async () => {
  const { send, sent, elapsed } = hosted(() => refusal(10));
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => send(path(String(i)))));
  assertEquals(answers.map(({ response }) => response.status), Array(20).fill(429));
  assert(elapsed() <= 51_000, `five waits at most: ${elapsed()} ms`);
  assert(sent.length <= 45, `${sent.length} requests`);
  const before = sent.length;
  await send(path("later"));
  assertEquals(sent.length - before, 5, "another call has all of its tries");
});

Deno.test("retry: a request that is never taken ends although the others are", async () => {
  const { send, sent } = hosted(({ url }) =>
    url.pathname === "/never" ? refusal() : new Response()
  );
  let over = false;
  const never = send(path("never")).finally(() => over = true);
  while (!over) await send(path("other"));
  assertEquals((await never).response.status, 429);
  const tries = sent.filter((one) => one.path === "/never").length;
  assert(tries > 5 && tries <= 17, `${tries} tries`);
});

const UNRELATED: [name: string, first: Response, init: Partial<ChannelRequest>][] = [
  ["a 503 without Retry-After", refusal(undefined, 503), {}],
  ["a Retry-After that is longer than anybody waits", refusal(301), {}],
  ["a token service's 429", refusal(10), { purpose: "realm" }],
  ["another host's 429", refusal(10), { url: new URL("https://other.test/") }],
];

for (const [name, first, init] of UNRELATED) {
  Deno.test(`retry: ${name} holds nobody else back`, async () => {
    let asked = 0;
    const { clock, send, sent } = hosted(() => asked++ === 0 ? first : new Response());
    const waiting = send(path("first", init));
    await clock.sleep(10);
    await send(path("second"));
    assertEquals(sent.map(({ at }) => at), [0, 10]);
    await waiting;
  });
}

Deno.test("retry: a storage's 429 behind a redirect holds nobody else back", async () => {
  const clock = new SharedClock();
  const seen: string[] = [];
  const send = retry({
    retry: DEFAULT_RETRY,
    limits: { retryAfter: 300_000 },
    clock,
    emit: ({ type }) => void seen.push(type),
  })((asked) => {
    seen.push(asked.url.pathname);
    const url = new URL("https://storage.test/");
    const response = seen.length === 1 ? refusal(10) : new Response();
    return Promise.resolve({ response, url, hops: [] });
  });
  const waiting = send(path("blob"));
  await clock.sleep(1);
  await send(path("manifest"));
  await waiting;
  assertEquals(seen, ["/blob", "retry", "/manifest", "/blob"]);
});

Deno.test("retry: a refusal that cannot be repeated holds the others back all the same", async () => {
  let asked = 0;
  const { clock, send, sent } = hosted(() => asked++ === 0 ? refusal(10) : new Response());
  const put = send(path("put", { repeatable: false, body: openBody(encodeText("x")) }));
  await clock.sleep(10);
  await send(path("get"));
  assertEquals((await put).response.status, 429);
  assertEquals(sent.map(({ at }) => at >= 10_000), [false, true]);
});

Deno.test("retry: a body that comes out of another request to the host does not keep it waiting", async () => {
  let refused = 0;
  const { send, sent } = hosted(async ({ method }) => {
    if (refused++ === 0) return refusal(1);
    if (method === "PUT") await send(path("download")); // what the body is made of
    return new Response();
  });
  const body = openBody({ open: () => new Blob(["abc"]).stream() });
  await send(path("upload", { method: "PUT", body }));
  assertEquals(sent.map(({ path }) => path), ["/upload", "/download", "/upload"]);
});

Deno.test("retry: an abort in line, or while the host is left alone, lets the next one go", async () => {
  let refused = 0;
  const { clock, send, sent } = hosted(() => refused++ === 0 ? refusal(10) : new Response());
  const controllers = Array.from({ length: 3 }, () => new AbortController());
  const first = send(path("first"));
  await clock.sleep(10);
  const calls = controllers.map(({ signal }, i) => send(path(String(i), { signal })));
  await clock.sleep(10);
  controllers[0]!.abort(new Error("while waiting"));
  await assertRejects(() => calls[0]!, Error, "while waiting");
  const last = send(path("last"));
  await clock.sleep(9_986);
  controllers[1]!.abort(new Error("in line"));
  await assertRejects(() => calls[1]!, Error, "in line");
  await Promise.all([first, calls[2], last]);
  assertEquals(sent.length, 4);
});

Deno.test("retry: the one whose turn it is ends, and the next one goes", async () => {
  let asked = 0;
  const { clock, send, sent } = hosted(() => asked++ < 2 ? refusal(10) : new Response());
  const once = { repeatable: false, body: openBody(encodeText("x")) };
  await send(path("closes", once));
  const controller = new AbortController();
  const probe = send(path("probe", once));
  const next = send(path("next", { signal: controller.signal }));
  const last = send(path("last"));
  assertEquals((await probe).response.status, 429);
  await clock.sleep(10); // now it would be the next one's turn
  controller.abort(new Error("enough"));
  await assertRejects(() => next, Error, "enough");
  await last;
  assertEquals(sent.map(({ path }) => path), ["/closes", "/probe", "/last"]);
});

Deno.test("retry: the oldest goes first, although it comes last", async () => {
  const waits = [10, 11];
  const { clock, send, sent } = hosted(() => {
    const wait = waits.shift();
    return wait === undefined ? new Response() : refusal(wait);
  });
  const calls = ["one", "two"].map((name) => send(path(name)));
  await clock.sleep(100);
  calls.push(...["three", "four"].map((name) => send(path(name))));
  await Promise.all(calls);
  assertEquals(sent.slice(2).map(({ path }) => path), ["/one", "/two", "/three", "/four"]);
});

Deno.test("limiters: one for each origin, and no more than a hundred are remembered", () => {
  const limiterOf = limiters(64, 5, new SharedClock());
  const of = (host: string) => limiterOf(request({ url: new URL(`https://${host}/v2/`) }));
  const first = of("0.test");
  assert(of("0.test") === first);
  assert(of("0.test:444") !== first);
  for (let i = 1; i <= 200; i++) of(`${i}.test`);
  assert(of("0.test") !== first);
});
