import { bareMediaType } from "../../content/media_types.ts";
import { after, jsonIn, provokedBy } from "./journal.ts";
import { broken, type GradeRule, verdict } from "./rule.ts";

/** What a client does when it pushes manifests. */
export const PUSH_RULES: readonly GradeRule[] = [
  {
    id: "push.content-type",
    level: "MUST",
    section: "Pushing manifests (end-7)",
    duty: "sends a manifest with its mediaType as Content-Type",
    seenWhen: "a manifest with a mediaType is pushed",
    *judge({ entries }) {
      for (const entry of entries) {
        const mediaType = entry.method === "PUT" ? jsonIn(entry.body)?.mediaType : undefined;
        if (typeof mediaType !== "string") continue;
        yield verdict(
          bareMediaType(entry.headers.get("content-type") ?? "") === bareMediaType(mediaType),
          entry,
          "its Content-Type is not its mediaType",
        );
      }
    },
  },
  {
    id: "push.content-type-bare",
    level: "SHOULD",
    section: "Pushing manifests (end-7)",
    duty: "puts no parameters behind the Content-Type of a manifest",
    seenWhen: "a manifest is pushed",
    *judge({ entries }) {
      for (const entry of entries) {
        if (entry.method !== "PUT" || entry.route?.kind !== "manifest") continue;
        const hasParameters = entry.headers.get("content-type")?.includes(";");
        yield verdict(!hasParameters, entry, "its Content-Type has parameters");
      }
    },
  },
  {
    id: "push.order",
    level: "SHOULD",
    section: "Push",
    duty: "pushes a manifest after everything that it names",
    seenWhen: "a manifest is pushed",
    *judge({ entries }) {
      for (const entry of entries) {
        if (entry.method !== "PUT" || entry.route?.kind !== "manifest") continue;
        if (entry.status === 201) yield "kept";
        else if (entry.status === 404) yield broken(entry, "what it names was not there");
      }
    },
  },
  {
    id: "push.tags",
    level: "advice",
    section: "Pushing manifests (end-7b)",
    duty: "pushes tags of the query one by one that OCI-Tag does not name",
    seenWhen:
      "ignore-tags: a manifest is pushed with tags in its query, and the run's end is known",
    *judge(journal) {
      for (const entry of provokedBy(journal, "ignore-tags")) {
        if (entry.status !== 201) continue;
        const later = after(journal, entry).flatMap(({ method, route }) =>
          method === "PUT" && route?.kind === "manifest" ? [route.reference] : []
        );
        const missing = entry.url.searchParams.getAll("tag").filter((tag) => !later.includes(tag));
        if (missing.length === 0) yield "kept";
        else if (journal.outcome !== undefined) {
          yield broken(entry, `${missing.length} tags were not made, and not pushed after it`);
        }
      }
    },
  },
];
