/**
 * Waits for some work, but not longer than the signal lets it; the work itself goes on, and others may
 * wait for it too. `left` is called when the signal ended the wait.
 *
 * @throws The signal's reason when it aborts.
 */
export function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  left: () => void = () => {},
): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    function abort(): void {
      reject(signal!.reason);
      left();
    }
    if (signal.aborted) {
      work.catch(() => {});
      return abort();
    }
    signal.addEventListener("abort", abort, { once: true });
    const done = () => signal.removeEventListener("abort", abort);
    work.then(done, done);
    work.then(resolve, reject);
  });
}
