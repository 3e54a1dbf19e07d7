/**
 * What work answers for each item, in the items' order; so many items at once are worked on ahead of
 * the reader. A reader that stops, or an item that fails, starts no more.
 */
export async function* inOrder<T, R>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const started: Promise<R>[] = [];
  for (const item of items) {
    if (started.length === atOnce) yield await started.shift()!;
    const result = work(item);
    result.catch(() => {}); // it fails when its turn comes
    started.push(result);
  }
  for (const result of started) yield await result;
}
