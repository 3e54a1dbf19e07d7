/**
 * Every error that davit throws. Each class has literal {@linkcode ApiError.code}s, so
 * `switch (error.code)` says what happened; messages read "Cannot <verb> <thing>: <current state>".
 * They are for people, name the registry and the repository, and may change; codes do not.
 *
 * Switch on `code`, rather than on the class: where a program holds two copies of this package (the
 * ES modules and the CommonJS of one build, or two versions), `instanceof` knows only the classes of
 * its own copy, and codes are the same in all.
 *
 * An aborted call throws the signal's own reason, not one of these. That of `AbortSignal.timeout()`
 * is a `DOMException` with the name "TimeoutError" and a number as its `code`; a time limit of davit's
 * own ends in a {@linkcode TimeoutError}, with the code `"TIMEOUT"` and the name "DavitTimeoutError".
 *
 * @example Tell the call's own time limit from one of davit's
 * ```ts
 * import { RegistryClientV2 } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const never: typeof fetch = () => new Promise(() => {}); // leave it out: this host never answers
 * const client = new RegistryClientV2({
 *   name: "localhost:5000/app",
 *   fetch: never,
 *   limits: { responseTimeout: 10 },
 *   retry: { maxAttempts: 1 },
 * });
 *
 * async function outcome(signal: AbortSignal): Promise<string> {
 *   try {
 *     await client.listTags({ signal });
 *     return "done";
 *   } catch (error) {
 *     if (signal.aborted) return "the signal's own reason";
 *     switch ((error as { code?: unknown }).code) {
 *       case "TIMEOUT":
 *         return "a limit of davit's: another try may help";
 *       case "UNAUTHORIZED":
 *         return "other credentials are needed";
 *       default:
 *         throw error;
 *     }
 *   }
 * }
 *
 * assertEquals(await outcome(new AbortController().signal), "a limit of davit's: another try may help");
 * assertEquals(await outcome(AbortSignal.timeout(0)), "the signal's own reason");
 * ```
 *
 * @module
 */

import type { DockerResponse, RegistryError } from "./docker_response.ts";

export type { RegistryError } from "./docker_response.ts";

/** What a registry said of its request quota. Counts are requests, windows seconds. */
export interface RateLimit {
  /** Requests allowed in the window. */
  limit?: number;
  /** Requests left in the window. */
  remaining?: number;
  /** The window's length in seconds. */
  window?: number;
}

/** The codes of {@linkcode DavitError}. */
export type ErrorCode = DavitError["code"];

/** Every error class of this package, as a union that `switch (error.code)` narrows. */
export type DavitError =
  | AuthenticationError
  | BadDigestError
  | CertificateError
  | ContentNotFoundError
  | CopyError
  | CredentialError
  | DownloadError
  | ForbiddenError
  | HostRefusedError
  | InternalError
  | InvalidArchiveError
  | InvalidContentError
  | InvalidDigestError
  | InvalidManifestError
  | InvalidOptionError
  | InvalidReferenceError
  | LimitError
  | ManifestVerificationError
  | NetworkError
  | NotFoundError
  | ProxyError
  | PruneRefusedError
  | RateLimitedError
  | ReferrersListError
  | RegistryResponseError
  | SizeMismatchError
  | SparseIndexRefusedError
  | StorageError
  | TagImmutableError
  | TimeoutError
  | TooManyRedirectsError
  | UnauthorizedError
  | UnsafePathError
  | UnsupportedError
  | UnsupportedRuntimeError
  | UploadError
  | WrongSchemeError;

/** The base of every error that davit throws. */
export class ApiError extends Error {
  /** The class's name, which stays the same in a minified bundle. */
  override name: string = "ApiError";
  /** What happened, as a literal that does not change between versions. */
  readonly code: string = "API_ERROR";
  /** Whether the same call may succeed if it is made again. */
  readonly retryable: boolean = false;

  /** An error with a message and, where there is one, the cause. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** An option or argument that cannot be used. */
export class InvalidOptionError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "InvalidOptionError";
  /** Names this kind of error. */
  override readonly code = "INVALID_OPTION";
}

/** A repository name, tag or reference that breaks the grammar. */
export class InvalidReferenceError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "InvalidReferenceError";
  /** Names this kind of error. */
  override readonly code = "INVALID_REFERENCE";
}

/** A digest that breaks the grammar, or whose algorithm cannot be computed here. */
export class InvalidDigestError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "InvalidDigestError";
  /** Names this kind of error. */
  override readonly code = "INVALID_DIGEST";
}

/** Content whose digest is not the one that was asked for. */
export class BadDigestError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "BadDigestError";
  /** Names this kind of error. */
  override readonly code = "BAD_DIGEST";
  /** The digest asked for. */
  readonly expected: string;
  /** The digest of what arrived; empty where a registry found that it differs, and did not say it. */
  readonly actual: string;

  /** Says which digest was asked for, and which one the bytes have. */
  constructor(message: string, options: ErrorOptions & { expected: string; actual: string }) {
    super(message, options);
    this.expected = options.expected;
    this.actual = options.actual;
  }
}

/** Content, or a tag, that a store does not have. */
export class ContentNotFoundError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "ContentNotFoundError";
  /** Names this kind of error. */
  override readonly code = "CONTENT_NOT_FOUND";
}

/** Content that is shorter or longer than it should be. */
export class SizeMismatchError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "SizeMismatchError";
  /** Names this kind of error. */
  override readonly code = "SIZE_MISMATCH";
  /** The size in bytes that was declared. */
  readonly expected: number;
  /** The bytes seen: the whole content, or as much as was read when it grew too long. */
  readonly actual: number;

  /** Says which size was declared, and how many bytes there are. */
  constructor(message: string, options: ErrorOptions & { expected: number; actual: number }) {
    super(message, options);
    this.expected = options.expected;
    this.actual = options.actual;
  }
}

/** A response that is not what the specification says: not JSON, a header missing, another type. */
export class InvalidContentError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "InvalidContentError";
  /** Names this kind of error. */
  override readonly code = "INVALID_CONTENT";
}

/** A manifest that is not JSON, not a manifest, or of a kind that is not supported. */
export class InvalidManifestError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "InvalidManifestError";
  /** Names this kind of error. */
  override readonly code = "INVALID_MANIFEST";
}

/** A manifest that says two things: its header, body, descriptor or digest disagree. */
export class ManifestVerificationError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "ManifestVerificationError";
  /** Names this kind of error. */
  override readonly code = "MANIFEST_VERIFICATION";
}

/** Something larger than the named limit for its kind; each limit is an option. */
export class LimitError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "LimitError";
  /** Names this kind of error. */
  override readonly code = "LIMIT_EXCEEDED";
  /** The limit's name among the options. */
  readonly limit: string;
  /** The limit's value: bytes, or a count. */
  readonly maximum: number;

  /** Names the limit and its value. */
  constructor(message: string, options: ErrorOptions & { limit: string; maximum: number }) {
    super(message, options);
    this.limit = options.limit;
    this.maximum = options.maximum;
  }
}

/** A disk that does not take or give content: it is full, read-only, or not this user's to use. */
export class StorageError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "StorageError";
  /** Names this kind of error. */
  override readonly code = "STORAGE_FAILED";
  /** The file or folder. */
  readonly path: string;

  /** Names the file or folder; the cause is the system's own error. */
  constructor(message: string, options: ErrorOptions & { path: string }) {
    super(message, options);
    this.path = options.path;
  }
}

/**
 * A time limit of davit's own ended the wait: `limits.responseTimeout` or `limits.stallTimeout`. A
 * signal's time limit, as of `AbortSignal.timeout()`, is no such error: the call then throws the
 * signal's reason, a `DOMException` with the name "TimeoutError".
 */
export class TimeoutError extends ApiError {
  /** Not the class's: "TimeoutError" is what a signal's own reason is called. */
  override name = "DavitTimeoutError";
  /** Names this kind of error. */
  override readonly code = "TIMEOUT";
  /** Another try may help. */
  override readonly retryable = true;
}

/** A connection could not be made, or broke. */
export class NetworkError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "NetworkError";
  /** Names this kind of error. */
  override readonly code = "NETWORK";
  /** Whether another try may help: not where a browser has never let an answer of the host through. */
  override readonly retryable: boolean;

  /** A broken connection; another try may help unless it is said otherwise. */
  constructor(message: string, options?: ErrorOptions & { retryable?: boolean }) {
    super(message, options);
    this.retryable = options?.retryable ?? true;
  }
}

/**
 * A host was spoken to by https and does not speak TLS, or by http and does. No other try helps; the
 * message says which option does.
 */
export class WrongSchemeError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "WrongSchemeError";
  /** Names this kind of error. */
  override readonly code = "WRONG_SCHEME";
  /** The host, with its port where it has one. */
  readonly host: string;
  /** How it was spoken to, in vain. */
  readonly scheme: "http" | "https";

  /** Names the host, and the scheme that is wrong for it. */
  constructor(message: string, options: ErrorOptions & { host: string; scheme: "http" | "https" }) {
    super(message, options);
    this.host = options.host;
    this.scheme = options.scheme;
  }
}

/** A download that ended early and could not be resumed. */
export class DownloadError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "DownloadError";
  /** Names this kind of error. */
  override readonly code = "DOWNLOAD_FAILED";
  /** Another try may help. */
  override readonly retryable = true;
}

/** An upload that failed after bytes were sent. */
export class UploadError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "UploadError";
  /** Names this kind of error. */
  override readonly code = "UPLOAD_FAILED";
  /** Whether the same call may succeed: never for a stream that has been read. */
  override readonly retryable: boolean;

  /** An upload's failure; `retryable` is false unless said otherwise. */
  constructor(message: string, options?: ErrorOptions & { retryable?: boolean }) {
    super(message, options);
    this.retryable = options?.retryable ?? false;
  }
}

/** What is known of a {@linkcode ReferrersListError}. */
export interface ReferrersListErrorOptions extends ErrorOptions {
  /** The referrer. */
  digest: string;
  /** What it is attached to. */
  subject: string;
  /** Whether the referrer is in the registry. */
  pushed: boolean;
  /** Whether the same call may succeed. @default {the cause's, else false} */
  retryable?: boolean;
}

/**
 * The list of a subject's referrers, kept under a tag where a registry has no referrers API, could
 * not be written. With `pushed` the manifest itself has landed: only the list lacks it.
 */
export class ReferrersListError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "ReferrersListError";
  /** Names this kind of error. */
  override readonly code = "REFERRERS_LIST_FAILED";
  /** The referrer that the list lacks, or still has. */
  readonly digest: string;
  /** The digest of what it is attached to. */
  readonly subject: string;
  /** Whether the referrer is in the registry, although the list lacks it. */
  readonly pushed: boolean;
  /** Whether the same call may succeed: to push a manifest again is harmless. */
  override readonly retryable: boolean;

  /** Says whose list it is; retryable where its cause is. */
  constructor(message: string, options: ReferrersListErrorOptions) {
    super(message, options);
    const { digest, subject, pushed, cause } = options;
    this.digest = digest;
    this.subject = subject;
    this.pushed = pushed;
    this.retryable = options.retryable ?? (cause instanceof ApiError && cause.retryable);
  }
}

/** More redirects than the limit, or a redirect to where it came from. */
export class TooManyRedirectsError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "TooManyRedirectsError";
  /** Names this kind of error. */
  override readonly code = "TOO_MANY_REDIRECTS";
}

/** A host that `allowHost`, or a rule about other origins, does not let davit talk to. */
export class HostRefusedError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "HostRefusedError";
  /** Names this kind of error. */
  override readonly code = "HOST_REFUSED";
  /** The host, with its port where it has one. */
  readonly host: string;

  /** Names the host that was refused. */
  constructor(message: string, options: ErrorOptions & { host: string }) {
    super(message, options);
    this.host = options.host;
  }
}

/**
 * TLS with a host failed over a certificate: the host's is not trusted, has expired or is another
 * host's, or the host wants one of the client's. No other try helps; the message says which entry of
 * `hosts` does.
 */
export class CertificateError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "CertificateError";
  /** Names this kind of error. */
  override readonly code = "CERTIFICATE_REFUSED";
  /** The host, with its port where it has one. */
  readonly host: string;

  /** Names the host whose certificate it is, or that wants one. */
  constructor(message: string, options: ErrorOptions & { host: string }) {
    super(message, options);
    this.host = options.host;
  }
}

/** A proxy that cannot be reached, or that refuses: 407 when it wants a user name and password. */
export class ProxyError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "ProxyError";
  /** Names this kind of error. */
  override readonly code = "PROXY_FAILED";
  /** The proxy's host, with its port where it has one. */
  readonly proxy: string;
  /** The proxy's status, where it answered. */
  readonly statusCode?: number;
  /** Whether the same call may succeed: not where the proxy refused. */
  override readonly retryable: boolean;

  /** Names the proxy; its status says whether another try may help. */
  constructor(message: string, options: ErrorOptions & { proxy: string; statusCode?: number }) {
    super(message, options);
    const { proxy, statusCode } = options;
    this.proxy = proxy;
    if (statusCode !== undefined) this.statusCode = statusCode;
    this.retryable = statusCode === undefined || RETRYABLE_STATUSES.includes(statusCode);
  }
}

/** What a token service answered, where an {@linkcode AuthenticationError} comes of an answer. */
export interface AuthenticationErrorOptions extends ErrorOptions {
  /** The token service's status. */
  statusCode?: number | undefined;
  /** Its refusal, without what it may repeat of the credentials. */
  resp?: DockerResponse | undefined;
  /** The errors in that. */
  errors?: RegistryError[] | undefined;
  /** Whether it refuses the credentials, or a request that has none to bring. @default {false} */
  refused?: boolean | undefined;
  /** The origin of the registry that it speaks for. */
  registry?: string | undefined;
}

/**
 * A challenge that cannot be met, or a token service that refused or answered nonsense. Its `code` is
 * `"UNAUTHORIZED"` where the token service refused the credentials, or gives nothing without any: so
 * a wrong password has one code, whether the registry itself finds it wrong or its token service.
 */
export class AuthenticationError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "AuthenticationError";
  /** Names this kind of error: `"UNAUTHORIZED"` where the token service refused. */
  override readonly code: "AUTHENTICATION_FAILED" | "UNAUTHORIZED";
  /** The token service's status, where it answered. */
  readonly statusCode?: number;
  /** The origin of the registry that the token service speaks for, where it answered. */
  readonly registry: string | undefined;
  /** Whether the same call may succeed: where the token service is overloaded, say. */
  override readonly retryable: boolean;
  readonly #resp: DockerResponse | undefined;
  /** The token service's own errors; empty where it gave none. */
  readonly errors: RegistryError[];

  /** A failure to authenticate, with what the token service answered. */
  constructor(message: string, options: AuthenticationErrorOptions = {}) {
    super(message, options);
    const { resp, statusCode = resp?.status, errors = [], registry } = options;
    this.code = options.refused ? "UNAUTHORIZED" : "AUTHENTICATION_FAILED";
    if (statusCode !== undefined) this.statusCode = statusCode;
    this.registry = registry;
    this.retryable = RETRYABLE_STATUSES.includes(statusCode!); // false without one
    this.#resp = resp;
    this.errors = errors;
  }

  /** The token service's refusal, where there was one. It does not show when the error is printed. */
  get resp(): DockerResponse | undefined {
    return this.#resp;
  }
}

/**
 * Credentials that cannot be read or kept: a config file that is broken, a credential helper that
 * fails. Neither the message nor anything else holds what is in the file or what the helper said.
 */
export class CredentialError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "CredentialError";
  /** Names this kind of error. */
  override readonly code = "CREDENTIALS";
  /** Where they should have come from: a file's path, a variable's or a helper's name. */
  readonly source: string;

  /** Names the file, variable or helper that is at fault. */
  constructor(message: string, options: ErrorOptions & { source: string }) {
    super(message, options);
    this.source = options.source;
  }
}

/** Something that this runtime cannot do: files in a browser, say. */
export class UnsupportedRuntimeError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "UnsupportedRuntimeError";
  /** Names this kind of error. */
  override readonly code = "UNSUPPORTED_RUNTIME";
}

/** A bug in davit: please report it. */
export class InternalError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "InternalError";
  /** Names this kind of error. */
  override readonly code = "INTERNAL";
}

/** What else is known of an {@linkcode HttpError}. */
export interface HttpErrorOptions extends ErrorOptions {
  /** The request's method. @default {""} */
  method?: string;
  /** The request's URL, without secrets. @default {the response's} */
  url?: string;
  /** How long to wait before another try, in milliseconds, as `Retry-After` said. */
  retryAfter?: number;
  /** The registry's quota, where it was told. */
  rateLimit?: RateLimit;
}

/** Statuses worth another try: the specification names none, these are what registries mean. */
const RETRYABLE_STATUSES = [408, 425, 429, 500, 502, 503, 504];

/** A response with an error status. Its subclasses name the ones that programs ask about. */
export class HttpError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "HttpError";
  readonly #resp: DockerResponse;
  /** The registry's own errors, in its own words; empty where it gave none. */
  readonly errors: RegistryError[];
  /** The registry's own codes, such as `MANIFEST_UNKNOWN`. */
  readonly codes: string[];
  /** The HTTP status. */
  readonly statusCode: number;
  /** The request's method. */
  readonly method: string;
  /** The request's URL, without secrets. */
  readonly url: string;
  /** Whether the status is one that may pass: overload, restarts and time-outs. */
  override readonly retryable: boolean;
  /** How long to wait before another try, in milliseconds, as `Retry-After` said. */
  readonly retryAfter?: number;
  /** The registry's quota, where it was told. */
  readonly rateLimit?: RateLimit;

  /** An error of the registry's. */
  constructor(
    resp: DockerResponse,
    errors: RegistryError[],
    message: string,
    options: HttpErrorOptions = {},
  ) {
    super(message, options);
    this.#resp = resp;
    this.errors = errors;
    this.codes = errors.flatMap((error) => error.code ?? []);
    this.statusCode = resp.status;
    this.method = options.method ?? "";
    this.url = options.url ?? resp.url;
    this.retryable = RETRYABLE_STATUSES.includes(resp.status);
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
    if (options.rateLimit !== undefined) this.rateLimit = options.rateLimit;
  }

  /**
   * The response, with as much of its body as was read. It does not show when the error is printed:
   * its headers may hold signed URLs and cookies.
   */
  get resp(): DockerResponse {
    return this.#resp;
  }
}

/** 401: no credentials, or ones that the registry does not take. */
export class UnauthorizedError extends HttpError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "UnauthorizedError";
  /** Names this kind of error. */
  override readonly code = "UNAUTHORIZED";
}

/** 403: the credentials do not allow this. */
export class ForbiddenError extends HttpError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "ForbiddenError";
  /** Names this kind of error. */
  override readonly code = "FORBIDDEN";
}

/** 404: no such repository, tag, manifest, blob or upload; `codes` says which. */
export class NotFoundError extends HttpError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "NotFoundError";
  /** Names this kind of error. */
  override readonly code = "NOT_FOUND";
}

/** The registry does not do this: 405, or the code `UNSUPPORTED`. */
export class UnsupportedError extends HttpError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "UnsupportedError";
  /** Names this kind of error. */
  override readonly code = "UNSUPPORTED";
}

/** The tag names another manifest already, and the registry does not let it move. */
export class TagImmutableError extends HttpError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "TagImmutableError";
  /** Names this kind of error. */
  override readonly code = "TAG_IMMUTABLE";
}

/** 429: too many requests; `retryAfter` and `rateLimit` say what is known. */
export class RateLimitedError extends HttpError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "RateLimitedError";
  /** Names this kind of error. */
  override readonly code = "RATE_LIMITED";
}

/** Any other status that is not a success. */
export class RegistryResponseError extends HttpError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "RegistryResponseError";
  /** Names this kind of error. */
  override readonly code = "REGISTRY_RESPONSE";
}

/** A tar that is broken, cut, or of a form that is not supported. */
export class InvalidArchiveError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "InvalidArchiveError";
  /** Names this kind of error. */
  override readonly code = "INVALID_ARCHIVE";
}

/** A file name, a title or the target of a link that could lead out of the folder it is for. */
export class UnsafePathError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "UnsafePathError";
  /** Names this kind of error. */
  override readonly code = "UNSAFE_PATH";
  /** The name as it was given. */
  readonly path: string;

  /** Names the name. */
  constructor(message: string, options: ErrorOptions & { path: string }) {
    super(message, options);
    this.path = options.path;
  }
}

/** What content is: the three fields that every descriptor has. */
export interface ContentDescriptor {
  /** The content's media type. */
  mediaType: string;
  /** The content's digest. */
  digest: string;
  /** The content's size in bytes. */
  size: number;
}

/** Which store of a copy an error comes from. */
export type CopySide = "source" | "target";

/** What is known of a {@linkcode CopyError}. */
export interface CopyErrorOptions extends ErrorOptions {
  /** The store that failed, or whose content is at fault. */
  side: CopySide;
  /** What was being copied, where that was known already. */
  descriptor?: ContentDescriptor;
}

/**
 * A copy that failed: on which side, at which content. The `cause` is the store's own error; the
 * target is consistent, and the next copy goes on where this one ended.
 */
export class CopyError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "CopyError";
  /** Names this kind of error. */
  override readonly code = "COPY_FAILED";
  /** The store that failed, or whose content is at fault. */
  readonly side: CopySide;
  /** What was being copied; none where a tag could not be resolved, say. */
  readonly descriptor?: ContentDescriptor;
  /** Whether the same copy may succeed: as the cause says. */
  override readonly retryable: boolean;

  /** Names the side and the content. */
  constructor(message: string, options: CopyErrorOptions) {
    super(message, options);
    this.side = options.side;
    if (options.descriptor !== undefined) this.descriptor = options.descriptor;
    this.retryable = options.cause instanceof ApiError && options.cause.retryable;
  }
}

/** A target that does not take an index of which it lacks manifests; nothing was copied. */
export class SparseIndexRefusedError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "SparseIndexRefusedError";
  /** Names this kind of error. */
  override readonly code = "SPARSE_INDEX_REFUSED";
  /** The index. */
  readonly descriptor: ContentDescriptor;

  /** Names the index. */
  constructor(message: string, options: ErrorOptions & { descriptor: ContentDescriptor }) {
    super(message, options);
    this.descriptor = options.descriptor;
  }
}

/** A repository that is not pruned, as it cannot be seen whole; nothing was removed. */
export class PruneRefusedError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "PruneRefusedError";
  /** Names this kind of error. */
  override readonly code = "PRUNE_REFUSED";
}
