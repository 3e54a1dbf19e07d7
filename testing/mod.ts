/**
 * Registries for tests of clients: `createRegistry` of `@davit/registry-client/server`, which can
 * also be like a registry that is known, break, replay a recording, and grade its client.
 *
 * | for | give |
 * | --- | --- |
 * | the habits of a known registry | `createTestRegistry({ preset: "ghcr" })` |
 * | one habit | `createTestRegistry({ quirks: { noReferrers: "text", deletes: 405 } })` |
 * | what goes wrong | `createTestRegistry({ faults: { status: 503, retryAfter: 1, on: { nth: 2 } } })` |
 * | what a client asked | `registry.requests`, each with its path, status and bytes |
 * | a recording of another registry | `record(fetch)`, then `createTestRegistry({ tape })` |
 * | how well a client keeps to the specification | `grade()` |
 *
 * @example The second request is one too many
 * ```ts
 * import { createTestRegistry } from "@davit/registry-client/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch, requests } = createTestRegistry({ faults: { status: 429, on: { nth: 2 } } });
 * for (let sent = 0; sent < 3; sent++) await fetch("https://registry.test/v2/");
 * assertEquals(requests.map(({ status }) => status), [200, 429, 200]);
 * ```
 *
 * @module
 */
export { createTestRegistry, type TestRegistryOptions } from "./test_registry.ts";
export type { FaultRule } from "./faults/faults.ts";
export type { MatchedEndpoint, RequestMatch } from "./quirks/match.ts";
export type {
  LocationQuirks,
  PageQuirks,
  QuirkOptions,
  QuirkRule,
  RateLimitQuirk,
  TokenQuirks,
} from "./quirks/options.ts";
export type { PresetName } from "./quirks/preset.ts";
export type {
  Tape,
  TapeBody,
  TapeContent,
  TapeExchange,
  TapeRequest,
  TapeResponse,
} from "./tape/tape.ts";
export type { TapeBodies } from "./tape/body.ts";
export { record, type Recording, type RecordOptions } from "./tape/record.ts";
export { replay, type ReplayOptions } from "./tape/replay.ts";
export { grade, type GradeOptions, type Grading } from "./grade/grade.ts";
export type { GradeOutcome, GradeProvocation } from "./grade/journal.ts";
export {
  formatGrade,
  type GradeLevel,
  type GradeReport,
  type GradeResult,
  type GradeVerdict,
  mergeGrades,
} from "./grade/report.ts";
export { GRADE_SCENARIOS, GRADE_USER, type GradeScenario } from "./grade/scenarios.ts";
