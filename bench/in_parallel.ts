/** How many works go on at once: what davit's peer in Go does too. */
const AT_ONCE = 32;

/** Does a work for each item, 32 at once. */
export async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
