import { checkArgument } from "../../content/check_argument.ts";

/** How much a duty weighs: the specification's words, and what only experience asks for. */
export type GradeLevel = "MUST" | "SHOULD" | "advice";

/** What was seen of a duty. */
export type GradeVerdict = "kept" | "broken" | "not seen";

/** One duty of a client, and what was seen of it. */
export interface GradeResult {
  /** Its name: `upload.newest-location`. */
  id: string;
  /** How much it weighs. */
  level: GradeLevel;
  /** Where it comes from: a section of the distribution specification, or another document. */
  section: string;
  /** What a client does that keeps it. */
  duty: string;
  /** What must happen for it to be seen. */
  seenWhen: string;
  /** What was seen: broken once is broken. */
  verdict: GradeVerdict;
  /** What broke it, where something did. */
  evidence?: string;
}

/** What was seen of a client. */
export interface GradeReport {
  /** Every duty, in the order of the rules. */
  results: GradeResult[];
}

const RANK: Record<GradeVerdict, number> = { "not seen": 0, kept: 1, broken: 2 };

/**
 * One report of several about the same client: what was broken in one is broken, what was kept in
 * one and broken in none is kept.
 *
 * @example
 * ```ts
 * import { grade, mergeGrades } from "@davit/registry-client/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const merged = mergeGrades(grade().report(), grade().report());
 * assertEquals(merged.results.every(({ verdict }) => verdict === "not seen"), true);
 * ```
 */
export function mergeGrades(...reports: readonly GradeReport[]): GradeReport {
  const merged = new Map<string, GradeResult>();
  for (const report of reports) checkArgument("report", report, "report");
  for (const result of reports.flatMap(({ results }) => results)) {
    const before = merged.get(result.id);
    if (before === undefined || RANK[result.verdict] > RANK[before.verdict]) {
      merged.set(result.id, result);
    }
  }
  return { results: [...merged.values()] };
}

/**
 * A report as text, a line for each duty that was seen, and the names of the others.
 *
 * @example
 * ```ts
 * import { formatGrade, grade } from "@davit/registry-client/testing";
 * import { assertMatch } from "@std/assert";
 *
 * const grading = grade();
 * await grading.registry.fetch("http://registry.test/v2/app/manifests/latest");
 * assertMatch(formatGrade(grading.report()), /^broken {4}pull\.accept \(SHOULD\)/m);
 * ```
 */
export function formatGrade(report: GradeReport): string {
  checkArgument("report", report, "report");
  const { results } = report;
  const seen = results.filter(({ verdict }) => verdict !== "not seen");
  const lines = seen.map(({ verdict, id, level, duty, evidence }) => {
    const why = evidence === undefined ? "" : `\n            ${evidence}`;
    return `${verdict.padEnd(9)} ${id} (${level}): ${duty}${why}`;
  });
  const unseen = results.filter((result) => !seen.includes(result)).map(({ id }) => id);
  const rest = `not seen  ${unseen.length} of ${results.length} duties: ${unseen.join(", ")}`;
  return [...lines, unseen.length === 0 ? "" : `${rest}\n`].join("\n");
}
