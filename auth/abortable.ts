/**
 * Waits for what several callers share. A caller's signal ends the caller's own wait, and leaves
 * the work to the others; `left` is told when that happens.
 *
 * @throws The signal's reason when it aborts.
 */
export function abortable<T>(
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
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
