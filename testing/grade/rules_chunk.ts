import {
  after,
  closingDigest,
  type GradeEntry,
  type GradeJournal,
  type GradeUpload,
  provokedBy,
  uploadsIn,
} from "./journal.ts";
import { broken, type Finding, type GradeRule } from "./rule.ts";

const CONTENT_RANGE = /^([0-9]+)-([0-9]+)$/;

/** What a client does with chunks, and where an upload does not go as hoped. */
export const CHUNK_RULES: readonly GradeRule[] = [
  {
    id: "upload.chunk-range",
    level: "MUST",
    section: "Pushing a blob in chunks (end-5)",
    duty: "says where each chunk belongs: Content-Range first-last, as long as the chunk",
    seenWhen: "a chunk has a Content-Range, or is one of several",
    *judge(journal) {
      for (const { requests } of uploadsIn(journal)) {
        const chunks = requests.filter(({ method }) => method === "PATCH");
        for (const chunk of chunks) {
          const header = chunk.headers.get("content-range");
          if (header === null && chunks.length < 2) continue;
          const match = CONTENT_RANGE.exec(header ?? "");
          const length = Number(match?.[2]) - Number(match?.[1]) + 1;
          const whole = chunk.headers.get("content-length") ?? String(chunk.bytesIn);
          if (match === null) yield broken(chunk, "its Content-Range is not first-last");
          else if (length !== Number(whole)) {
            yield broken(chunk, `${whole} bytes are not its range`);
          } else yield "kept";
        }
      }
    },
  },
  {
    id: "upload.chunk-order",
    level: "MUST",
    section: "Pushing a blob in chunks (end-5)",
    duty: "sends chunks in order, each after the one before it was taken",
    seenWhen: "an upload has more than one chunk with a Content-Range",
    *judge(journal) {
      for (const { requests } of uploadsIn(journal)) {
        for (const [index, request] of requests.entries()) {
          const first = firstByte(request);
          if (first === undefined || requests[index - 1]?.status === 416) continue;
          const there = takenBefore(requests, request);
          if (first !== there) {
            yield broken(request, `it begins at ${first}, and ${there} bytes were there`);
          } else if (first > 0) yield "kept";
        }
      }
    },
  },
  {
    id: "upload.chunk-min",
    level: "SHOULD",
    section: "Pushing a blob in chunks: OCI-Chunk-Min-Length",
    duty: "makes no chunk but the last smaller than the registry asks",
    seenWhen: "the registry asks for a least size, and an upload has more than one chunk",
    *judge(journal) {
      for (const { opening, requests } of uploadsIn(journal)) {
        const least = Number(opening.answer.get("oci-chunk-min-length") ?? 0);
        const chunks = requests.filter(({ bytesIn }) => bytesIn > 0);
        if (least === 0 || chunks.length < 2) continue;
        const short = chunks.slice(0, -1).find(({ bytesIn }) => bytesIn < least);
        yield short === undefined
          ? "kept"
          : broken(short, `${short.bytesIn} bytes are less than ${least}`);
      }
    },
  },
  {
    id: "upload.range-416",
    level: "advice",
    section: "Pushing a blob in chunks (end-13)",
    duty: "asks after a 416 how far the upload is and goes on there, or begins a new one",
    seenWhen: "refuse-chunks: a chunk is sent with a Content-Range",
    *judge(journal) {
      for (const upload of uploadsIn(journal)) {
        for (const refused of upload.requests) {
          if (refused.status === 416) yield recovery(journal, upload, refused);
        }
      }
    },
  },
  {
    id: "upload.mount-202",
    level: "MUST",
    section: "Mounting a blob (end-11)",
    duty: "pushes a blob whose mount was answered with an upload",
    seenWhen: "mount-202: a blob is mounted, and the client pushes it, a manifest, or ends",
    judge: (journal) => pushedAfterMount(journal, "mount-202"),
  },
  {
    id: "upload.mount-405",
    level: "advice",
    section: "Mounting a blob (end-11)",
    duty: "pushes a blob whose mount was refused",
    seenWhen: "mount-405: a blob is mounted, and the client pushes it, a manifest, or ends",
    judge: (journal) => pushedAfterMount(journal, "mount-405"),
  },
  {
    id: "upload.post-202",
    level: "SHOULD",
    section: "Single POST (end-4b)",
    duty: "goes on with PUT where a POST of the whole blob was answered with an upload",
    seenWhen: "post-202: a blob is pushed with a single POST",
    *judge(journal) {
      for (const { opening, requests } of uploadsIn(journal)) {
        if (!opening.provoked.has("post-202")) continue;
        if (requests.some(({ method }) => method === "PUT")) yield "kept";
        else if (hasGoneOn(journal, opening)) yield broken(opening, "its upload was not closed");
      }
    },
  },
];

/** Where a request's body belongs, as it says. */
function firstByte({ headers, method }: GradeEntry): number | undefined {
  if (method !== "PATCH" && method !== "PUT") return undefined;
  const match = CONTENT_RANGE.exec(headers.get("content-range") ?? "");
  return match === null ? undefined : Number(match[1]);
}

function takenBefore(requests: readonly GradeEntry[], request: GradeEntry): number {
  return requests.filter(({ answered }) => answered < request.came)
    .reduce((sum, { taken }) => sum + taken, 0);
}

function recovery(journal: GradeJournal, upload: GradeUpload, refused: GradeEntry): Finding {
  const { requests } = upload;
  const later = requests.filter(({ came }) => came > refused.answered);
  const sent = later.find(({ method, bytesIn }) =>
    method === "PATCH" || (method === "PUT" && bytesIn > 0)
  );
  if (sent !== undefined) {
    const there = takenBefore(requests, sent);
    if (firstByte(sent) === there) return "kept";
    const asked = later.some(({ method, came }) => method === "GET" && came < sent.came);
    if (firstByte(sent) === undefined && asked && sent.status < 300) return "kept";
    return broken(sent, `${there} bytes were there, and it begins at ${firstByte(sent) ?? "none"}`);
  }
  const anew = after(journal, refused).some((entry) =>
    closingDigest(entry) !== null && entry.status === 201 && !requests.includes(entry)
  );
  return anew ? "kept" : broken(refused, "it was answered 416, and the upload never went on");
}

/** Whether a client has done what comes after the push of a blob, or ended. */
function hasGoneOn(journal: GradeJournal, entry: GradeEntry): boolean {
  return journal.outcome !== undefined ||
    after(journal, entry).some(({ method, route }) =>
      method === "PUT" && route?.kind === "manifest"
    );
}

function* pushedAfterMount(
  journal: GradeJournal,
  provocation: "mount-202" | "mount-405",
): Iterable<Finding> {
  for (const mount of provokedBy(journal, provocation)) {
    const digest = mount.url.searchParams.get("mount");
    const pushed = after(journal, mount).some((entry) =>
      closingDigest(entry) === digest && entry.status === 201
    );
    if (pushed) yield "kept";
    else if (hasGoneOn(journal, mount)) yield broken(mount, "the blob was not pushed after it");
  }
}
