import type { DockerResponse, RegistryError } from "../docker_response.ts";
import {
  ForbiddenError,
  type HttpError,
  type HttpErrorOptions,
  NotFoundError,
  RateLimitedError,
  RegistryResponseError,
  TagImmutableError,
  UnauthorizedError,
  UnsupportedError,
} from "../errors.ts";

/** How much of a registry's words a message repeats, in characters: about a screen. */
const WORDS_CHARACTERS = 2_000;

/** Codes that say what was wrong with a request, so that its 400 does not mean "not supported". */
const REQUEST_CODES = ["DIGEST_INVALID", "NAME_INVALID", "TAG_INVALID", "MANIFEST_INVALID"];

/** A manifest by its tag. docker-registry 2.8.2 deletes none: it misses a digest in its place. */
const TAG_URL = /\/manifests\/[^/:]+$/;

/** A response, and what is known of it. */
export interface FailedResponse extends HttpErrorOptions {
  /** The response. */
  resp: DockerResponse;
  /** The registry's own errors. */
  errors: RegistryError[];
  /** Takes secrets out of what else the registry says. */
  redact?: (words: string) => string;
}

/** The error class for a response, with the registry's own words after the message, and a reason. */
export function httpError(message: string, options: FailedResponse, reason?: string): HttpError {
  const { resp, errors, redact = (words) => words } = options;
  const words = errors.map(({ code, message }) => [code, message].filter(Boolean).join(": "));
  const said = plain(words.length === 0 ? redact(resp.statusText) : words.join("; "));
  const why = reason && `(${reason})`;
  // A proxy's page is called "502 Bad Gateway".
  const status = said.startsWith(String(resp.status)) ? "" : resp.status;
  const text = [`${message}:`, status, said, why].filter(Boolean).join(" ");
  return new (errorClass(options))(resp, errors, `${text}${patience(options)}`, options);
}

/** How long the registry wants to be left alone, where it said so. */
function patience({ resp, retryAfter = 0 }: FailedResponse): string {
  if (retryAfter <= 0 || ![429, 503].includes(resp.status)) return "";
  return `. Try again in ${Math.ceil(retryAfter / 1_000)} s`;
}

/** Words on one line, cut, and without what would write to a terminal; `errors` has them whole. */
function plain(words: string): string {
  const text = words.replace(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim();
  return text.length > WORDS_CHARACTERS ? `${text.slice(0, WORDS_CHARACTERS)}…` : text;
}

function errorClass({ resp, errors, method, url = "" }: FailedResponse): typeof HttpError {
  const { status } = resp;
  const codes = errors.map((error) => error.code);
  if (method === "PUT" && errors.some(isImmutableTag)) return TagImmutableError;
  if (status === 401) return UnauthorizedError;
  if (status === 403) return ForbiddenError;
  if (status === 404) return NotFoundError;
  if (status === 429) return RateLimitedError;
  if (status === 405 || codes.includes("UNSUPPORTED")) return UnsupportedError;
  const explained = codes.some((code) =>
    REQUEST_CODES.includes(code ?? "") && !(code === "DIGEST_INVALID" && TAG_URL.test(url))
  );
  if (method === "DELETE" && status === 400 && !explained) return UnsupportedError;
  return RegistryResponseError;
}

/** ECR, Harbor and Docker Hub say it in words of their own; all of them use this one. */
function isImmutableTag({ code, message }: { code?: string; message: string }): boolean {
  return code === "TAG_IMMUTABLE" || /\bimmutab(le|ility)\b/i.test(message);
}
