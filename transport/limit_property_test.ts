/**
 * Any mix of calls, aborts and refusals through `retry` and its limiters: each call ends, the aborted ones
 * with their reason, and afterwards the host is asked as freely as before.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { openBody } from "../content/body.ts";
import { encodeText } from "../content/bytes.ts";
import type { ChannelRequest, Send } from "./channel.ts";
import { request } from "./fake_send_test.ts";
import { retry } from "./retry.ts";
import { SharedClock } from "./shared_clock_test.ts";

/** What the host does with one request. */
const ANSWERS = ["taken", "refused", "refused for a while", "broken", "overloaded"] as const;

/** The clock is nobody's real time: what has not ended by then waits for nothing that comes. */
const STUCK_MS = 60_000;

const call = fc.record({
  /** When it begins, in milliseconds. */
  at: fc.integer({ min: 0, max: 3_000 }),
  /** When it is aborted after its beginning. */
  abort: fc.option(fc.integer({ min: 0, max: 3_000 }), { nil: undefined }),
  kind: fc.constantFrom("plain", "once", "bytes", "nested"),
});

const scenario = fc.record({
  calls: fc.array(call, { minLength: 1, maxLength: 12 }),
  answers: fc.array(fc.constantFrom(...ANSWERS), { maxLength: 40 }),
  atOnce: fc.integer({ min: 1, max: 4 }),
  maxAttempts: fc.integer({ min: 1, max: 4 }),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

async function play({ calls, answers, atOnce, maxAttempts }: Scenario): Promise<void> {
  const clock = new SharedClock();
  const left = [...answers];
  let underWay = 0;
  const host: Send = async (asked) => {
    underWay++;
    try {
      if (asked.body !== undefined && asked.body.bytes === undefined) {
        await (await asked.body.open()).read();
      }
      await clock.sleep(5, asked.signal);
      const answer = left.shift() ?? "taken";
      if (answer === "broken") throw new DOMException("reset");
      const status = { "taken": 200, "overloaded": 503 }[answer as string] ?? 429;
      const headers: HeadersInit = answer === "refused for a while" ? { "retry-after": "2" } : {};
      return { response: new Response(null, { status, headers }), url: asked.url, hops: [] };
    } finally {
      underWay--;
    }
  };
  const send = retry({
    retry: { maxAttempts, minDelay: 100, maxDelay: 500 },
    limits: { retryAfter: 60_000 },
    clock,
    emit: () => {},
    random: () => 0.5,
    maxConcurrency: atOnce,
  })(host);

  const asking = (init: Partial<ChannelRequest> = {}) =>
    request({ url: new URL("https://registry.test/v2/"), ...init });
  const outcomes = await Promise.all(calls.map(async ({ at, abort, kind }) => {
    await clock.sleep(at);
    const controller = new AbortController();
    const reason = new Error("enough");
    const aborting = abort === undefined
      ? undefined
      : clock.sleep(abort).then(() => controller.abort(reason));
    const { signal } = controller;
    const nested = openBody({
      async open() {
        await send(asking({ signal }));
        return new Blob(["x"]).stream();
      },
    });
    const init: Partial<ChannelRequest> = {
      ...(kind === "once" && { repeatable: false }),
      ...(kind === "bytes" && { body: openBody(encodeText("x")) }),
      ...(kind === "nested" && { body: nested }),
    };
    try {
      await send(asking({ ...init, signal }));
      return "answered";
    } catch (error) {
      if (error === reason) assert(signal.aborted);
      else assertEquals((error as Error).message, "reset");
      return "failed";
    } finally {
      await aborting;
    }
  }));
  assertEquals(outcomes.length, calls.length);
  assertEquals(underWay, 0);
  // Whatever happened: now that the host takes everything, nothing waits for anything gone.
  left.length = 0;
  const after = await Promise.all(Array.from({ length: 20 }, () => send(asking())));
  assertEquals(after.every(({ response }) => response.status === 200), true);
}

Deno.test("retry and its limiters: whatever is refused and aborted, every call ends and nothing stays", async () => {
  const property = fc.asyncProperty(scenario, async (given) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stuck = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("a call never ends")), STUCK_MS);
    });
    await Promise.race([play(given), stuck]).finally(() => clearTimeout(timer));
  });
  await fc.assert(property, { numRuns: 50 });
});
