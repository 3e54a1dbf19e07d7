import { type Contestant, measure, summary } from "./measure.ts";
import type { Row } from "./table.ts";

/**
 * What every contestant gives, by its name: once a round, so that a slow moment meets all of
 * them. The first round fills caches and does not count.
 */
export async function inRounds<C extends { name: string }, R>(
  runs: number,
  contestants: (round: number) => readonly C[] | Promise<readonly C[]>,
  once: (contestant: C, round: number) => Promise<R>,
): Promise<Map<string, R[]>> {
  const results = new Map<string, R[]>();
  for (let round = 0; round <= runs; round++) {
    for (const contestant of await contestants(round)) {
      const result = await once(contestant, round);
      if (round === 0) continue;
      results.set(contestant.name, [...results.get(contestant.name) ?? [], result]);
    }
  }
  return results;
}

/** The medians of commands. */
export async function compete(
  runs: number,
  contestants: (round: number) => Contestant[] | Promise<Contestant[]>,
): Promise<Row[]> {
  const floors = new Set<string>();
  const results = await inRounds(runs, contestants, (contestant) => {
    if (contestant.floor) floors.add(contestant.name);
    return measure(contestant);
  });
  return [...results].map(([name, runs]) => ({
    name,
    floor: floors.has(name),
    run: summary(runs),
  }));
}
