import { InvalidContentError, InvalidOptionError, SizeMismatchError } from "../errors.ts";
import type { Bytes } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, hashAlgorithm, parseDigest } from "../content/digest.ts";
import { bareMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import { pieceReader, readAll } from "../content/piece_reader.ts";
import { passingStream, verifyingStream } from "../content/verifying_stream.ts";
import type { Action, Channel, ChannelRequest, ChannelResponse } from "../transport/channel.ts";
import { sendExpecting } from "../transport/expect.ts";
import { progressReporter } from "./progress.ts";
import { contentLength, contentRange, type EndpointOptions, repositoryRequest } from "./request.ts";
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
  /** All bytes, in memory. */
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
  try {
    answer = await sendExpecting(channel, request, partial ? [200, 206] : [200]);
    size = partSize(answer.response, { offset, length }, options.size, request.what);
  } catch (error) {
    await answer?.response.body?.cancel().catch(() => {});
    follower?.leave?.();
    throw error;
  }
  const reader = resumingReader(channel, request, answer, {
    digest: asked,
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
  const expected = { digest: asked, ...(size !== undefined && { size }) };
  const stream = verified
    ? await verifyingStream(reader, expected, passing)
    : passingStream(reader, passing);
  const ranged = partial ? { ranged: answer.response.status === 206 } : {};
  return { ...blobOf(stream, size, verified, answer), ...ranged };
}

/**
 * Asks for a blob by HEAD (end-2): the responses, redirects first.
 *
 * @throws {NotFoundError} When there is no such blob.
 */
export async function headBlob(
  channel: Channel,
  repository: string,
  digest: string,
  options: EndpointOptions = {},
): Promise<ChannelResponse> {
  const request = blobRequest(channel, "HEAD", repository, parseDigest(digest), options);
  return await sendExpecting(channel, request, [200]);
}

/** The rights that the next request needs: asked for with this one's, so that one token does. */
export interface RightsOfNext {
  /** What is done with the repository. @default {["pull"]} */
  actions?: readonly Action[];
  /** The repository that a mount takes the blob from. */
  mountFrom?: string;
}

/**
 * Looks whether there is such a blob (end-2): the headers of its HEAD, or `undefined`. Every check of
 * a blob's existence is this one.
 */
export async function findBlob(
  channel: Channel,
  repository: string,
  digest: string,
  options: EndpointOptions = {},
  next: RightsOfNext = {},
): Promise<Headers | undefined> {
  const request = blobRequest(channel, "HEAD", repository, parseDigest(digest), options, next);
  const { response } = await sendExpecting(channel, request, [200, 404]);
  return response.status === 200 ? response.headers : undefined;
}

/**
 * A blob's descriptor, or `undefined` where there is no such blob. By HEAD; by GET where its answer
 * does not say the size.
 *
 * @throws {InvalidContentError} When the registry never says the size.
 */
export async function statBlob(
  channel: Channel,
  repository: string,
  digest: string,
  options: EndpointOptions = {},
): Promise<Descriptor | undefined> {
  const headers = await findBlob(channel, repository, digest, options);
  if (headers === undefined) return undefined;
  const mediaType = bareMediaType(headers.get("content-type"));
  return {
    mediaType: mediaType === "" ? MEDIA_TYPES.octetStream : mediaType,
    digest,
    size: contentLength(headers) ?? await sizeByGet(channel, repository, digest, options),
  };
}

async function sizeByGet(
  channel: Channel,
  repository: string,
  digest: string,
  options: EndpointOptions,
): Promise<number> {
  const request = blobRequest(channel, "GET", repository, parseDigest(digest), options);
  const { response } = await sendExpecting(channel, request, [200]);
  await response.body?.cancel();
  const size = contentLength(response.headers);
  if (size !== undefined) return size;
  throw new InvalidContentError(`Cannot ${request.what}: the registry does not say its size`);
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
  const request = blobRequest(channel, "DELETE", repository, parseDigest(digest), options);
  const { response } = await sendExpecting(channel, request, [200, 202, 204]);
  await response.body?.cancel();
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
    what: `${VERBS[method]} the blob ${digest} of ${repository}`,
    ...(mountFrom !== undefined && { mountFrom }),
    ...(signal && { signal }),
  });
  return method === "GET" ? { ...request, large: true } : request;
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

function checkRange({ offset = 0, length }: BlobRange): void {
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
  response: Response,
  { offset, length }: { offset: number; length: number | undefined },
  declared: number | undefined,
  what: string,
): number | undefined {
  const bytes = contentLength(response.headers);
  const part = response.status === 206 ? contentRange(response.headers) : undefined;
  if (response.status === 206 && part?.first !== offset) {
    throw new InvalidContentError(
      `Cannot ${what}: the registry answered another range than the one from ${offset}`,
    );
  }
  const said = part ? part.total : bytes;
  const whole = declared ?? said;
  // Where nobody knows the whole, a part ends where it was asked to, or the registry says.
  if (whole === undefined) return part && (length ?? part.last - offset + 1);
  if (said !== undefined && said !== whole) {
    throw new SizeMismatchError(`Cannot ${what}: it has ${said} bytes instead of ${whole}`, {
      expected: whole,
      actual: said,
    });
  }
  const rest = Math.max(0, whole - offset);
  return length === undefined ? rest : Math.min(length, rest);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InvalidContentError("Cannot read the blob as JSON: it is something else", { cause });
  }
}

function blobOf(
  stream: ReadableStream<Bytes>,
  size: number | undefined,
  verified: boolean,
  answer: ChannelResponse,
): FetchedBlob {
  const bytes = () =>
    readAll(pieceReader(stream), { name: "bytes", bytes: Infinity, what: "the blob" });
  const text = async () => new TextDecoder().decode(await bytes());
  const json = async () => parseJson(await text());
  const blob: BlobContent = { stream, size, verified, bytes, text, json };
  // Not shown when the blob is printed: it may hold signed URLs.
  return Object.defineProperty(blob, "answer", { get: () => answer }) as FetchedBlob;
}
