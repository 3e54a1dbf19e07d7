import {
  InvalidContentError,
  InvalidOptionError,
  NotFoundError,
  SizeMismatchError,
} from "../errors.ts";
import type { Bytes } from "../content/bytes.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, hashAlgorithm, parseDigest } from "../content/digest.ts";
import type { Limits } from "../content/limits.ts";
import { bareMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import { pieceReader, readAll } from "../content/piece_reader.ts";
import { passingStream, verifyingStream } from "../content/verifying_stream.ts";
import type { Action, Channel, ChannelRequest, ChannelResponse } from "../transport/channel.ts";
import { contentLength, encodingsOf, plainLength } from "../transport/content_encoding.ts";
import { leaveBody, sendExpecting } from "../transport/expect.ts";
import { checkAnsweredDigest, mayBePage } from "./answered_digest.ts";
import { progressReporter } from "./progress.ts";
import {
  contentRange,
  ENDPOINT_OPTIONS,
  type EndpointOptions,
  fullName,
  HEAD_REFUSED,
  otherRange,
  plainBody,
  repositoryRequest,
} from "./request.ts";
import { resumingReader } from "./resuming_reader.ts";

/** A part of a blob, in bytes. */
export interface BlobRange {
  /** The first byte. @default {0} */
  offset?: number;
  /** How many bytes. @default {to the end} */
  length?: number;
}

/** Options of {@linkcode getBlob}. */
export interface GetBlobOptions extends EndpointOptions {
  /** Only a part; it cannot be verified. */
  range?: BlobRange;
  /** The blob's size in bytes, where it is known: another size is an error. */
  size?: number;
  /** Whether the whole is hashed as it streams; without, it may be other bytes. @default {true} */
  verify?: boolean;
}

const GET_BLOB_OPTIONS: OptionNames<GetBlobOptions> = names("range size verify", ENDPOINT_OPTIONS);

const BLOB_RANGE: OptionNames<BlobRange> = names("offset length");

/** A blob that is being pulled. Take its stream, or one of the three methods; once. */
export interface BlobContent {
  /** The bytes. It ends in an error when they are not the ones asked for, never in a clean end. */
  readonly stream: ReadableStream<Bytes>;
  /** How many bytes the stream will have, where the registry said so. */
  readonly size: number | undefined;
  /** Whether the bytes are checked against the digest: not those of a part, or without `verify`. */
  readonly verified: boolean;
  /**
   * Whether the registry sent only the part that was asked for, or the whole of which the rest is
   * skipped; `undefined` where the whole was asked for.
   */
  readonly ranged?: boolean;
  /**
   * All bytes, in memory.
   *
   * @throws {LimitError} When there are more than `limits.blobBytes`: 64 MiB unless it says otherwise.
   */
  bytes(): Promise<Bytes>;
  /** All bytes as UTF-8 text. */
  text(): Promise<string>;
  /**
   * All bytes as JSON.
   *
   * @throws {InvalidContentError} When they are something else.
   */
  json(): Promise<unknown>;
}

/** A {@linkcode BlobContent} with the responses it came by. */
export interface FetchedBlob extends BlobContent {
  /** The responses: redirects, then the one with the bytes. */
  readonly answer: ChannelResponse;
}

/**
 * Pulls a blob (end-2). The bytes are verified as they stream, against the digest asked for; a
 * download that breaks goes on from where it was.
 *
 * @throws {NotFoundError} When there is no such blob.
 * @throws {InvalidDigestError} When the digest is malformed, or of an algorithm unknown here.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs
 */
export async function getBlob(
  channel: Channel,
  repository: string,
  digest: string,
  options: GetBlobOptions = {},
): Promise<FetchedBlob> {
  checkOptions(options, GET_BLOB_OPTIONS);
  const asked = parseDigest(digest);
  const { range, signal, verify = true } = options;
  if (range !== undefined) checkRange(range);
  const { offset = 0, length } = range ?? {};
  const partial = offset > 0 || length !== undefined;
  const verified = verify && !partial;
  if (verified) hashAlgorithm(asked);
  const follower = verify || partial ? undefined : following(signal);
  const request = blobRequest(channel, "GET", repository, asked, follower ?? options);
  if (partial) {
    const last = length === undefined ? "" : String(offset + length - 1);
    request.headers.set("range", `bytes=${offset}-${last}`);
  }
  let answer: ChannelResponse | undefined;
  let size: number | undefined;
  let encodings: string[];
  try {
    answer = await sendExpecting(channel, request, partial ? [200, 206] : [200]);
    encodings = encodingsOf(answer.response.headers);
    answer = await plainBody(answer, options.size, request.what);
    size = partSize(answer, { offset, length }, options.size, request.what);
  } catch (error) {
    await answer?.response.body?.cancel().catch(() => {});
    follower?.leave?.();
    throw error;
  }
  const name = `the blob ${asked} of ${fullName(channel, repository)}`;
  const reader = resumingReader(channel, request, answer, {
    ...{ digest: asked, name },
    offset,
    length: partial ? size ?? length : undefined,
    size,
  });
  const passing = {
    onBytes: progressReporter(channel, {
      direction: "download",
      digest: asked,
      repository,
      ...(size !== undefined && { total: size }),
    }),
    ...(signal && { signal }),
    ...(follower && { onEnd: follower.leave }),
  };
  const expected = {
    digest: asked,
    of: fullName(channel, repository) + pageNote(answer),
    ...(size !== undefined && { size }),
    ...(encodings.length > 0 && { encoding: encodings.join(", ") }),
  };
  const stream = verified
    ? await verifyingStream(reader, expected, passing)
    : passingStream(reader, passing);
  const ranged = partial ? { ranged: answer.response.status === 206 } : {};
  return blobOf(name, channel.limits, stream, size, verified, answer, ranged);
}

/**
 * Asks for a blob by HEAD (end-2): the responses, redirects first. Where the HEAD is refused, or tells
 * another size than the blob's, those of a GET whose body is left.
 *
 * @throws {NotFoundError} When there is no such blob.
 * @throws {BadDigestError} When the registry answers another blob's digest.
 */
export async function headBlob(
  channel: Channel,
  repository: string,
  digest: string,
  options: EndpointOptions = {},
): Promise<ChannelResponse> {
  checkOptions(options, ENDPOINT_OPTIONS);
  return await lookAt(channel, repository, digest, options);
}

/** How {@linkcode lookAt} looks. */
interface Look {
  /** Whether the size is what matters. @default {false} */
  sized?: boolean;
  /** Whether 404 is an answer too. @default {false} */
  mayMiss?: boolean;
  /** What the next request needs. */
  next?: RightsOfNext;
}

/** A HEAD's answer, or a GET's where that one is refused or cannot be right. */
async function lookAt(
  channel: Channel,
  repository: string,
  digest: string,
  options: EndpointOptions,
  { sized = false, mayMiss = false, next }: Look = {},
): Promise<ChannelResponse> {
  const asked = parseDigest(digest);
  const request = blobRequest(channel, "HEAD", repository, asked, options, next);
  const statuses = mayMiss ? [200, 404] : [200];
  const head = await sendExpecting(channel, request, [...statuses, ...HEAD_REFUSED]);
  const { status, headers } = head.response;
  if (status === 404) return head;
  if (status === 200) {
    checkAnsweredDigest(request.what, asked, headers);
    const lies = contentLength(headers) === 0 || encodingsOf(headers).length > 0 ||
      mayBePage(headers);
    if (!lies && (!sized || contentLength(headers) !== undefined)) return head;
  }
  await head.response.body?.cancel();
  const answer = await sendExpecting(channel, { ...request, method: "GET" }, statuses);
  if (answer.response.status === 404) return answer;
  const { signal } = request;
  await leaveBody(channel, request, answer, async () => {
    return (await getBlob(channel, repository, digest, signal ? { signal } : {})).stream;
  });
  checkAnsweredDigest(request.what, asked, answer.response.headers);
  return answer;
}

/** Options of {@linkcode hasBlob}. */
export interface HasBlobOptions extends EndpointOptions {
  /** How many bytes it has: with fewer of them, as after a storage's failure, it is not there. @default {0} */
  size?: number;
}

const HAS_BLOB_OPTIONS: OptionNames<HasBlobOptions> = names("size", ENDPOINT_OPTIONS);

/** Whether the repository has a blob, by HEAD (end-2). */
export async function hasBlob(
  channel: Channel,
  repository: string,
  digest: string,
  options: HasBlobOptions = {},
): Promise<boolean> {
  checkOptions(options, HAS_BLOB_OPTIONS);
  const found = await findBlob(channel, repository, digest, options);
  return found !== undefined && (plainLength(found) ?? Infinity) >= (options.size ?? 0);
}

/** The rights that the next request needs: asked for with this one's, so that one token does. */
export interface RightsOfNext {
  /** What is done with the repository. @default {["pull"]} */
  actions?: readonly Action[];
  /** The repository that a mount takes the blob from. */
  mountFrom?: string;
}

/**
 * Looks whether there is such a blob (end-2): the headers of its HEAD or GET, or `undefined`. Every
 * check of a blob's existence is this one.
 */
export async function findBlob(
  channel: Channel,
  repository: string,
  digest: string,
  options: EndpointOptions = {},
  next: RightsOfNext = {},
): Promise<Headers | undefined> {
  const { response } = await lookAt(channel, repository, digest, options, { mayMiss: true, next });
  if (response.status === 200) return response.headers;
  await response.body?.cancel();
  return undefined;
}

/**
 * A blob's descriptor, or `undefined` where there is no such blob, as {@linkcode describeBlob} finds it.
 *
 * @throws {InvalidContentError} When the registry never says the size.
 */
export async function statBlob(
  channel: Channel,
  repository: string,
  digest: string,
  options: EndpointOptions = {},
): Promise<Descriptor | undefined> {
  try {
    return await describeBlob(channel, repository, digest, options);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/**
 * A blob's descriptor: by HEAD; by GET where that one is refused or does not say the size; by the bytes
 * themselves where they come encoded.
 *
 * @throws {NotFoundError} When there is no such blob.
 * @throws {InvalidContentError} When the registry never says the size.
 */
export async function describeBlob(
  channel: Channel,
  repository: string,
  digest: string,
  options: EndpointOptions = {},
): Promise<Descriptor> {
  checkOptions(options, ENDPOINT_OPTIONS);
  const { response } = await lookAt(channel, repository, digest, options, { sized: true });
  const { headers } = response;
  const mediaType = bareMediaType(headers.get("content-type")) || MEDIA_TYPES.octetStream;
  const encoded = encodingsOf(headers).length > 0;
  const size = encoded
    ? (await (await getBlob(channel, repository, digest, options)).bytes()).byteLength
    : contentLength(headers);
  if (size !== undefined) return { mediaType, digest, size };
  throw new InvalidContentError(
    `Cannot look at the blob ${digest} of ${
      fullName(channel, repository)
    }: the registry does not ` +
      "say its size",
  );
}

/**
 * Deletes a blob (end-10). Images that share it break.
 *
 * @throws {UnsupportedError} When the registry does not delete.
 * @throws {NotFoundError} When there is no such blob.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#deleting-blobs
 */
export async function deleteBlob(
  channel: Channel,
  repository: string,
  digest: string,
  options: EndpointOptions = {},
): Promise<void> {
  checkOptions(options, ENDPOINT_OPTIONS);
  const request = blobRequest(channel, "DELETE", repository, parseDigest(digest), options);
  await leaveBody(channel, request, await sendExpecting(channel, request, [200, 202, 204]));
}

const VERBS = { GET: "pull", HEAD: "look at", DELETE: "delete" };

function blobRequest(
  channel: Channel,
  method: "GET" | "HEAD" | "DELETE",
  repository: string,
  digest: Digest,
  { signal }: EndpointOptions,
  { actions = [method === "DELETE" ? "delete" : "pull"], mountFrom }: RightsOfNext = {},
): ChannelRequest {
  const request = repositoryRequest(channel, {
    method,
    repository,
    path: `blobs/${digest}`,
    actions,
    headers: { "accept-encoding": "identity" },
    what: `${VERBS[method]} the blob ${digest} of ${fullName(channel, repository)}`,
    mountFrom,
    signal,
  });
  if (method === "GET") request.large = true;
  return request;
}

/**
 * A signal that follows another until it leaves: the request whose body is moved into another one must
 * not be aborted any more, as Deno's fetch makes an unhandled rejection of that.
 */
function following(signal: AbortSignal | undefined): { signal?: AbortSignal; leave?: () => void } {
  if (signal === undefined) return {};
  const own = new AbortController();
  const abort = () => own.abort(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort);
  return { signal: own.signal, leave: () => signal.removeEventListener("abort", abort) };
}

function checkRange(range: BlobRange): void {
  checkOptions(range, BLOB_RANGE, "range");
  const { offset = 0, length } = range;
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new InvalidOptionError(
      `Cannot pull a range as 'offset' must be a count of bytes: current value is ${offset}`,
    );
  }
  if (length !== undefined && (!Number.isSafeInteger(length) || length < 1)) {
    throw new InvalidOptionError(
      `Cannot pull a range as 'length' must be a positive count of bytes: current value is ${length}`,
    );
  }
}

/** How many bytes the stream has: from the response, and checked against what was asked for. */
function partSize(
  answer: ChannelResponse,
  { offset, length }: { offset: number; length: number | undefined },
  declared: number | undefined,
  what: string,
): number | undefined {
  const { response } = answer;
  const bytes = contentLength(response.headers);
  const part = response.status === 206 ? contentRange(response.headers) : undefined;
  if (response.status === 206 && part?.first !== offset) {
    throw new InvalidContentError(`Cannot ${what}: ${otherRange(response.headers, offset)}`);
  }
  const said = part ? part.total : bytes;
  const whole = declared ?? said;
  // Where nobody knows the whole, a part ends where it was asked to, or the registry says.
  if (whole === undefined) return part && (length ?? part.last - offset + 1);
  if (said !== undefined && said !== whole) {
    throw new SizeMismatchError(
      `Cannot ${what}: it has ${said} bytes instead of ${whole}${pageNote(answer)}`,
      { expected: whole, actual: said },
    );
  }
  const rest = Math.max(0, whole - offset);
  return length === undefined ? rest : Math.min(length, rest);
}

/** What to say of bytes that may be a page of a proxy or a portal, and not the blob. */
function pageNote({ response, url }: ChannelResponse): string {
  const isPage = bareMediaType(response.headers.get("content-type")) === "text/html";
  return isPage ? ` (${url.host} answered ${response.status} with text/html)` : "";
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InvalidContentError(`Cannot read ${name} as JSON: it is something else`, { cause });
  }
}

function blobOf(
  name: string,
  limits: Required<Limits>,
  stream: ReadableStream<Bytes>,
  size: number | undefined,
  verified: boolean,
  answer: ChannelResponse,
  ranged: Pick<BlobContent, "ranged">,
): FetchedBlob {
  const bytes = () =>
    readAll(pieceReader(stream), {
      name: "blobBytes",
      bytes: limits.blobBytes,
      what: `${name} into memory`,
      advice: ". Take its stream, or raise limits.blobBytes",
    }, Math.min(size ?? 0, limits.blobBytes));
  const text = async () => new TextDecoder().decode(await bytes());
  const json = async () => parseJson(await text(), name);
  const blob: BlobContent = { stream, size, verified, bytes, text, json, ...ranged };
  // Not shown when the blob is printed: it may hold signed URLs.
  return Object.defineProperty(blob, "answer", { get: () => answer }) as FetchedBlob;
}
