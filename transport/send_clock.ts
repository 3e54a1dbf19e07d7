import type { TimeoutError } from "../errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../content/limits.ts";
import { Deadline } from "../runtime/deadline.ts";
import type { ChannelRequest } from "./channel.ts";
import { responseTimeout as tooLate, sendStall } from "./send_failure.ts";

/** The limits that one exchange keeps, in milliseconds. */
export type SendLimits = Pick<Required<Limits>, "responseTimeout" | "stallTimeout">;

/** Watches the time of one exchange. */
export interface SendClock {
  /** Something moved, and now it is the turn of the body's source, or of the server. */
  waitFor(side: "server" | "source"): void;
  /**
   * The request was handed over: a head must come within the response's time. So many bytes of it
   * may not have left yet, which cannot be seen; they add the time that a slow connection takes.
   */
  sent(unseenBytes?: number): void;
  /** Time does not matter any more. */
  stop(): void;
}

/** The slowest connection that is waited for, in bytes a second. */
const SLOWEST_BYTES_PER_SECOND = 32 * 1024;

/**
 * While a request is sent its bytes must keep moving; then a response's head must come. `expire` is
 * called once, by whichever limit is passed first.
 */
export function sendClock(
  request: ChannelRequest,
  limits: Partial<SendLimits>,
  expire: (error: TimeoutError) => void,
): SendClock {
  const {
    stallTimeout = DEFAULT_LIMITS.stallTimeout,
    responseTimeout = DEFAULT_LIMITS.responseTimeout,
  } = limits;
  let late: () => TimeoutError;
  let stopped = false;
  const deadline = new Deadline(() => {
    stopped = true;
    expire(late());
  });

  return {
    waitFor(side) {
      if (stopped) return;
      late = () => sendStall(request, stallTimeout, side);
      deadline.set(stallTimeout);
    },
    sent(unseenBytes = 0) {
      if (stopped) return;
      const milliseconds = responseTimeout +
        Math.floor(unseenBytes / SLOWEST_BYTES_PER_SECOND) * 1000;
      late = () => tooLate(request, milliseconds);
      deadline.set(milliseconds);
    },
    stop() {
      stopped = true;
      deadline.clear();
    },
  };
}
