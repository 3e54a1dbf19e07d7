import { isManifestMediaType } from "../../content/media_types.ts";
import { after, CANARY, type GradeJournal, isRead, isSameRequest, provokedBy } from "./journal.ts";
import { broken, type Finding, type GradeRule, verdict } from "./rule.ts";

/** What a client does when it pulls. */
export const PULL_RULES: readonly GradeRule[] = [
  {
    id: "pull.accept",
    level: "SHOULD",
    section: "Pulling manifests (end-3)",
    duty: "says in Accept which types of manifests it takes",
    seenWhen: "a manifest is asked for",
    *judge({ entries }) {
      for (const entry of entries) {
        if (entry.route?.kind !== "manifest" || !isRead(entry)) continue;
        const types = (entry.headers.get("accept") ?? "").split(",")
          .map((type) => type.split(";")[0]!.trim());
        yield verdict(
          types.some(isManifestMediaType),
          entry,
          "its Accept names no type of manifest",
        );
      }
    },
  },
  {
    id: "pull.manifest-digest",
    level: "SHOULD",
    section: "Pulling manifests (end-3)",
    duty: "refuses a manifest whose bytes do not have the digest that was asked for",
    seenWhen: "corrupt-manifests: one is asked for by digest, and the run's end is known or the " +
      "client asks for what only the corrupted manifest names",
    judge: (journal) => refusedCorruption(journal, "corrupt-manifests"),
  },
  {
    id: "pull.tag-digest",
    level: "advice",
    section: "Pulling manifests (end-3): Docker-Content-Digest, which may be ignored",
    duty: "refuses a tag's manifest whose bytes do not have the digest of the header",
    seenWhen: "corrupt-tags: one is asked for by tag, and the run's end is known or the " +
      "client asks for what only the corrupted manifest names",
    judge: (journal) => refusedCorruption(journal, "corrupt-tags"),
  },
  {
    id: "pull.blob-digest",
    level: "SHOULD",
    section: "Pulling blobs (end-2)",
    duty: "refuses a blob whose bytes do not have the digest that was asked for",
    seenWhen: "corrupt-blobs: a blob was sent, and the run's end is known or it is asked for again",
    *judge(journal) {
      for (const entry of provokedBy(journal, "corrupt-blobs")) {
        const again = after(journal, entry).some((later) => isSameRequest(entry, later));
        if (journal.outcome === "succeeded") {
          yield broken(entry, "one byte was wrong, and the client was content");
        } else if (journal.outcome === "failed" || again) {
          yield "kept";
        }
      }
    },
  },
  {
    id: "pull.resume",
    level: "SHOULD",
    section: "Pulling blobs (end-2), RFC 9110 section 14",
    duty: "goes on after a broken download where it broke, and takes no part for the whole",
    seenWhen: "cut-blobs: the client asks for the rest with Range, or is content with the part",
    *judge(journal) {
      for (const entry of provokedBy(journal, "cut-blobs")) {
        const again = after(journal, entry).filter((later) =>
          later.method === "GET" && later.url.pathname === entry.url.pathname
        );
        if (again.length === 0 && journal.outcome === "succeeded") {
          yield broken(entry, `${entry.sent} bytes came, and the client was content`);
        }
        for (const later of again) {
          const first = /^bytes=([0-9]+)-/.exec(later.headers.get("range") ?? "")?.[1];
          if (first === undefined) continue;
          yield verdict(
            Number(first) <= entry.sent,
            later,
            `${entry.sent} bytes had come, and it goes on at ${first}`,
          );
        }
      }
    },
  },
  {
    id: "pull.redirect",
    level: "SHOULD",
    section: "API: redirects",
    duty: "follows a redirect to another origin",
    seenWhen: "redirect-blobs: the client goes there, or fails",
    *judge(journal) {
      const redirects = provokedBy(journal, "redirect-blobs").filter(({ byOtherOrigin }) =>
        !byOtherOrigin
      );
      const first = redirects[0];
      if (first === undefined) return;
      // One that is followed shows it: others are given up when a run fails for another reason.
      const followed = redirects.some((entry) =>
        after(journal, entry).some(({ url }) => url.href === entry.answer.get("location"))
      );
      if (followed) yield "kept";
      else if (journal.outcome === "failed") yield broken(first, "its redirect was not followed");
    },
  },
];

function* refusedCorruption(
  journal: GradeJournal,
  provocation: "corrupt-manifests" | "corrupt-tags",
): Iterable<Finding> {
  for (const entry of provokedBy(journal, provocation)) {
    const believed = after(journal, entry).find(({ url }) =>
      decodeURIComponent(url.pathname).includes(CANARY)
    );
    if (believed !== undefined) {
      yield broken(believed, "only a corrupted manifest names this digest");
    } else if (journal.outcome === "succeeded") {
      yield broken(entry, "its bytes were not those of the digest, and the client was content");
    } else if (journal.outcome === "failed") {
      yield "kept";
    }
  }
}
