import { isDigest } from "../../content/digest.ts";
import { fallbackTag } from "../../manifest/referrers_index.ts";
import { after, type GradeEntry, type GradeJournal, isRead, jsonIn } from "./journal.ts";
import { broken, type GradeRule, verdict } from "./rule.ts";

/** What a client does with what is attached to a manifest, where the registry keeps no list. */
export const REFERRERS_RULES: readonly GradeRule[] = [
  {
    id: "referrers.fallback-read",
    level: "MUST",
    section: "Unavailable referrers API",
    duty: "reads the fallback tag where the referrers API is answered 404",
    seenWhen: "referrers are listed where the registry has no referrers API",
    *judge(journal) {
      for (const entry of journal.entries) {
        const { route } = entry;
        if (route?.kind !== "referrers" || entry.status !== 404) continue;
        // A digest of zeros asks whether there is such an API, and not for a list.
        if (!isDigest(route.digest) || /:0+$/.test(route.digest)) continue;
        const tag = fallbackTag(route.digest);
        // Several clients ask both at once, or know from an earlier answer.
        yield verdict(
          journal.entries.some((other) => isRead(other) && isFor(other, tag)),
          entry,
          "the fallback tag was not read",
        );
      }
    },
  },
  {
    id: "referrers.fallback-written",
    level: "MUST",
    section: "Pushing manifests with subject",
    duty: "puts a manifest with a subject on the fallback tag's list where OCI-Subject is missing",
    seenWhen: "a manifest with a subject is pushed where the registry has no referrers API",
    *judge(journal) {
      for (const { entry, tag, digest } of attached(journal)) {
        const there = entry.listBefore?.includes(digest) ||
          writesOf(journal, entry, tag).some((write) => names(write).includes(digest));
        yield verdict(there, entry, "it is not on the fallback tag's list");
      }
    },
  },
  {
    id: "referrers.fallback-descriptor",
    level: "MUST",
    section: "Pushing manifests with subject",
    duty: "copies artifactType, or the config's type, and all annotations to the list",
    seenWhen: "the fallback tag's list is written",
    *judge(journal) {
      for (const { entry, tag, digest } of attached(journal)) {
        for (const write of writesOf(journal, entry, tag)) {
          const descriptor = descriptors(write).find((each) => each.digest === digest);
          if (descriptor === undefined) continue;
          yield verdict(
            describes(descriptor, jsonIn(entry.body)!),
            write,
            "artifactType or annotations are not the manifest's",
          );
        }
      }
    },
  },
  {
    id: "referrers.fallback-merged",
    level: "MUST",
    section: "Pushing manifests with subject",
    duty: "keeps what was on the fallback tag's list",
    seenWhen: "the fallback tag's list is written, and others were on it",
    *judge(journal) {
      for (const { entry, tag, digest } of attached(journal)) {
        for (const write of writesOf(journal, entry, tag)) {
          const others = write.listBefore ?? [];
          // What is written later may take away what was deleted meanwhile.
          if (!names(write).includes(digest) || others.includes(digest)) continue;
          if (others.length === 0) continue;
          yield verdict(
            others.every((other) => names(write).includes(other)),
            write,
            "others that were on the list are gone",
          );
        }
      }
    },
  },
  {
    id: "referrers.fallback-pruned",
    level: "SHOULD",
    section: "Deleting manifests (end-9)",
    duty: "takes a deleted manifest from the fallback tag's list",
    seenWhen: "a manifest on a fallback tag's list is deleted",
    *judge(journal) {
      for (const entry of journal.entries) {
        if (entry.method !== "DELETE" || entry.status !== 202) continue;
        if (entry.route?.kind !== "manifest" || !isDigest(entry.route.reference)) continue;
        const digest = entry.route.reference;
        const { listedOn: tag } = entry;
        const written = journal.entries.some((other) =>
          other.method === "PUT" && other.came < entry.came &&
          /^sha(256|512)-/.test(tagOf(other)) &&
          other.listBefore?.includes(digest) && !names(other).includes(digest)
        );
        if (tag === undefined) {
          // It was taken from the list before it was deleted, or was on none.
          if (written) yield "kept";
          continue;
        }
        yield verdict(
          after(journal, entry).some((later) => takesFrom(later, tag, digest)),
          entry,
          "it is still on the fallback tag's list",
        );
      }
    },
  },
  {
    id: "referrers.fallback-needless",
    level: "advice",
    section: "Pushing manifests with subject",
    duty: "writes no fallback tag where OCI-Subject says that the registry keeps the list",
    seenWhen: "a manifest with a subject is pushed where the registry has the referrers API",
    *judge(journal) {
      for (const entry of journal.entries) {
        const subject = subjectIn(entry);
        if (subject === undefined || entry.answer.get("oci-subject") !== subject) continue;
        const write = writesOf(journal, entry, fallbackTag(subject))[0];
        yield write === undefined ? "kept" : broken(write, "the registry keeps this list itself");
      }
    },
  },
];

interface Attached {
  entry: GradeEntry;
  tag: string;
  digest: string;
}

/** The pushes of manifests with a subject that the registry did not put on a list. */
function* attached(journal: GradeJournal): Iterable<Attached> {
  for (const entry of journal.entries) {
    const subject = subjectIn(entry);
    if (subject === undefined || entry.answer.has("oci-subject")) continue;
    const digest = entry.answer.get("docker-content-digest");
    if (digest !== null) yield { entry, tag: fallbackTag(subject), digest };
  }
}

/** The subject of a manifest that was pushed and taken. */
function subjectIn(entry: GradeEntry): string | undefined {
  if (entry.method !== "PUT" || entry.status !== 201) return undefined;
  const subject = jsonIn(entry.body)?.subject as { digest?: unknown } | undefined;
  return isDigest(subject?.digest) ? subject.digest : undefined;
}

function isFor({ route }: GradeEntry, tag: string): boolean {
  return route?.kind === "manifest" && route.reference === tag;
}

function writesOf(journal: GradeJournal, entry: GradeEntry, tag: string): GradeEntry[] {
  return after(journal, entry).filter((later) =>
    later.method === "PUT" && later.status === 201 && isFor(later, tag)
  );
}

interface Listed {
  digest?: unknown;
  artifactType?: unknown;
  annotations?: unknown;
}

function descriptors(entry: GradeEntry): Listed[] {
  const { manifests } = jsonIn(entry.method === "PUT" ? entry.body : entry.answerBody) ?? {};
  return Array.isArray(manifests) ? manifests : [];
}

function names(entry: GradeEntry): string[] {
  return descriptors(entry).map(({ digest }) => String(digest));
}

/** Whether a request leaves a fallback tag without a manifest on its list. */
function takesFrom(entry: GradeEntry, tag: string, digest: string): boolean {
  if (!isFor(entry, tag)) return false;
  if (entry.method === "DELETE") return entry.status === 202;
  return entry.method === "PUT" && entry.status === 201 && !names(entry).includes(digest);
}

function tagOf({ route }: GradeEntry): string {
  return route?.kind === "manifest" ? route.reference : "";
}

function describes(descriptor: Listed, manifest: Record<string, unknown>): boolean {
  const config = manifest.config as { mediaType?: unknown } | undefined;
  const artifactType = manifest.artifactType || config?.mediaType;
  const sorted = (value: unknown) => JSON.stringify(Object.entries(value ?? {}).sort());
  return descriptor.artifactType === artifactType &&
    sorted(descriptor.annotations) === sorted(manifest.annotations);
}
