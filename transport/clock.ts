import { LONGEST_TIMER_MS } from "../runtime/longest_timer.ts";
import type { Clock } from "./channel.ts";
import { untilAborted } from "./until_aborted.ts";

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep(milliseconds, signal) {
    let timer: ReturnType<typeof setTimeout>;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(milliseconds, LONGEST_TIMER_MS));
    });
    return untilAborted(over, signal, () => clearTimeout(timer));
  },
};
