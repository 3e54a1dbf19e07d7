import { redactUrl } from "../tape/redact_url.ts";
import { TapeSecrets } from "../tape/secrets.ts";
import type { GradeEntry, GradeJournal } from "./journal.ts";
import type { GradeLevel, GradeResult } from "./report.ts";

/** One instance of a duty: kept, or what broke it. */
export type Finding = "kept" | { broken: string };

/** A duty of a client, and how to see it. */
export interface GradeRule {
  /** Its name. */
  readonly id: string;
  /** How much it weighs. */
  readonly level: GradeLevel;
  /** Where it comes from. */
  readonly section: string;
  /** What a client does that keeps it. */
  readonly duty: string;
  /** What must happen for it to be seen. */
  readonly seenWhen: string;
  /** Every instance of it in a journal; none where it was not seen. */
  readonly judge: (journal: GradeJournal) => Iterable<Finding>;
}

/** An instance of a duty that was broken: by which request, and how. */
export function broken(entry: GradeEntry, how: string): Finding {
  const { method, url } = entry;
  return { broken: `${method} ${redactUrl(url.pathname + url.search, new TapeSecrets())}: ${how}` };
}

/** An instance of a duty that was kept, or was broken by a request. */
export function verdict(isKept: boolean, entry: GradeEntry, how: string): Finding {
  return isKept ? "kept" : broken(entry, how);
}

export function applyRule(rule: GradeRule, journal: GradeJournal): GradeResult {
  const { judge, ...known } = rule;
  let kept = false;
  for (const finding of judge(journal)) {
    if (finding !== "kept") return { ...known, verdict: "broken", evidence: finding.broken };
    kept = true;
  }
  return { ...known, verdict: kept ? "kept" : "not seen" };
}
