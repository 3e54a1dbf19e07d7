import type { ErrorCode } from "../mod.ts";
import { OutputClosedError } from "./io.ts";

/** The exit codes of the command. */
export const EXIT_CODES = {
  done: 0,
  other: 1,
  usage: 2,
  notFound: 3,
  denied: 4,
  rateLimited: 5,
  mismatch: 6,
  network: 7,
  interrupted: 130,
  closed: 141, // what a shell says of a program that SIGPIPE ends: as tar, crane and oras do
} as const;

/** What an exit code stands for. */
export type Outcome = keyof typeof EXIT_CODES;

/** What each exit code means, as the documentation says it. */
export const EXIT_MEANINGS: Record<Outcome, string> = {
  done: "done",
  other: "anything else",
  usage: "usage: an option, argument or reference that cannot be used",
  notFound: "not found",
  denied: "unauthorized or forbidden",
  rateLimited: "rate limited",
  mismatch: "content does not match its digest or size",
  network: "network, TLS or time",
  interrupted: "interrupted; the next run of a copy goes on from there",
  closed: "nobody reads standard output any more; it is said by this code alone",
};

/**
 * The outcome of each error; `"cause"` where the error only says during what it happened, and its
 * cause decides.
 */
const OUTCOMES: Record<ErrorCode, Exclude<Outcome, "done" | "interrupted" | "closed"> | "cause"> = {
  AUTHENTICATION_FAILED: "denied",
  BAD_DIGEST: "mismatch",
  CERTIFICATE_REFUSED: "network",
  CONTENT_NOT_FOUND: "notFound",
  COPY_FAILED: "cause",
  CREDENTIALS: "other",
  DOWNLOAD_FAILED: "network",
  FORBIDDEN: "denied",
  HOST_REFUSED: "other",
  INTERNAL: "other",
  INVALID_ARCHIVE: "other",
  INVALID_CONTENT: "other",
  INVALID_DIGEST: "usage",
  INVALID_MANIFEST: "other",
  INVALID_OPTION: "usage",
  INVALID_REFERENCE: "usage",
  LIMIT_EXCEEDED: "other",
  MANIFEST_VERIFICATION: "mismatch",
  NETWORK: "network",
  NOT_FOUND: "notFound",
  PROXY_FAILED: "network",
  PRUNE_REFUSED: "other",
  RATE_LIMITED: "rateLimited",
  REFERRERS_LIST_FAILED: "cause",
  REGISTRY_RESPONSE: "other",
  SIZE_MISMATCH: "mismatch",
  SPARSE_INDEX_REFUSED: "other",
  STORAGE_FAILED: "other",
  TAG_IMMUTABLE: "other",
  TIMEOUT: "network",
  TOO_MANY_REDIRECTS: "network",
  UNAUTHORIZED: "denied",
  UNSAFE_PATH: "other",
  UNSUPPORTED: "other",
  UNSUPPORTED_RUNTIME: "other",
  UPLOAD_FAILED: "cause",
  WRONG_SCHEME: "network",
};

/** The outcome that an error means; errors of the file system have codes of their own. */
export function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof Error)) return "other";
  if (error instanceof OutputClosedError) return "closed";
  const { code, cause, statusCode = 0 } = error as Error & { code?: string; statusCode?: number };
  if (code === "ENOENT") return "notFound";
  // A token service that refuses nobody, and only cannot answer now.
  if (code === "AUTHENTICATION_FAILED" && statusCode === 429) return "rateLimited";
  if (code === "AUTHENTICATION_FAILED" && statusCode >= 500) return "other";
  const outcome = code !== undefined && Object.hasOwn(OUTCOMES, code)
    ? OUTCOMES[code as ErrorCode]
    : "cause";
  return outcome === "cause" ? outcomeOf(cause) : outcome;
}
