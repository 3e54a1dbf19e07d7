import { type Contestant, measure, type Run, summary } from "./measure.ts";
import type { Row } from "./table.ts";

/** Every contestant once a round, in turn, so that a slow moment meets all of them. */
export async function compete(
  runs: number,
  contestants: (round: number) => Contestant[] | Promise<Contestant[]>,
): Promise<Row[]> {
  const results = new Map<string, { runs: Run[]; floor: boolean }>();
  for (let round = 0; round <= runs; round++) {
    for (const contestant of await contestants(round)) {
      const run = await measure(contestant);
      if (round === 0) continue; // the first round fills caches and does not count
      const result = results.get(contestant.name) ??
        { runs: [], floor: contestant.floor ?? false };
      results.set(contestant.name, result);
      result.runs.push(run);
    }
  }
  return [...results].map(([name, { runs, floor }]) => ({ name, floor, run: summary(runs) }));
}
