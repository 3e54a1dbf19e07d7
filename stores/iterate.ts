/** One item after the other, until the signal ends it. */
export async function* iterate<T>(
  items: Iterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  for (const item of items) {
    signal?.throwIfAborted();
    yield await Promise.resolve(item);
  }
}
