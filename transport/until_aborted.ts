/**
 * Waits for some work, but not longer than the signal lets it; the work itself goes on.
 *
 * @throws The signal's reason when it aborts.
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    function abort(): void {
      reject(signal!.reason);
    }
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
