import { serve } from "../server/listen/serve.ts";
import type { Registry } from "../server/registry.ts";
import { type Flag, UsageError } from "./flags.ts";
import { grade, type Grading } from "./grade/grade.ts";
import type { GradeProvocation } from "./grade/journal.ts";
import { isProvocation, PROVOCATION_NAMES } from "./grade/provoke.ts";
import { formatGrade } from "./grade/report.ts";
import type { TestRegistryOptions } from "./test_registry.ts";

/** What the arguments of `deno task serve` say of grading. */
export interface GradeCommand {
  /** What is provoked; nothing is graded where it is missing. */
  provoke?: GradeProvocation[];
}

export const GRADE_FLAGS: readonly Flag<GradeCommand>[] = [
  {
    name: "--grade",
    help: "grades the client that comes, and prints the report when it stops",
    set: (command) => void (command.provoke ??= []),
  },
  {
    name: "--provoke",
    value: "NAMES",
    help: "done on purpose to see how it takes it: warnings,cut-blobs",
    set: (command, value) => {
      for (const name of value.split(",")) {
        if (!isProvocation(name)) {
          const names = [...PROVOCATION_NAMES].sort().join(", ");
          throw new UsageError(
            `Cannot serve: --provoke must be of ${names}: current value is ${name}`,
          );
        }
        (command.provoke ??= []).push(name);
      }
    },
  },
];

/** Those that send a client to another origin. */
const TO_OTHER_ORIGIN: readonly GradeProvocation[] = [
  "foreign-links",
  "foreign-locations",
  "foreign-realm",
  "redirect-blobs",
];

/**
 * A registry that grades, with a second port for the other origin where something leads there. Its
 * name is `localhost`: clients take two ports of one host for one place.
 *
 * @returns The registry, and what ends it and answers the report.
 */
export async function gradedRegistry(
  registry: TestRegistryOptions,
  { provoke = [] }: GradeCommand,
): Promise<{ registry: Registry; end: () => Promise<string> }> {
  const needed = TO_OTHER_ORIGIN.some((name) => provoke.includes(name));
  let grading: Grading | undefined;
  const fetch = async (request: Request) =>
    await grading?.registry.fetch(request) ?? new Response(null, { status: 503 });
  const second = needed ? await serve({ fetch }) : undefined;
  const other = second === undefined ? {} : { otherOrigin: `http://localhost:${second.port}` };
  const { registry: graded, report } = grading = grade(registry, { provoke, ...other });
  return {
    registry: graded,
    end: async () => {
      await second?.close();
      return formatGrade(report());
    },
  };
}
