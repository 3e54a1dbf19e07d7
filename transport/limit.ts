import { InvalidOptionError } from "../errors.ts";
import type { ChannelRequest, Middleware } from "./channel.ts";

/**
 * Lets so many requests to one registry wait for their answer at once; the others queue in order.
 * A response whose head has arrived counts no more: a body that nobody reads must not block.
 *
 * Bodies that are streamed have a queue of their own: their bytes may come out of another request to
 * the same registry, which would never get a place if they had them all.
 *
 * @throws {InvalidOptionError} When the count is below 1.
 */
export function limit(requestsAtOnce: number): Middleware {
  if (!(requestsAtOnce >= 1)) {
    throw new InvalidOptionError(
      `Cannot use 'requestsAtOnce' as it must be 1 or more: current value is ${requestsAtOnce}`,
    );
  }
  const [plain, streamed] = [places(requestsAtOnce), places(requestsAtOnce)];

  return (next) => async (request) => {
    const { acquire, release } = isStreamed(request) ? streamed : plain;
    const place = acquire(request.signal);
    if (place !== undefined) await place;
    try {
      return await next(request);
    } finally {
      release();
    }
  };
}

function isStreamed({ body }: ChannelRequest): boolean {
  return body !== undefined && body.bytes === undefined && body.blob === undefined;
}

interface Places {
  /** Takes a place; `undefined` where nobody need wait for it. */
  acquire(signal: AbortSignal | undefined): Promise<void> | undefined;
  release(): void;
}

function places(count: number): Places {
  let free = Math.floor(count);
  const queue: (() => void)[] = [];

  function release(): void {
    const waiter = queue.shift();
    if (waiter === undefined) free++;
    else waiter();
  }

  function acquire(signal: AbortSignal | undefined): Promise<void> | undefined {
    signal?.throwIfAborted();
    if (free > 0) {
      free--;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      function start(): void {
        signal?.removeEventListener("abort", abort);
        resolve();
      }
      function abort(): void {
        queue.splice(queue.indexOf(start), 1);
        reject(signal!.reason);
      }
      queue.push(start);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  return { acquire, release };
}
