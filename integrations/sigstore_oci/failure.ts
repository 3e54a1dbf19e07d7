import {
  AuthenticationError,
  HttpError,
  InvalidContentError,
  TimeoutError,
  TooManyRedirectsError,
  UnauthorizedError,
} from "../../errors.ts";
import { OCIError } from "./oci_error.ts";

/** What a request of each method should be answered with. */
const EXPECTED: Record<string, number> = { POST: 202, PATCH: 202, PUT: 201 };

const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * Runs a call; what it throws becomes an {@linkcode OCIError}, but for the signal's own reason.
 *
 * @param message What the original says of any failure; the reason's own message follows it.
 */
export async function orOCIError<T>(
  message: string,
  signal: AbortSignal | undefined,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    signal?.throwIfAborted();
    const cause = inOriginalTerms(error);
    throw new OCIError({ message: `${message}: ${(cause as Error)?.message ?? cause}`, cause });
  }
}

/** Appends to an error's message what programs may look for there, as the original words it. */
function inOriginalTerms(error: unknown): unknown {
  const terms = termsOf(error);
  if (terms !== undefined && error instanceof Error && !error.message.includes(terms)) {
    error.message += ` (${terms})`;
  }
  return error;
}

function termsOf(error: unknown): string | undefined {
  if (error instanceof UnauthorizedError) {
    const challenge = error.resp.headers.get("www-authenticate") ?? "";
    if (!/\b(?:basic|bearer)\b/i.test(challenge)) return `Invalid challenge: ${challenge}`;
  }
  if (error instanceof HttpError || error instanceof AuthenticationError) {
    const { statusCode } = error;
    if (statusCode === undefined) return undefined;
    // All that have a Location have been followed.
    if (REDIRECTS.includes(statusCode)) return "redirect location header missing";
    const method = error instanceof HttpError ? error.method : "GET";
    return `expected ${EXPECTED[method] ?? 200}, received ${statusCode}`;
  }
  if (error instanceof TimeoutError) return "network timeout";
  if (error instanceof TooManyRedirectsError) return "maximum redirect reached";
  if (error instanceof InvalidContentError && /no Location$/.test(error.message)) {
    return "missing location header";
  }
  return undefined;
}
