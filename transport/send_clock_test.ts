import { assertEquals, assertInstanceOf } from "@std/assert";
import { TimeoutError } from "../errors.ts";
import { request } from "./fake_send_test.ts";
import { type SendClock, sendClock } from "./send_clock.ts";

/** Replaces time by one that a test moves, while the test runs. */
function withFakeTime(
  run: (time: { advance(milliseconds: number): void; timersMade: () => number }) => void,
): void {
  const { setTimeout, clearTimeout } = globalThis;
  const now = performance.now;
  let time = 1000;
  let made = 0;
  const timers = new Map<number, { at: number; callback: () => void }>();
  performance.now = () => time;
  globalThis.setTimeout = ((callback: () => void, delay: number) => {
    timers.set(++made, { at: time + delay, callback });
    return made;
  }) as unknown as typeof setTimeout;
  globalThis.clearTimeout = ((id: number) => timers.delete(id)) as typeof clearTimeout;
  try {
    run({
      timersMade: () => made,
      advance(milliseconds) {
        const end = time + milliseconds;
        for (;;) {
          const [next] = [...timers].filter(([, { at }]) => at <= end)
            .sort(([, a], [, b]) => a.at - b.at);
          if (next === undefined) break;
          timers.delete(next[0]);
          time = next[1].at;
          next[1].callback();
        }
        time = end;
      },
    });
    assertEquals(timers.size, 0, "a timer is left over");
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
    performance.now = now;
  }
}

const LIMITS = { responseTimeout: 500, stallTimeout: 200 };

/** What happens, step by step: numbers are milliseconds that pass. */
type Step = number | ((clock: SendClock) => void);

const source: Step = (clock) => clock.waitFor("source");
const server: Step = (clock) => clock.waitFor("server");
const sent: Step = (clock) => clock.sent();
const stop: Step = (clock) => clock.stop();

const cases: [name: string, steps: Step[], message: string | undefined][] = [
  ["a head in time", [sent, 499, stop, 1000], undefined],
  ["no head", [sent, 500], "registry.test did not answer within 500 ms"],
  [
    "no head after a long body",
    [source, 199, server, 199, source, 199, sent, 499, 1],
    "registry.test did not answer within 500 ms",
  ],
  ["bytes that keep moving", [source, 199, server, 199, source, 199, server, 199, stop], undefined],
  [
    "a source that gives nothing",
    [server, 10, source, 200],
    "the body gave no bytes for 200 ms",
  ],
  [
    "a server that takes nothing",
    [source, 10, server, 200],
    "registry.test took no bytes for 200 ms",
  ],
  [
    "a body in memory, 96 KiB of which may not have left",
    [(clock) => clock.sent(96 * 1024), 3499, 1],
    "registry.test did not answer within 3500 ms",
  ],
  [
    "a small body in memory",
    [(clock) => clock.sent(1000), 500],
    "registry.test did not answer within 500 ms",
  ],
  ["nothing that comes after the stop", [source, stop, source, sent, 5000], undefined],
];

for (const [name, steps, message] of cases) {
  Deno.test(`sendClock: ${name}`, () => {
    withFakeTime(({ advance }) => {
      const expired: TimeoutError[] = [];
      const clock = sendClock(request({ what: "push it" }), LIMITS, (error) => {
        expired.push(error);
      });
      steps.forEach((step, index) => {
        if (message !== undefined) assertEquals(expired, [], `before step ${index}`);
        if (typeof step === "number") advance(step);
        else step(clock);
      });
      for (const error of expired) assertInstanceOf(error, TimeoutError);
      assertEquals(
        expired.map((error) => error.message),
        message === undefined ? [] : [`Cannot push it: ${message}`],
      );
    });
  });
}

Deno.test("sendClock makes few timers", () => {
  withFakeTime(({ advance, timersMade }) => {
    const clock = sendClock(request(), LIMITS, () => {});
    for (let piece = 0; piece < 1000; piece++) {
      clock.waitFor("source");
      advance(1);
    }
    clock.stop();
    assertEquals(timersMade() <= 7, true, `${timersMade()} timers`);
  });
});

Deno.test("sendClock takes limits that no timer can hold, and none at all", () => {
  for (const milliseconds of [2 ** 40, Infinity]) {
    withFakeTime(({ advance }) => {
      let expired = 0;
      const limits = { responseTimeout: milliseconds, stallTimeout: milliseconds };
      const clock = sendClock(request(), limits, () => expired++);
      clock.waitFor("source");
      advance(2 ** 33);
      clock.sent();
      advance(2 ** 33);
      clock.stop();
      assertEquals(expired, 0);
    });
  }
});
