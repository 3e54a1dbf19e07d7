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
import { parseRateLimit } from "./rate_limit.ts";
import { parseRetryAfter } from "./retry.ts";

/** How much of a registry's words a message repeats, in characters: about a screen. */
const WORDS_CHARACTERS = 2_000;

/** How much of its errors' details, in characters: distribution repeats whole lists of rights. */
const DETAIL_CHARACTERS = 300;

/** Codes that say what was wrong with a request, so that its 400 does not mean "not supported". */
const REQUEST_CODES = ["DIGEST_INVALID", "NAME_INVALID", "TAG_INVALID", "MANIFEST_INVALID"];

/** A manifest by its tag. docker-registry 2.8.2 deletes none: it misses a digest in its place. */
const TAG_URL = /\/manifests\/[^/:]+$/;

/** A response, and what is known of it. */
interface FailedResponse extends Omit<HttpErrorOptions, "retryAfter" | "rateLimit"> {
  /** The response. */
  resp: DockerResponse;
  /** The time now, which a `Retry-After` is counted from. @default {the machine's} */
  now?: number;
  /** The registry's own errors. */
  errors: RegistryError[];
  /** Takes secrets out of what else the registry says. */
  redact?: (words: string) => string;
  /** What is known beside the registry's words, each for a pair of parentheses. @default {[]} */
  notes?: readonly string[];
  /** What to do about it, a sentence. @default {none} */
  advice?: string | undefined;
}

/** What to do about a registry's errors: a sentence, where there is one. */
export type AdviceOn = (errors: readonly RegistryError[]) => string | undefined;

/** The error class for a response, with the registry's own words after the message. */
export function httpError(message: string, options: FailedResponse): HttpError {
  const { resp, errors, redact = (words) => words, notes = [], advice } = options;
  const words = errors.map(({ code, message }) => [code, message].filter(Boolean).join(": "))
    .filter((each) => each !== "");
  const own = words.length === 0 ? redact(resp.statusText) : [...new Set(words)].join("; ");
  const said = cut(own, WORDS_CHARACTERS);
  // A proxy's page is called "502 Bad Gateway".
  const status = said.startsWith(String(resp.status)) ? "" : resp.status;
  const known = notes.map((note) => `(${note})`);
  const text = [`${message}:`, status, said, ...known].filter(Boolean).join(" ");
  const retryAfter = parseRetryAfter(resp.headers.get("retry-after"), options.now ?? Date.now());
  const rateLimit = parseRateLimit(resp.headers);
  const sentences = [`${text}${details(errors, said)}`, patience(resp.status, retryAfter), advice];
  return new (errorClass(options))(resp, errors, sentences.filter(Boolean).join(". "), {
    ...options,
    ...(retryAfter !== undefined && { retryAfter }),
    ...(rateLimit !== undefined && { rateLimit }),
  });
}

/** What the errors say in detail, where their words do not say it. */
function details(errors: readonly RegistryError[], said: string): string {
  const found = errors.map(({ detail }: { detail?: unknown }) =>
    typeof detail === "string" ? detail : JSON.stringify(detail) ?? ""
  ).filter((text) => !EMPTY_DETAILS.includes(text) && !said.includes(text));
  const text = cut([...new Set(found)].join(", "), DETAIL_CHARACTERS);
  return text && `; detail: ${text}`;
}

/** What encoders make of no detail. */
const EMPTY_DETAILS = ["", "null", "{}", "[]"];

/** How long the registry wants to be left alone, where it said so. */
function patience(status: number, retryAfter = 0): string {
  if (retryAfter <= 0 || ![429, 503].includes(status)) return "";
  return `Try again in ${Math.ceil(retryAfter / 1_000)} s`;
}

/** Words on one line, cut, and without what would write to a terminal; `errors` has them whole. */
function cut(words: string, characters: number): string {
  const text = words.replace(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim();
  return text.length > characters ? `${text.slice(0, characters)}…` : text;
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
