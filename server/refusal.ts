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
export interface RefusalOptions extends ErrorOptions {
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

  /** The response: the specification's JSON. */
  response(): Response {
    const body = JSON.stringify({
      errors: [{
        code: this.code,
        message: this.message,
        ...(this.detail !== undefined && { detail: this.detail }),
      }],
    });
    return jsonResponse(body, { status: this.status, headers: this.headers });
  }
}

/** A response of JSON that says its length: HEAD keeps it. */
export function jsonResponse(
  body: string,
  { status = 200, headers = {} }: { status?: number; headers?: HeadersInit } = {},
): Response {
  const bytes = new TextEncoder().encode(body);
  const response = new Response(bytes, { status, headers });
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
