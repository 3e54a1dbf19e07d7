/**
 * Tables that take every case through columns which share nearly all of their code: CI runs all of a
 * table; elsewhere the columns take turns, so that every case and every column runs, and no pair of
 * them that CI alone is worth waiting for.
 */

/** The cases that are the turn of column `column` of `columns`: all of them where `CI=true`. */
export function shareOf<T>(
  cases: readonly T[],
  column: number,
  columns: number,
  ci = Deno.env.get("CI") === "true",
): T[] {
  // With fewer cases than columns, some column would have nothing to do.
  if (ci || cases.length < columns) return [...cases];
  return cases.filter((_, at) => at % columns === column % columns);
}
