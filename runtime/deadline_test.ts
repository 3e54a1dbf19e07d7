import { assertEquals } from "@std/assert";
import { Deadline } from "./deadline.ts";
import { withFakeTime } from "./fake_time_test.ts";

/** Deadlines by name, and which of them have expired. */
function named(...names: string[]): { expired: string[]; deadlines: Deadline[] } {
  const expired: string[] = [];
  return { expired, deadlines: names.map((name) => new Deadline(() => expired.push(name))) };
}

Deno.test("Deadline: expires once, when its time has passed", () =>
  withFakeTime(({ advance }) => {
    const { expired, deadlines: [a] } = named("a");
    a!.set(100);
    advance(99);
    assertEquals(expired, []);
    advance(1);
    assertEquals(expired, ["a"]);
    advance(1_000);
    assertEquals(expired, ["a"]);
  }));

Deno.test("Deadline: many share a timer, and each expires at its own time", () =>
  withFakeTime(({ advance, timersMade }) => {
    const { expired, deadlines } = named("a", "b", "c");
    const [a, b, c] = deadlines as [Deadline, Deadline, Deadline];
    a.set(300);
    b.set(100);
    c.set(200);
    advance(150);
    assertEquals(expired, ["b"]);
    advance(50);
    assertEquals(expired, ["b", "c"]);
    advance(100);
    assertEquals(expired, ["b", "c", "a"]);
    assertEquals(timersMade(), 4);
  }));

Deno.test("Deadline: set again it counts from then, earlier or later than before", () =>
  withFakeTime(({ advance }) => {
    const { expired, deadlines: [a] } = named("a");
    a!.set(100);
    advance(60);
    a!.set(100);
    advance(60);
    assertEquals(expired, []);
    a!.set(10);
    advance(10);
    assertEquals(expired, ["a"]);
  }));

Deno.test("Deadline: a thousand that are cleared in time make one timer while one is open", () =>
  withFakeTime(({ advance, timersMade }) => {
    const { expired, deadlines: [open, ...many] } = named(...Array(1_001).fill("x"));
    open!.set(60_000);
    for (const deadline of many) {
      deadline.set(60_000);
      advance(1);
      deadline.clear();
    }
    assertEquals(timersMade(), 1);
    open!.clear();
    assertEquals(expired, []);
  }));

Deno.test("Deadline: at rest nothing expires, and the next time counts in full", () =>
  withFakeTime(({ advance }) => {
    const { expired, deadlines: [a] } = named("a");
    a!.set(100);
    a!.rest();
    advance(1_000);
    assertEquals(expired, []);
    a!.set(100);
    advance(99);
    assertEquals(expired, []);
    advance(1);
    assertEquals(expired, ["a"]);
  }));

Deno.test("Deadline: cleared it leaves no timer, and one that expires may set others", () =>
  withFakeTime(({ advance }) => {
    const { expired, deadlines: [later, cleared] } = named("later", "cleared");
    const first = new Deadline(() => {
      later!.set(50);
      cleared!.clear();
    });
    first.set(100);
    cleared!.set(200);
    advance(149);
    assertEquals(expired, []);
    advance(1);
    assertEquals(expired, ["later"]);
  }));

Deno.test("Deadline: a time that no timer holds, and none at all", () => {
  for (const milliseconds of [2 ** 40, Infinity]) {
    withFakeTime(({ advance }) => {
      const { expired, deadlines: [a] } = named("a");
      a!.set(milliseconds);
      advance(2 ** 33);
      assertEquals(expired, []);
      a!.clear();
    });
  }
});
