import { type OpenBody, openBody } from "../content/body.ts";
import { BadDigestError, InvalidContentError, InvalidOptionError } from "../errors.ts";
import { type Bytes, EMPTY, toBytes } from "../content/bytes.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { type Digest, hashAlgorithm, parseDigest } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import type { HashAlgorithm } from "../content/hasher.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "../transport/channel.ts";
import { leaveBody, sendExpecting } from "../transport/expect.ts";
import { checkAnsweredDigest } from "./answered_digest.ts";
import {
  ENDPOINT_OPTIONS,
  type EndpointOptions,
  fullName,
  repositoryRequest,
  resolveUrl,
} from "./request.ts";

/** An upload under way. Each answer makes a new one: the location may change with every request. */
export interface UploadSession {
  /** Where the next request goes: a whole URL. */
  readonly location: string;
  /** How many bytes the registry has. */
  readonly offset: number;
  /** The smallest chunk that the registry takes, but for the last one, in bytes. */
  readonly minChunk?: number;
  /** The largest body that the registry takes in one request, in bytes. */
  readonly maxChunk?: number;
  /** Whether the blob was mounted: then nothing is to be sent, and the location is the blob's. */
  readonly mounted?: boolean;
  /** Whether the upload is complete: then nothing is to be sent, and the location is the blob's. */
  readonly completed?: boolean;
}

/** Options of {@linkcode startBlobUpload}. */
export interface StartUploadOptions extends EndpointOptions {
  /** The algorithm of the digest that will close the upload; sha512 is named beforehand (end-4c). */
  digestAlgorithm?: HashAlgorithm;
}

/** Their names. */
export const START_UPLOAD_OPTIONS: OptionNames<StartUploadOptions> = names(
  "digestAlgorithm",
  ENDPOINT_OPTIONS,
);

/** What closes an upload. */
export interface CompleteUploadResult {
  /** The blob's digest. */
  digest: string;
  /** Where the registry says that the blob is; some say nothing, or nothing useful. */
  location?: string;
}

/** The statuses that take a chunk: 202 by the specification, ECR answers 201. */
const CHUNK_TAKEN = [200, 201, 202, 204];

/** The statuses that close an upload: 201 by the specification, 204 as seen. */
const CLOSED = [200, 201, 204];

/**
 * Starts an upload (end-4a). The request has no body, so that authentication is settled before any
 * byte is sent.
 *
 * @throws {UnauthorizedError} When the registry asks for other credentials.
 * @throws {NotFoundError} When there is no such repository, and pushing does not make it.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs
 */
export async function startBlobUpload(
  channel: Channel,
  repository: string,
  options: StartUploadOptions = {},
): Promise<UploadSession> {
  checkOptions(options, START_UPLOAD_OPTIONS);
  const { digestAlgorithm } = options;
  const request = uploadRequest(channel, repository, {
    // sha256 is what every registry expects: only the other one is named.
    ...(digestAlgorithm === "sha512" && { "digest-algorithm": digestAlgorithm }),
  }, options);
  const answer = await sendExpecting(channel, request, [202]);
  return await sessionOf(channel, request, answer);
}

/**
 * Pushes a whole blob in the request that starts the upload (end-4b). A registry that does not do
 * that answers an upload to go on with: then the session is not `completed`, and has no bytes.
 *
 * @throws {BadDigestError} When the bytes have another digest.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#single-post
 */
export async function postBlob(
  channel: Channel,
  repository: string,
  expected: string,
  data: Uint8Array,
  options: EndpointOptions = {},
): Promise<UploadSession> {
  checkOptions(options, ENDPOINT_OPTIONS);
  const digest = parseDigest(expected);
  if (!(data instanceof Uint8Array)) {
    throw new InvalidOptionError(
      `Cannot use 'data' as it must be a Uint8Array: current value is ${typeof data}`,
    );
  }
  const bytes = toBytes(data);
  const actual = await digestOf(bytes, hashAlgorithm(digest));
  if (actual !== digest) {
    throw new BadDigestError(
      `Cannot push the blob ${digest} to ${fullName(channel, repository)}: its ` +
        `${bytes.byteLength} bytes have the digest ${actual}`,
      { expected: digest, actual },
    );
  }
  return await postBytes(channel, repository, digest, bytes, options);
}

/** The same for bytes that are known to have the digest. */
export async function postBytes(
  channel: Channel,
  repository: string,
  digest: Digest,
  bytes: Bytes,
  options: EndpointOptions,
): Promise<UploadSession> {
  const request = uploadRequest(channel, repository, { digest }, options);
  request.headers.set("content-type", MEDIA_TYPES.octetStream);
  const answer = await sendExpecting(channel, { ...request, body: openBody(bytes) }, [201, 202]);
  if (answer.response.status === 202) return await sessionOf(channel, request, answer);
  checkAnsweredDigest(request.what, digest, answer.response.headers);
  const offset = bytes.byteLength;
  const blob = { location: `/v2/${repository}/blobs/${digest}`, offset };
  return { ...await sessionOf(channel, request, answer, offset, blob), completed: true };
}

/**
 * Sends a chunk (end-5). The chunk's offset is the session's.
 *
 * @throws {RegistryResponseError} With status 416 when the registry has other bytes than those.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks
 */
export async function uploadBlobChunk(
  channel: Channel,
  repository: string,
  session: UploadSession,
  data: Uint8Array,
  options: EndpointOptions = {},
): Promise<UploadSession> {
  checkOptions(options, ENDPOINT_OPTIONS);
  checkSession(session);
  if (!(data instanceof Uint8Array)) {
    throw new InvalidOptionError(
      `Cannot send a chunk as 'data' must be a Uint8Array: current value is ${typeof data}`,
    );
  }
  if (data.byteLength === 0) {
    throw new InvalidOptionError("Cannot send a chunk as 'data' must not be empty");
  }
  const next = await sendChunk(channel, repository, session, openBody(data), options);
  const { session: { offset }, taken } = next;
  if (taken !== undefined && taken > offset) {
    throw new InvalidContentError(
      `Cannot send a chunk to ${fullName(channel, repository)}: the registry has ${taken} bytes ` +
        `of the ${offset} sent`,
    );
  }
  return next.session;
}

/** An upload after a request. */
export interface UploadProgress {
  /** How to go on. */
  session: UploadSession;
  /** How many bytes the registry says that it has; not all say so. */
  taken: number | undefined;
}

/**
 * Sends a body by PATCH (end-5). Without a `Content-Range` it may be any size: with one, GHCR takes
 * no more than 4 MiB, and others want no gaps.
 */
export async function sendChunk(
  channel: Channel,
  repository: string,
  session: UploadSession,
  body: OpenBody,
  options: EndpointOptions & { contentRange?: boolean } = {},
): Promise<UploadProgress> {
  const { contentRange = true } = options;
  const request = locationRequest(channel, "PATCH", repository, session, options);
  if (contentRange) setContentRange(request, session, body);
  const answer = await sendExpecting(
    channel,
    { ...request, body, repeatable: false },
    CHUNK_TAKEN,
  );
  // The size of a body that is counted while it is read is known by now.
  const offset = session.offset + (body.size ?? 0);
  return {
    session: await sessionOf(channel, request, answer, offset, session),
    taken: rangeEnd(answer.response.headers),
  };
}

/**
 * Asks how many bytes of an upload the registry has (end-13).
 *
 * @throws {NotFoundError} When the upload is gone, or the registry does not tell.
 */
export async function getBlobUploadStatus(
  channel: Channel,
  repository: string,
  session: UploadSession,
  options: EndpointOptions = {},
): Promise<UploadSession> {
  checkOptions(options, ENDPOINT_OPTIONS);
  checkSession(session);
  return (await uploadProgress(channel, repository, session, options)).session;
}

/** The same, with what the registry itself said: the session's own count stands where it says none. */
export async function uploadProgress(
  channel: Channel,
  repository: string,
  session: UploadSession,
  options: EndpointOptions,
): Promise<UploadProgress> {
  const request = locationRequest(channel, "GET", repository, session, options);
  const answer = await sendExpecting(channel, request, [200, 202, 204]);
  const taken = rangeEnd(answer.response.headers);
  // An empty upload says `0-0` (distribution, zot), `0--1` (olareg) or nothing.
  const offset = taken === 1 && session.offset !== 1 ? 0 : taken ?? session.offset;
  return { session: await sessionOf(channel, request, answer, offset, session), taken };
}

/**
 * Closes an upload with its digest, and with the last bytes where there are some (end-6).
 *
 * @throws {RegistryResponseError} When the registry finds another digest.
 * @throws {BadDigestError} When the registry answers another digest.
 */
export async function completeBlobUpload(
  channel: Channel,
  repository: string,
  session: UploadSession,
  digest: string,
  data: Uint8Array = EMPTY,
  options: EndpointOptions = {},
): Promise<CompleteUploadResult> {
  checkOptions(options, ENDPOINT_OPTIONS);
  checkSession(session);
  return await closeUpload(channel, repository, session, digest, openBody(data), options);
}

/** Closes an upload with its digest and a body (end-6). */
export async function closeUpload(
  channel: Channel,
  repository: string,
  session: UploadSession,
  digest: string,
  body: OpenBody,
  options: EndpointOptions = {},
): Promise<CompleteUploadResult> {
  const asked = parseDigest(digest);
  const request = locationRequest(channel, "PUT", repository, session, options);
  if (session.offset > 0) setContentRange(request, session, body);
  // The location's own query is kept byte for byte: it may be signed.
  const { url } = request;
  url.search += `${url.search && "&"}digest=${encodeURIComponent(asked)}`;
  const put: ChannelRequest = { ...request, body, repeatable: false };
  const answer = await sendExpecting(channel, put, CLOSED);
  await leaveBody(channel, put, answer);
  const { headers } = answer.response;
  checkAnsweredDigest(request.what, asked, headers);
  const location = headers.get("location");
  return { digest: asked, ...(location !== null && { location }) };
}

/**
 * Gives up an upload, so that the registry can let go of its bytes (end-14).
 *
 * @throws {HttpError} When the registry does not do that; nothing is lost then.
 */
export async function cancelBlobUpload(
  channel: Channel,
  repository: string,
  session: UploadSession,
  options: EndpointOptions = {},
): Promise<void> {
  checkOptions(options, ENDPOINT_OPTIONS);
  checkSession(session);
  const request = locationRequest(channel, "DELETE", repository, session, options);
  await leaveBody(channel, request, await sendExpecting(channel, request, [200, 202, 204]));
}

/** A POST to the uploads of a repository (end-4, end-11). */
export function uploadRequest(
  channel: Channel,
  repository: string,
  query: Record<string, string | undefined>,
  { signal }: EndpointOptions,
): ChannelRequest {
  return repositoryRequest(channel, {
    method: "POST",
    repository,
    path: "blobs/uploads/",
    query,
    actions: ["pull", "push"],
    what: starting(fullName(channel, repository), query),
    signal,
    mountFrom: query.from,
  });
}

function checkSession(session: UploadSession | undefined): void {
  if (typeof session?.location === "string") return;
  throw new InvalidOptionError(
    "Cannot go on with the upload as 'session' must be what startBlobUpload answered: current " +
      `value is ${session === undefined ? "undefined" : "something else"}`,
  );
}

function starting(
  name: string,
  { mount, from, digest }: Record<string, string | undefined>,
): string {
  if (mount !== undefined) return `mount the blob ${mount}${from ? ` of ${from}` : ""} in ${name}`;
  return digest === undefined ? `start an upload to ${name}` : `push the blob ${digest} to ${name}`;
}

const VERBS = {
  PATCH: "send a chunk",
  GET: "look at an upload",
  PUT: "close an upload",
  DELETE: "cancel an upload",
};

function setContentRange({ headers }: ChannelRequest, { offset }: UploadSession, body: OpenBody) {
  const { size = 0 } = body;
  if (size > 0) headers.set("content-range", `${offset}-${offset + size - 1}`);
}

/** A request to an upload's location. On another origin it goes without credentials. */
function locationRequest(
  channel: Channel,
  method: "PATCH" | "GET" | "PUT" | "DELETE",
  repository: string,
  session: UploadSession,
  { signal }: EndpointOptions,
): ChannelRequest {
  const what = `${VERBS[method]} to ${fullName(channel, repository)}`;
  const base = `${channel.origin}/v2/${repository}/blobs/uploads/`;
  const url = resolveUrl(channel, session.location, base, what);
  const request = repositoryRequest(channel, {
    method,
    repository,
    path: url,
    actions: ["pull", "push"],
    headers: method[0] === "P" ? { "content-type": MEDIA_TYPES.octetStream } : {},
    what,
    signal,
  });
  if (url.origin === channel.origin) return request;
  const { intent: _, ...anonymous } = request;
  return { ...anonymous, purpose: "upload", what: `${what} at ${url.host}` };
}

/** The session that an answer leaves behind. */
export async function sessionOf(
  channel: Channel,
  request: ChannelRequest,
  answer: ChannelResponse,
  offset = 0,
  before?: UploadSession,
): Promise<UploadSession> {
  const { response: { headers }, url } = answer;
  await leaveBody(channel, request, answer);
  const location = headers.get("location") ?? before?.location;
  if (location === undefined) {
    throw new InvalidContentError(`Cannot ${request.what}: the registry answered no Location`);
  }
  const minChunk = byteCount(headers, "oci-chunk-min-length") ?? before?.minChunk;
  const maxChunk = byteCount(headers, "oci-chunk-max-length") || before?.maxChunk;
  return {
    location: resolveUrl(channel, location, url, request.what).href,
    offset,
    ...(minChunk !== undefined && { minChunk }),
    ...(maxChunk !== undefined && { maxChunk }),
  };
}

function byteCount(headers: Headers, name: string): number | undefined {
  const header = headers.get(name);
  return header !== null && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

/** How many bytes a `Range: 0-9` says are there; an empty upload says `0--1`. */
function rangeEnd(headers: Headers): number | undefined {
  const match = /^(?:bytes[= ])?0-(-1|\d{1,15})$/.exec(headers.get("range")?.trim() ?? "");
  return match === null ? undefined : Number(match[1]) + 1;
}
