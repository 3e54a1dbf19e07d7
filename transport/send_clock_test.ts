import { assertEquals, assertInstanceOf } from "@std/assert";
import { TimeoutError } from "../errors.ts";
import { request } from "./fake_send_test.ts";
import { withFakeTime } from "../runtime/fake_time_test.ts";
import { SendClock } from "./send_clock.ts";

const LIMITS = { responseTimeout: 500, stallTimeout: 200 };

/** What happens, step by step: numbers are milliseconds that pass. */
type Step = number | ((clock: SendClock) => void);

const source: Step = (clock) => clock.waitFor("source");
const server: Step = (clock) => clock.waitFor("server");
const sent: Step = (clock) => clock.sent();
const stop: Step = (clock) => clock.stop();

const cases: [name: string, steps: Step[], message: string | undefined][] = [
  ["a head in time", [sent, 499, stop, 1000], undefined],
  ["no head", [sent, 500], "registry.test did not answer within 500 ms (limits.responseTimeout)"],
  [
    "no head after a long body",
    [source, 199, server, 199, source, 199, sent, 499, 1],
    "registry.test did not answer within 500 ms (limits.responseTimeout)",
  ],
  ["bytes that keep moving", [source, 199, server, 199, source, 199, server, 199, stop], undefined],
  [
    "a source that gives nothing",
    [server, 10, source, 200],
    "the body gave no bytes for 200 ms (limits.stallTimeout)",
  ],
  [
    "a server that takes nothing",
    [source, 10, server, 200],
    "registry.test took no bytes for 200 ms (limits.stallTimeout)",
  ],
  [
    "a body in memory, 96 KiB of which may not have left",
    [(clock) => clock.sent(96 * 1024), 3499, 1],
    "registry.test did not answer within 3500 ms (limits.responseTimeout)",
  ],
  [
    "a small body in memory",
    [(clock) => clock.sent(1000), 500],
    "registry.test did not answer within 500 ms (limits.responseTimeout)",
  ],
  ["nothing that comes after the stop", [source, stop, source, sent, 5000], undefined],
];

for (const [name, steps, message] of cases) {
  Deno.test(`SendClock: ${name}`, () => {
    withFakeTime(({ advance }) => {
      const expired: TimeoutError[] = [];
      const clock = new SendClock(request({ what: "push it" }), LIMITS, (error) => {
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

Deno.test("SendClock makes few timers", () => {
  withFakeTime(({ advance, timersMade }) => {
    const clock = new SendClock(request(), LIMITS, () => {});
    for (let piece = 0; piece < 1000; piece++) {
      clock.waitFor("source");
      advance(1);
    }
    clock.stop();
    assertEquals(timersMade() <= 7, true, `${timersMade()} timers`);
  });
});

Deno.test("SendClock takes limits that no timer can hold, and none at all", () => {
  for (const milliseconds of [2 ** 40, Infinity]) {
    withFakeTime(({ advance }) => {
      let expired = 0;
      const limits = { responseTimeout: milliseconds, stallTimeout: milliseconds };
      const clock = new SendClock(request(), limits, () => expired++);
      clock.waitFor("source");
      advance(2 ** 33);
      clock.sent();
      advance(2 ** 33);
      clock.stop();
      assertEquals(expired, 0);
    });
  }
});
