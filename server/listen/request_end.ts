/** What ends the waiting for a request, by request, where that is not its own signal. */
const ends = new WeakMap<Request, AbortSignal>();

/**
 * Says what ends the waiting for a request. Deno (2.9) prints a warning as soon as a program reads
 * the signal of a request that is then answered.
 */
export function endWith(request: Request, signal: AbortSignal): void {
  ends.set(request, signal);
}

/** What ends the waiting for a request that will be answered: its server, or its client. */
export function endOf(request: Request): AbortSignal {
  return ends.get(request) ?? request.signal;
}
