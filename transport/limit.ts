import type { Middleware } from "./channel.ts";

/**
 * Lets so many requests to one registry wait for their answer at once; the others queue in order.
 * A response whose head has arrived counts no more: a body that nobody reads must not block.
 */
export function limit(requestsAtOnce: number): Middleware {
  let free = requestsAtOnce;
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

  return (next) => async (request) => {
    await acquire(request.signal);
    try {
      return await next(request);
    } finally {
      release();
    }
  };
}
