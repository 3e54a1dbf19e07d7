import type { Run } from "./measure.ts";

export interface Row {
  name: string;
  run: Run;
  /** Whether it is shown for scale only. */
  floor: boolean;
}

export function markdownTable(header: string[], rows: readonly string[][]): string {
  return [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
}

/** A table with the wall time of each line against a yardstick's. */
export function table(rows: readonly Row[], yardstick: Row): string {
  return markdownTable(
    ["", "wall s", "CPU s", "peak MB", `wall / ${yardstick.name}`],
    rows.map(({ name, run, floor }) => [
      floor ? `${name} (floor)` : name,
      run.wall.toFixed(2),
      run.cpu.toFixed(2),
      run.memory.toFixed(0),
      (run.wall / yardstick.run.wall).toFixed(2),
    ]),
  );
}

/** The fastest of those that count. */
export function fastest(rows: readonly Row[]): Row {
  return rows.filter(({ floor, name }) => !floor && !name.startsWith("davit"))
    .reduce((best, row) => row.run.wall < best.run.wall ? row : best);
}
