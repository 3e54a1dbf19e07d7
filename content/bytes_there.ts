/** How many bytes of some content are there: those up to the first gap, and the stretches behind it. */
export function bytesThere(
  first: number,
  behind: readonly (readonly [start: number, end: number])[] = [],
): number {
  return behind.reduce((sum, [start, end]) => sum + end - start, first);
}
