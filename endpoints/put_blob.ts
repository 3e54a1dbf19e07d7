import {
  AuthenticationError,
  ForbiddenError,
  HttpError,
  InvalidContentError,
  InvalidOptionError,
} from "../errors.ts";
import { type Body, letGo, openBody } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, parseDigest } from "../content/digest.ts";
import type { HashAlgorithm } from "../content/hasher.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import type { UploadJournal } from "../content/upload_journal.ts";
import { isRepositoryName } from "../reference/repository_name.ts";
import type { Channel } from "../transport/channel.ts";
import { plainLength } from "../transport/content_encoding.ts";
import { findBlob, type RightsOfNext, statBlob } from "./blobs.ts";
import { journaledUpload } from "./journaled_upload.ts";
import { mountBlob } from "./mount.ts";
import { progressReporter } from "./progress.ts";
import { ENDPOINT_OPTIONS, type EndpointOptions, fullName } from "./request.ts";
import { UploadSource } from "./upload_source.ts";
import { transferBlob } from "./upload_transfer.ts";
import {
  postBytes,
  startBlobUpload,
  type StartUploadOptions,
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
   * Remembers the upload of a body that can be opened again and whose digest is known, so that another
   * process goes on where this one ended: from what the registry has of it.
   * @default {the client's}
   */
  journal?: UploadJournal;
  /**
   * Who checks a `digest` that is given: `"here"`, before the upload is closed, or the `"target"`, the
   * registry that closes it, so that the body is not hashed on its way. The size is checked here.
   * @default {"here"}
   */
  verify?: "here" | "target";
  /**
   * An upload that was started for the blob and has no bytes, such as a mount answers that was not made.
   * @default {one is started}
   */
  session?: UploadSession;
  /** Whether the blob was just found not to be there: it is not looked for again. @default {false} */
  absent?: boolean;
}

const PUT_BLOB_OPTIONS: OptionNames<PutBlobOptions> = names(
  "digest digestAlgorithm size mediaType mountFrom chunkSize verify absent",
  { journal: "an object", session: "an object" },
  ENDPOINT_OPTIONS,
);

/** Up to here a single POST costs less than the two requests it saves when it is not taken. */
const SINGLE_POST_BYTES = 64 * 1024;

/** The body is larger than what the registry takes in one request; the upload says how much that is. */
const TOO_LARGE = 413;

/** Statuses that say that there is no single POST. */
const NO_SINGLE_POST = [400, 404, 405, 411, 415, 501];

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
  try {
    return await push(channel, repository, body, options);
  } catch (error) {
    await letGo(body, error);
    throw error;
  }
}

async function push(
  channel: Channel,
  repository: string,
  body: Body,
  options: PutBlobOptions,
): Promise<Descriptor> {
  checkOptions(options, PUT_BLOB_OPTIONS);
  const { digestAlgorithm, chunkSize, signal, absent = false } = options;
  const { mediaType = MEDIA_TYPES.octetStream } = options;
  checkChunkSize(chunkSize);
  const expected = options.digest === undefined ? undefined : parseDigest(options.digest);
  const source = openBody(body, options.size);
  const atHand = (source.bytes ?? source.blob) !== undefined;
  // What is not there is read before, while the registry may take it in one request.
  const gathered = !atHand && absent && channel.capabilities.singlePost !== false;
  const small = (source.size ?? Infinity) <= SINGLE_POST_BYTES &&
    (source.bytes !== undefined || gathered);
  // A single POST that is refused should not leave open whether it was for the digest.
  const unhashed = options.verify === "target" && expected !== undefined && !small;
  const upload = new UploadSource(source, expected, digestAlgorithm, unhashed);
  const name = fullName(channel, repository);
  upload.to = ` to ${name}`;
  // What is at hand is hashed first: it goes out without passing through here.
  if (!unhashed && atHand) await upload.hash(signal);
  else if (small) await upload.gather(signal);

  const { digest, size } = upload;
  const progress = progressReporter(channel, {
    direction: "upload",
    repository,
    ...(digest !== undefined && { digest }),
    ...(size !== undefined && { total: size }),
  });
  const ending = signal && { signal };
  const starting = { ...ending, digestAlgorithm: upload.algorithm };
  const send = { ...ending, ...(chunkSize !== undefined && { chunkSize }) };

  let { session } = options;
  if (digest !== undefined) {
    const { there, from } = await lookFirst(channel, repository, digest, size, options);
    const mount = there || from === undefined
      ? undefined
      : await mountBlob(channel, repository, digest, { from, ...ending });
    if (there || mount?.mounted) {
      if (!upload.reopenable) await (await upload.open()).cancel();
      await options.journal?.forget({ registry: channel.origin, repository, digest });
      const known = size ?? (await statBlob(channel, repository, digest, ending))?.size;
      if (known !== undefined) return { mediaType, digest, size: known };
      throw new InvalidContentError(
        `Cannot push the blob ${digest} to ${name}: the registry said that it is there, and then ` +
          "that it is not",
      );
    }
    session ??= mount?.session;
    if (small && chunkSize === undefined && session === undefined) {
      session = await startWithBlob(channel, repository, upload.bytes!, digest, starting);
      if (session === undefined) {
        progress(size!, true);
        return { mediaType, digest, size: size! };
      }
    }
  }
  const entry = digest !== undefined && upload.reopenable && !small
    ? options.journal && journaledUpload(options.journal, {
      ...{ registry: channel.origin, repository, digest },
    })
    : undefined;
  upload.onBytes = (count) => progress(count, false);
  try {
    session = await entry?.resume(channel, send) ?? session;
    // What begins at its first byte may be moved whole.
    if (!session?.offset) void upload.prepare().catch(() => {}); // the transfer throws it
    session ??= await startBlobUpload(channel, repository, starting);
    await transferBlob(channel, repository, session, upload, { ...send, ...(entry && { entry }) });
  } finally {
    upload.release();
    entry?.leave();
  }
  progress(upload.size!, true);
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
  size: number | undefined,
  options: PutBlobOptions,
): Promise<{ there: boolean; from?: string }> {
  const { absent = false } = options;
  const mountFrom = isRepositoryName(options.mountFrom) ? options.mountFrom : undefined;
  if (absent && mountFrom === undefined) return { there: false };
  const rights: RightsOfNext = { actions: ["pull", "push"] };
  if (mountFrom !== undefined && channel.capabilities.mount !== false) {
    try {
      const all = { ...rights, mountFrom };
      const found = await findBlob(channel, repository, digest, options, all);
      return { there: isBlob(found, size), from: mountFrom };
    } catch (error) {
      // A token service may refuse the whole token for the other repository's sake.
      if (!(error instanceof AuthenticationError || error instanceof ForbiddenError)) throw error;
    }
  }
  try {
    const found = await findBlob(channel, repository, digest, options, rights);
    return { there: isBlob(found, size) };
  } catch (error) {
    // Who may only push may not look.
    if (error instanceof ForbiddenError) return { there: false };
    throw error;
  }
}

/** Whether a look found the blob itself: a portal's page, or half of it, has another size. */
function isBlob(found: Headers | undefined, size: number | undefined): boolean {
  if (found === undefined) return false;
  const length = plainLength(found);
  return size === undefined || length === undefined || length === size;
}

/**
 * The whole blob in the request that starts the upload (end-4b), where the registry takes that.
 * Answers the upload that is to be gone on with where it does not.
 */
async function startWithBlob(
  channel: Channel,
  repository: string,
  bytes: Bytes,
  digest: Digest,
  options: StartUploadOptions,
): Promise<UploadSession | undefined> {
  const { capabilities } = channel;
  const start = () => startBlobUpload(channel, repository, options);
  if (capabilities.singlePost === false) return await start();
  try {
    const posted = await postBytes(channel, repository, digest, bytes, options);
    if (posted.completed) return undefined;
    capabilities.singlePost = false;
    return posted;
  } catch (error) {
    if (error instanceof HttpError && error.statusCode === TOO_LARGE) return await start();
    if (!(error instanceof HttpError) || !NO_SINGLE_POST.includes(error.statusCode)) throw error;
    if (error.codes.some((code) => code.startsWith("NAME_"))) throw error;
  }
  const session = await start();
  // Not before a plain one is taken: else the refusal was about more than the single POST.
  capabilities.singlePost = false;
  return session;
}

function checkChunkSize(chunkSize: number | undefined): void {
  if (chunkSize === undefined || (Number.isSafeInteger(chunkSize) && chunkSize > 0)) return;
  throw new InvalidOptionError(
    `Cannot send chunks as 'chunkSize' must be a positive count of bytes: current value is ` +
      chunkSize,
  );
}
