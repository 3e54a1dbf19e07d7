import { encodeText } from "../content/bytes.ts";

/**
 * The codes of errors: the specification's table, and the one of distribution's for pages.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
 */
export type RefusalCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DENIED"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "PAGINATION_NUMBER_INVALID"
  | "SIZE_INVALID"
  | "TOOMANYREQUESTS"
  | "UNAUTHORIZED"
  | "UNKNOWN"
  | "UNSUPPORTED";

/** What a refusal says beyond its status, code and message. */
interface RefusalOptions extends ErrorOptions {
  /** Headers of the response. */
  headers?: Record<string, string>;
  /** Whatever helps: becomes the error's `detail`. */
  detail?: unknown;
}

/** A request that is answered with an error: thrown by what handles it, sent as a response. */
export class Refusal extends Error {
  /** The HTTP status. */
  readonly status: number;
  /** The error's code. */
  readonly code: RefusalCode;
  /** Headers of the response. */
  readonly headers: Record<string, string>;
  /** Whatever helps. */
  readonly detail: unknown;

  /** An error response with one error in it. */
  constructor(status: number, code: RefusalCode, message: string, options: RefusalOptions = {}) {
    super(message, options);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
    this.detail = options.detail;
  }

  /** The response: the specification's JSON, without the body where the request was a HEAD. */
  response(method?: string): Response {
    const { code, detail, headers, message, status } = this;
    const error = { code, message, ...(detail !== undefined && { detail }) };
    return jsonResponse(JSON.stringify({ errors: [error] }), { status, headers, method });
  }
}

/** What a response of JSON has beside its body. */
interface JsonResponseOptions {
  /** The status. @default {200} */
  status?: number;
  /** More headers. */
  headers?: HeadersInit;
  /** The request's method: for HEAD no body is made. */
  method?: string | undefined;
}

/** A response of JSON that says its length: HEAD keeps it. */
export function jsonResponse(
  body: string,
  { status = 200, headers = {}, method }: JsonResponseOptions = {},
): Response {
  const bytes = encodeText(body);
  const response = new Response(method === "HEAD" ? null : bytes, { status, headers });
  if (!response.headers.has("content-type")) {
    response.headers.set("content-type", "application/json");
  }
  response.headers.set("content-length", String(bytes.byteLength));
  return response;
}

/**
 * The response, which no browser runs: a manifest or a blob may hold a page, and would act there with
 * whatever the reader may do.
 */
export function guarded(response: Response): Response {
  response.headers.set("x-content-type-options", "nosniff");
  response.headers.set("content-security-policy", "default-src 'none'; sandbox");
  return response;
}

/** A response without a body. */
export function emptyResponse(status: number, headers: HeadersInit = {}): Response {
  const response = new Response(null, { status, headers });
  if (status !== 204) response.headers.set("content-length", "0");
  return response;
}
