import { AuthenticationError, BadDigestError, HttpError, InvalidOptionError } from "../errors.ts";
import { type Body, type OpenBody, openBody } from "../content/body.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, digestOf, hashAlgorithm, parseDigest } from "../content/digest.ts";
import type { HashAlgorithm } from "../content/hasher.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import type { Channel } from "../transport/channel.ts";
import { sendExpecting } from "../transport/expect.ts";
import { hasBlob, type RightsOfNext, statBlob } from "./blobs.ts";
import { mountBlob } from "./mount.ts";
import { progressTeller } from "./progress.ts";
import type { EndpointOptions } from "./request.ts";
import { UploadLessons } from "./upload_lessons.ts";
import { UploadSource } from "./upload_source.ts";
import { transferBlob } from "./upload_transfer.ts";
import {
  completed,
  sessionOf,
  startBlobUpload,
  uploadRequest,
  type UploadSession,
} from "./uploads.ts";

/** Options of {@linkcode putBlob}. */
export interface PutBlobOptions extends EndpointOptions {
  /** The blob's digest, where it is known; computed while sending where it is not. */
  digest?: string;
  /** The algorithm of the digest that is computed. @default {"sha256"} */
  digestAlgorithm?: HashAlgorithm;
  /** The body's size in bytes, for a stream that cannot say it. */
  size?: number;
  /** The media type of the descriptor that is answered. @default {"application/octet-stream"} */
  mediaType?: string;
  /** A repository of the same registry that may have the blob: it is mounted from there. */
  mountFrom?: string;
  /**
   * Send the blob in chunks of so many bytes. Half as fast as one request: for proxies that limit
   * a request's size.
   */
  chunkSize?: number;
  /**
   * Who checks a `digest` that is given: `"here"`, before the upload is closed, or the `"target"`, the
   * registry that closes it, so that the body is not hashed on its way. The size is checked here.
   * @default {"here"}
   */
  verify?: "here" | "target";
}

/** Up to here a single POST costs less than the two requests it saves when it is not taken. */
const SINGLE_POST_BYTES = 64 * 1024;

/**
 * Pushes a blob, unless it is there already: one request with the whole body, hashed while it is
 * sent; in chunks where that is asked for, where the size is unknown, or to go on after a fault.
 *
 * @throws {BadDigestError} When the bytes have another digest than the one given.
 * @throws {SizeMismatchError} When there are more or fewer bytes than declared.
 * @throws {UploadError} When the upload failed after bytes were sent.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs
 */
export async function putBlob(
  channel: Channel,
  repository: string,
  body: Body,
  options: PutBlobOptions = {},
): Promise<Descriptor> {
  const { mediaType = MEDIA_TYPES.octetStream, chunkSize, signal } = options;
  checkChunkSize(chunkSize);
  const source = openBody(body, options.size);
  const digest = await knownDigest(source, options);
  const algorithm = digest === undefined
    ? options.digestAlgorithm ?? "sha256"
    : hashAlgorithm(digest);

  const tellProgress = progressTeller(channel, {
    direction: "upload",
    repository,
    ...(digest !== undefined && { digest }),
    ...(source.size !== undefined && { total: source.size }),
  });

  /** The blob is there: lets go of the body. */
  async function skip(): Promise<Descriptor> {
    if (!source.reopenable) await (await source.open()).cancel();
    const size = source.size ?? (await statBlob(channel, repository, digest!, options))!.size;
    return { mediaType, digest: digest!, size };
  }

  const lessons = new UploadLessons(channel.learned);
  let session: UploadSession | undefined;
  if (digest !== undefined) {
    const { there, from } = await lookFirst(channel, repository, digest, options);
    if (there) return await skip();
    if (from !== undefined) {
      const mount = await mountBlob(channel, repository, digest, { from, ...options });
      if (mount.mounted) return await skip();
      session = mount.session;
    }
    if (session === undefined && isSmall(source) && chunkSize === undefined) {
      const posted = await postBlob(channel, repository, source, digest, options, lessons);
      if (posted === "done") {
        tellProgress(source.bytes!.byteLength, true);
        return await skip();
      }
      session = posted;
    }
  }
  try {
    session ??= await startBlobUpload(channel, repository, {
      ...options,
      digestAlgorithm: algorithm,
    });
  } catch (error) {
    lessons.takeBack(); // the single POST was refused for what a plain one is refused for too
    throw error;
  }
  const upload = await UploadSource.create(source, {
    algorithm,
    onBytes: (bytes) => tellProgress(bytes, false),
    verified: source.bytes !== undefined || source.blob !== undefined || isForTarget(options),
    ...(digest !== undefined && { digest }),
  });
  await transferBlob(channel, repository, session, { source, upload, algorithm }, {
    ...(chunkSize !== undefined && { chunkSize }),
    ...(signal && { signal }),
  });
  tellProgress(upload.size!, true);
  return { mediaType, digest: upload.digest!, size: upload.size! };
}

/**
 * Whether the blob is there, and which repository it can be mounted from where it is not. Asked with
 * the rights of what follows, so that one token does for all.
 */
async function lookFirst(
  channel: Channel,
  repository: string,
  digest: Digest,
  options: PutBlobOptions,
): Promise<{ there: boolean; from?: string }> {
  const { mountFrom } = options;
  const rights: RightsOfNext = { actions: ["pull", "push"] };
  if (mountFrom !== undefined && channel.learned.mount !== false) {
    try {
      const all = { ...rights, mountFrom };
      const there = await hasBlob(channel, repository, digest, options, all);
      return { there, from: mountFrom };
    } catch (error) {
      // A token service may refuse the whole token for the other repository's sake.
      if (!(error instanceof AuthenticationError)) throw error;
    }
  }
  return { there: await hasBlob(channel, repository, digest, options, rights) };
}

function isForTarget({ digest, verify }: PutBlobOptions): boolean {
  return verify === "target" && digest !== undefined;
}

/** Whether it goes out by a single POST, where the registry takes that. */
function isSmall({ bytes }: OpenBody): boolean {
  return bytes !== undefined && bytes.byteLength <= SINGLE_POST_BYTES;
}

/** The digest that was given, checked where the bytes are at hand; or theirs. */
async function knownDigest(
  source: OpenBody,
  options: PutBlobOptions,
): Promise<Digest | undefined> {
  const { digest, digestAlgorithm, signal } = options;
  const given = digest === undefined ? undefined : parseDigest(digest);
  // A single POST that is refused should not leave open whether it was for the digest.
  if (isForTarget(options) && !isSmall(source)) return given;
  if (source.bytes === undefined) {
    if (source.blob === undefined) return given;
    // A blob is at hand too, and goes out whole without passing through here: so it is hashed first.
    const upload = await UploadSource.create(source, {
      algorithm: digestAlgorithm ?? "sha256",
      onBytes() {},
      ...(given !== undefined && { digest: given }),
    });
    return await upload.hashAll(signal);
  }
  const algorithm = given === undefined ? digestAlgorithm ?? "sha256" : hashAlgorithm(given);
  const actual = await digestOf(source.bytes, algorithm);
  if (given === undefined || given === actual) return actual;
  throw new BadDigestError(
    `Cannot send the blob as ${given}: its ${source.bytes.byteLength} bytes have the digest ` +
      actual,
    { expected: given, actual },
  );
}

/** The whole blob in the request that starts the upload (end-4b), where the registry takes that. */
async function postBlob(
  channel: Channel,
  repository: string,
  source: OpenBody,
  digest: Digest,
  options: PutBlobOptions,
  lessons: UploadLessons,
): Promise<"done" | UploadSession | undefined> {
  if (channel.learned.singlePost === false) return undefined;
  const request = uploadRequest(channel, repository, { digest }, options);
  request.headers.set("content-type", MEDIA_TYPES.octetStream);
  try {
    const post = { ...request, body: openBody(source.bytes!) };
    const answer = await sendExpecting(channel, post, [201, 202]);
    if (answer.response.status === 202) {
      lessons.learn("singlePost", false);
      return await sessionOf(channel, request, answer, 0);
    }
    await answer.response.body?.cancel();
    completed(request.what, digest, answer.response.headers);
    return "done";
  } catch (error) {
    if (
      !(error instanceof HttpError) || ![400, 404, 405, 411, 415, 501].includes(error.statusCode)
    ) {
      throw error;
    }
    if (error.codes.some((code) => code.startsWith("NAME_"))) throw error;
    lessons.learn("singlePost", false);
    return undefined;
  }
}

function checkChunkSize(chunkSize: number | undefined): void {
  if (chunkSize === undefined || (Number.isSafeInteger(chunkSize) && chunkSize > 0)) return;
  throw new InvalidOptionError(
    `Cannot send chunks as 'chunkSize' must be a positive count of bytes: current value is ` +
      chunkSize,
  );
}
