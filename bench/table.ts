import type { Run } from "./measure.ts";

export interface Row {
  name: string;
  run: Run;
  /** Whether it is shown for scale only. */
  floor: boolean;
}

/** A Markdown table, with the wall time of each line against a yardstick's. */
export function table(rows: readonly Row[], yardstick: Row): string {
  const lines = rows.map(({ name, run, floor }) => {
    const ratio = (run.wall / yardstick.run.wall).toFixed(2);
    const cells = [
      floor ? `${name} (floor)` : name,
      run.wall.toFixed(2),
      run.cpu.toFixed(2),
      run.memory.toFixed(0),
      ratio,
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    `| | wall s | CPU s | peak MB | wall / ${yardstick.name} |`,
    "| --- | --- | --- | --- | --- |",
    ...lines,
  ].join("\n");
}

/** The fastest of those that count. */
export function fastest(rows: readonly Row[]): Row {
  return rows.filter(({ floor, name }) => !floor && !name.startsWith("davit"))
    .reduce((best, row) => row.run.wall < best.run.wall ? row : best);
}
