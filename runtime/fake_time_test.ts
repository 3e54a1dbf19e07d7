import { assertEquals } from "@std/assert";

/** Replaces time by one that a test moves, while the test runs. */
export function withFakeTime(
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
