import { isObject } from "../../content/json_object.ts";
import type { Bytes } from "../../content/bytes.ts";
import { DEFAULT_LIMITS } from "../../content/limits.ts";
import { pieceReader, readAll } from "../../content/piece_reader.ts";
import { ApiError, AuthenticationError, NetworkError, TimeoutError } from "../../errors.ts";
import { Retries } from "../../transport/retry.ts";
import { DEFAULT_RETRY, type RetryPolicy } from "../../transport/retry_policy.ts";
import { untilAborted } from "../../transport/until_aborted.ts";
import { type Credential, VISIBLE_ASCII } from "../credential.ts";
import { redactSecrets } from "../redact_secrets.ts";
import type { ProviderSettings } from "./provider_options.ts";
import { serviceWords } from "./service_words.ts";

/** What is asked of a service that gives credentials. */
interface ServiceRequest {
  /** What is wanted, for messages: "get a token for ghcr.io". */
  what: string;
  url: URL;
  method: "GET" | "POST";
  headers: Readonly<Record<string, string>>;
  body?: string;
  /** What was sent that no message may repeat. */
  secrets: Readonly<Credential>;
  /** Codes of refusals that are an answer too. */
  accepts?: readonly string[];
}

export interface ServiceAnswer {
  /** The JSON object; empty for a refusal. */
  fields: Record<string, unknown>;
  /** The code of a refusal that is an answer too. */
  refusal?: string;
  headers: Headers;
}

/** How long a service may take with one answer, in milliseconds: they take well under a second. */
export const SERVICE_TIMEOUT_MS = 10_000;

/** The largest answer that is read, in bytes: tokens have up to some 10 KiB. */
const ANSWER_LIMIT = { name: "tokenBytes", bytes: DEFAULT_LIMITS.tokenBytes };

/** How often a request is sent that fails for a reason that may pass, and how long is waited. */
export const SERVICE_RETRY: RetryPolicy = { ...DEFAULT_RETRY, maxAttempts: 3 };

/** Statuses of overload and restarts. Google documents 503 of its metadata server. */
const PASSING_STATUSES = [429, 500, 502, 503, 504];

/**
 * Asks a service for a JSON object. No redirect is followed: what is sent is meant for one host.
 *
 * @throws {AuthenticationError} When the service refuses, redirects, or answers something else.
 * @throws {LimitError} When the answer is larger than 1 MiB.
 * @throws {TimeoutError} When there is no answer within 10 seconds.
 * @throws {NetworkError} When the service cannot be reached.
 */
export async function askService(
  settings: ProviderSettings,
  request: ServiceRequest,
): Promise<ServiceAnswer> {
  const { fetch, clock } = settings;
  const retries = new Retries({
    ...{ retry: SERVICE_RETRY, limits: DEFAULT_LIMITS, clock },
    random: () => 1, // a program asks once for all of its clients
  });
  for (;;) {
    try {
      return await askOnce(fetch, request);
    } catch (error) {
      const delay = mayPass(error) ? retries.failed() : undefined;
      if (delay === undefined) throw error;
      await clock.sleep(delay);
    }
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof NetworkError ||
    error instanceof AuthenticationError && PASSING_STATUSES.includes(error.statusCode ?? 0);
}

async function askOnce(
  fetch: typeof globalThis.fetch,
  request: ServiceRequest,
): Promise<ServiceAnswer> {
  const { what, url, method, headers, body } = request;
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort(
      new TimeoutError(
        `Cannot ${what}: ${url.host} did not answer within ${SERVICE_TIMEOUT_MS} ms`,
      ),
    );
  }, SERVICE_TIMEOUT_MS);
  try {
    const init: RequestInit = {
      method,
      headers: { accept: "application/json", ...headers },
      redirect: "manual",
      signal: timeout.signal,
      ...(body !== undefined && { body }),
    };
    const response = await untilAborted(fetch(url, init), timeout.signal);
    return await answerOf(request, response, timeout.signal);
  } catch (cause) {
    timeout.signal.throwIfAborted();
    if (cause instanceof ApiError) throw cause;
    throw new NetworkError(`Cannot ${what}: ${url.host} cannot be reached`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

async function answerOf(
  { what, url, secrets, accepts = [] }: ServiceRequest,
  response: Response,
  signal: AbortSignal,
): Promise<ServiceAnswer> {
  const { status, headers } = response;
  const refused = (why: string, statusCode?: number) =>
    new AuthenticationError(
      `Cannot ${what}: ${url.host} ${why}`,
      statusCode ? { statusCode } : {},
    );
  const redirects = response.type === "opaqueredirect" || response.redirected ||
    (status >= 300 && status < 400);
  if (redirects) {
    await response.body?.cancel().catch(() => {});
    throw refused("redirects, and what is sent is for no other host", status);
  }
  const bytes = await untilAborted(bodyOf(response, url), signal);
  if (!response.ok) {
    const { code, message } = serviceWords(bytes);
    if (code !== undefined && accepts.includes(code)) return { fields: {}, headers, refusal: code };
    const words = redactSecrets([code, message].filter(Boolean).join(": "), secrets);
    throw refused(`answers ${status}${words && ` ${words}`}`, status);
  }
  let fields: unknown;
  try {
    fields = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw refused("answers something that is not JSON"); // without the cause, which quotes it
  }
  if (!isObject(fields)) {
    throw refused("answers something that is not a JSON object");
  }
  return { fields: fields as Record<string, unknown>, headers };
}

async function bodyOf(response: Response, url: URL): Promise<Bytes> {
  if (response.body === null) return new Uint8Array(0);
  const reader = pieceReader(response.body as ReadableStream<Bytes>);
  return await readAll(reader, { ...ANSWER_LIMIT, what: `the answer of ${url.host}` });
}

/**
 * A token out of an answer's field.
 *
 * @throws {AuthenticationError} When there is none, or none that can be sent.
 */
export function tokenField(
  { fields }: ServiceAnswer,
  name: string,
  { what, url }: Pick<ServiceRequest, "what" | "url">,
): string {
  const value = fields[name];
  if (typeof value === "string" && VISIBLE_ASCII.test(value)) return value;
  throw new AuthenticationError(
    `Cannot ${what}: the answer of ${url.host} holds no usable ${name}`,
  );
}

/** The life of a token whose answer does not say, in seconds. */
const DEFAULT_LIFETIME_S = 60;

/** When a token ends whose answer has `expires_in`, in milliseconds since 1970. */
export function expiryOf({ fields }: ServiceAnswer, asked: number): number {
  const seconds = Number(fields.expires_in);
  return asked + 1_000 * (seconds > 0 ? seconds : DEFAULT_LIFETIME_S);
}
