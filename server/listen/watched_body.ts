import type { PieceReader } from "../../content/piece_reader.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";

/** A body that ended before its end: the client's fault, or its network's, and not the backend's. */
export class BrokenBody extends Error {
  /** The class's own name. */
  override name = "BrokenBody";
}

/** A body whose client stopped in the middle of it. */
export class StalledBody extends BrokenBody {
  /** The class's own name. */
  override name = "StalledBody";
}

/**
 * Headers of an answer to a body without its end: where the next request starts is unknown
 * (RFC 9110, 15.5.9).
 */
export function afterBroken(body: BrokenBody): Record<string, string> {
  return body instanceof StalledBody ? { connection: "close" } : {};
}

/** How long a body may stand still. */
export interface StallLimit {
  /** How long nothing may come, in milliseconds. */
  stallTimeout: number;
  /** Tells the time, in milliseconds. */
  now: () => number;
  /** Who looks when it is over. */
  deadlines: Deadlines;
}

/**
 * A body whose reads fail with {@linkcode StalledBody} when nothing comes for too long, and with
 * {@linkcode BrokenBody} when it breaks. The time between reads does not count: that is the disk's.
 */
export function watchedBody(body: PieceReader, limit: StallLimit): PieceReader {
  const { stallTimeout, now, deadlines } = limit;
  let fail: ((error: BrokenBody) => void) | undefined;
  const deadline: Deadline = {
    due: Infinity,
    late() {
      deadline.due = Infinity;
      const error = new StalledBody(`nothing came for ${stallTimeout} ms`);
      fail?.(error);
      void body.cancel(error).catch(() => {});
    },
  };

  return {
    read(view) {
      deadline.due = now() + stallTimeout;
      deadlines.watch(deadline);
      return new Promise((resolve, reject) => {
        fail = (error) => {
          fail = undefined;
          deadlines.forget(deadline);
          reject(error);
        };
        body.read(view).then((piece) => {
          fail = undefined;
          deadlines.forget(deadline);
          resolve(piece);
        }, (cause) => {
          // Another limit around this one may have seen it first.
          fail?.(cause instanceof BrokenBody ? cause : new BrokenBody("it broke", { cause }));
        });
      });
    },
    cancel(reason) {
      deadlines.forget(deadline);
      return body.cancel(reason);
    },
  };
}
