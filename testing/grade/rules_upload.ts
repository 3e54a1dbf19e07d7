import {
  after,
  closingDigest,
  type GradeEntry,
  type GradeUpload,
  locationOf,
  uploadsIn,
} from "./journal.ts";
import { broken, type GradeRule, verdict } from "./rule.ts";

/** What a client does with the URLs of uploads. */
export const UPLOAD_RULES: readonly GradeRule[] = [
  {
    id: "upload.post-empty",
    level: "MUST",
    section: "Pushing a blob in chunks (end-4a)",
    duty: "begins an upload with Content-Length: 0 and no body",
    seenWhen: "an upload begins with POST that has neither digest nor mount",
    *judge({ entries }) {
      for (const entry of entries) {
        if (entry.method !== "POST" || entry.route?.kind !== "uploads") continue;
        const query = entry.url.searchParams;
        if (query.has("digest") || query.has("mount")) continue;
        const empty = !entry.hasBody && !entry.headers.has("transfer-encoding");
        yield verdict(empty, entry, "it has a body");
      }
    },
  },
  {
    id: "upload.newest-location",
    level: "SHOULD",
    section: "Pushing a blob in chunks (end-5, end-6)",
    duty: "sends each request to the newest Location",
    seenWhen: "fresh-locations: an upload takes more than one request after its POST",
    *judge(journal) {
      for (const upload of uploadsIn(journal)) {
        for (const request of upload.requests) {
          const given = locationsBefore(upload, request);
          if (new Set(given.map(({ href }) => href)).size < 2) continue;
          if (hasParametersOf(request, given.at(-1)!)) yield "kept";
          else if (given.some((location) => hasParametersOf(request, location))) {
            yield broken(request, "a newer Location had been given");
          }
        }
      }
    },
  },
  {
    id: "upload.location-query",
    level: "SHOULD",
    section: "POST then PUT (end-6)",
    duty: "keeps every parameter of a Location",
    seenWhen: "fresh-locations: an upload goes on at a Location with a query",
    *judge(journal) {
      for (const upload of uploadsIn(journal)) {
        for (const request of upload.requests) {
          const given = locationsBefore(upload, request).filter(({ search }) => search !== "");
          if (given.length === 0) continue;
          yield verdict(
            given.some((location) => hasParametersOf(request, location)),
            request,
            "a parameter of the Location is missing or changed",
          );
        }
      }
    },
  },
  {
    id: "upload.location-bytes",
    level: "SHOULD",
    section: "POST then PUT (end-6)",
    duty: "keeps the query of a Location byte for byte: a signature is over bytes",
    seenWhen: "fresh-locations: an upload goes on at a Location with a query",
    *judge(journal) {
      for (const upload of uploadsIn(journal)) {
        for (const request of upload.requests) {
          const alike = locationsBefore(upload, request)
            .filter((location) => location.search !== "" && hasParametersOf(request, location));
          if (alike.length === 0) continue;
          yield verdict(
            alike.some((location) => bareQuery(location) === bareQuery(request.url)),
            request,
            "the query was written anew: other escapes, or another order",
          );
        }
      }
    },
  },
  {
    id: "upload.location-relative",
    level: "MUST",
    section: "POST then PUT (end-6): the Location may be relative",
    duty: "resolves a Location that is a path against the request's URL",
    seenWhen: "an upload goes on whose Location was a path",
    *judge(journal) {
      for (const { opening, requests } of uploadsIn(journal)) {
        const location = opening.answer.get("location")!;
        if (!location.startsWith("/")) continue;
        if (requests.length > 0) yield "kept";
        const path = location.split("?")[0]!;
        const wrong = after(journal, opening).find(({ url }) =>
          url.pathname !== path && url.pathname.endsWith(path)
        );
        if (wrong !== undefined) yield broken(wrong, "the Location was put behind another path");
      }
    },
  },
  {
    id: "upload.digest",
    level: "MUST",
    section: "Pushing a blob in chunks (end-6)",
    duty: "closes an upload with the digest in the query",
    seenWhen: "an upload is closed",
    *judge(journal) {
      for (const { requests } of uploadsIn(journal)) {
        for (const request of requests.filter(({ method }) => method === "PUT")) {
          yield verdict(closingDigest(request) !== null, request, "it names no digest");
        }
      }
    },
  },
  {
    id: "upload.cancelled",
    level: "SHOULD",
    section: "Cancel a blob upload (end-14)",
    duty: "cancels an upload that it does not finish",
    seenWhen: "an upload was begun and not closed, and the run's end is known",
    *judge(journal) {
      for (const { opening, requests } of uploadsIn(journal)) {
        // A client that does not go to another origin cannot cancel there either.
        if (opening.provoked.has("foreign-locations")) continue;
        const last = requests.filter(({ method }) => method === "PUT");
        // What the registry has ended needs no cancelling; it says where to go on otherwise.
        const over = ({ status, answer }: GradeEntry) =>
          status === 201 || (status === 400 && !answer.has("location"));
        if (last.some(over)) continue;
        if (requests.some(({ status }) => status === 404)) continue;
        if (requests.some(({ method }) => method === "DELETE")) yield "kept";
        else if (journal.outcome !== undefined) {
          const end = requests.at(-1);
          const after = end === undefined ? "its POST" : `${end.method} with status ${end.status}`;
          yield broken(opening, `the upload was left behind after ${after}`);
        }
      }
    },
  },
  {
    id: "upload.exists",
    level: "advice",
    section: "Checking if content exists (end-2)",
    duty: "asks whether a blob is there, or mounts it, before it sends it",
    seenWhen: "a blob is pushed",
    *judge({ entries }) {
      for (const entry of entries) {
        const digest = closingDigest(entry);
        const { route } = entry;
        if (digest === null || entry.status !== 201) continue;
        if (route?.kind !== "upload" && route?.kind !== "uploads") continue;
        const asked = entries.some((before) =>
          before.came < entry.came && before.route !== undefined && "repository" in before.route &&
          before.route.repository === route.repository &&
          ((before.route.kind === "blob" && before.route.digest === digest) ||
            before.url.searchParams.get("mount") === digest)
        );
        yield verdict(asked, entry, "no request had asked whether it was there");
      }
    },
  },
];

/** The Locations that an upload had by the time of a request, the newest last. */
function locationsBefore({ opening, requests }: GradeUpload, request: GradeEntry): URL[] {
  return [opening, ...requests]
    .filter(({ answered, status }) => answered < request.came && status < 300)
    .sort((a, b) => a.answered - b.answered)
    .flatMap((entry) => locationOf(entry) ?? []);
}

function hasParametersOf({ url }: GradeEntry, location: URL): boolean {
  return parameters(url) === parameters(location);
}

function parameters({ searchParams }: URL): string {
  return JSON.stringify([...searchParams].filter(([name]) => name !== "digest").sort());
}

/** A query as it stands, but for the digest. */
function bareQuery({ search }: URL): string {
  return search.slice(1).split("&").filter((item) => !/^digest=/.test(item)).join("&");
}
