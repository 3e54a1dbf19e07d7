import type { TimeoutError } from "../errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../content/limits.ts";
import { Deadline } from "../runtime/deadline.ts";
import type { ChannelRequest } from "./channel.ts";
import { sendTimeout } from "./send_failure.ts";

/** The limits that one exchange keeps, in milliseconds. */
export type SendLimits = Pick<Required<Limits>, "responseTimeout" | "stallTimeout">;

/** The slowest connection that is waited for, in bytes a second. */
const SLOWEST_BYTES_PER_SECOND = 32 * 1024;

/**
 * Watches the time of one exchange: while a request is sent its bytes must keep moving; then a
 * response's head must come. `expire` is called once, by whichever limit is passed first.
 */
export class SendClock {
  readonly #request: ChannelRequest;
  readonly #limits: Partial<SendLimits>;
  readonly #deadline: Deadline;
  /** Whose turn it is, and how long that may take. */
  #side: "server" | "source" | undefined;
  #milliseconds = 0;
  #stopped = false;

  /** No time matters yet. */
  constructor(
    request: ChannelRequest,
    limits: Partial<SendLimits>,
    expire: (error: TimeoutError) => void,
  ) {
    this.#request = request;
    this.#limits = limits;
    this.#deadline = new Deadline(() => {
      this.#stopped = true;
      expire(sendTimeout(this.#request, this.#milliseconds, this.#side));
    });
  }

  /** Something moved, and now it is the turn of the body's source, or of the server. */
  waitFor(side: "server" | "source"): void {
    this.#wait(this.#limits.stallTimeout ?? DEFAULT_LIMITS.stallTimeout, side);
  }

  /**
   * The request was handed over: a head must come within the response's time. So many bytes of it
   * may not have left yet, which cannot be seen; they add the time that a slow connection takes.
   */
  sent(unseenBytes = 0): void {
    const { responseTimeout = DEFAULT_LIMITS.responseTimeout } = this.#limits;
    this.#wait(responseTimeout + Math.floor(unseenBytes / SLOWEST_BYTES_PER_SECOND) * 1000);
  }

  /** Time does not matter any more. */
  stop(): void {
    this.#stopped = true;
    this.#deadline.clear();
  }

  #wait(milliseconds: number, side?: "server" | "source"): void {
    if (this.#stopped) return;
    this.#side = side;
    this.#milliseconds = milliseconds;
    this.#deadline.set(milliseconds);
  }
}
