import { after, isSameRequest, provokedBy } from "./journal.ts";
import { broken, type GradeRule, verdict } from "./rule.ts";

/** Clocks and timers may differ by this, in milliseconds. */
const TOLERANCE_MS = 25;

/** What a client does about what HTTP says beside the content. */
export const HTTP_RULES: readonly GradeRule[] = [
  {
    id: "http.warning",
    level: "MUST",
    section: "Warnings",
    duty: "does nothing else because of a Warning",
    seenWhen: "warnings: every answer has a Warning, and the run's end is known",
    *judge(journal) {
      for (const entry of provokedBy(journal, "warnings")) {
        if (entry.status >= 300) continue;
        // Nothing changes between two HEADs, and the same answer is not needed at once again.
        const next = after(journal, entry)[0];
        if (entry.method === "PUT" && next !== undefined && isSameRequest(entry, next)) {
          yield broken(next, "it was sent again after a Warning");
        } else if (journal.outcome === "succeeded") yield "kept";
        else if (journal.outcome === "failed") {
          yield broken(entry, "the run failed after a Warning");
        }
      }
    },
  },
  {
    id: "http.retry-after",
    level: "SHOULD",
    section: "RFC 9110 section 10.2.3, RFC 6585 section 4",
    duty: "waits as long as Retry-After says",
    seenWhen: "rate-limit: a request is answered 429 once, and sent again",
    *judge(journal) {
      for (const entry of provokedBy(journal, "rate-limit")) {
        const wait = Number(entry.answer.get("retry-after")) * 1_000;
        const again = after(journal, entry).find((later) => isSameRequest(entry, later));
        if (again === undefined) continue;
        const waited = again.at - entry.answeredAt;
        yield verdict(
          waited >= wait - TOLERANCE_MS,
          again,
          `${waited} ms after a 429 that says ${wait} ms`,
        );
      }
    },
  },
  {
    id: "http.retry",
    level: "advice",
    section: "RFC 9110 section 15.6.4",
    duty: "sends a request again that was answered 503",
    seenWhen:
      "unavailable: a request is answered 503 once, and the run's end is known or it comes " +
      "again",
    *judge(journal) {
      for (const entry of provokedBy(journal, "unavailable")) {
        if (after(journal, entry).some((later) => isSameRequest(entry, later))) yield "kept";
        else if (journal.outcome !== undefined) yield broken(entry, "it was not sent again");
      }
    },
  },
];
