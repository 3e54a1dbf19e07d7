import { ApiError, HttpError, NetworkError, TimeoutError, UploadError } from "../errors.ts";
import { type OpenBody, openBody } from "../content/body.ts";
import { EMPTY } from "../content/bytes.ts";
import type { Channel, RegistryCapabilities } from "../transport/channel.ts";
import { Retries, RETRYABLE_STATUSES } from "../transport/retry.ts";
import { untilAborted } from "../transport/until_aborted.ts";
import { findBlob } from "./blobs.ts";
import { ChunkFeed } from "./chunk_feed.ts";
import { type JournaledUpload, mayGoOn } from "./journaled_upload.ts";
import { type EndpointOptions, fullName } from "./request.ts";
import { learnFindings, suspicionOf } from "./upload_findings.ts";
import type { UploadSource } from "./upload_source.ts";
import {
  cancelBlobUpload,
  closeUpload,
  sendChunk,
  startBlobUpload,
  uploadProgress,
  type UploadSession,
} from "./uploads.ts";

/** Options of {@linkcode transferBlob}. */
interface TransferOptions extends EndpointOptions {
  /** Send chunks of so many bytes. */
  chunkSize?: number;
  /** Where the upload is written down, so that another process can go on with it. */
  entry?: JournaledUpload;
}

/** The chunk that every registry takes: GHCR refuses more than 4 MiB. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Below this, smaller chunks do not make a refused one acceptable. */
const LEAST_CHUNK_BYTES = 64 * 1024;

/** How long to wait for a registry to let go of an upload that failed, in milliseconds. */
const CANCEL_TIMEOUT_MS = 2_000;

/** Statuses that refuse how the bytes were sent: a PATCH without Content-Range, or one more chunk. */
const REFUSED_WAY = [400, 405, 411, 415, 501];

/** Statuses that refuse a body for its missing Content-Length. */
const WANTS_LENGTH = [411, 501];

/**
 * Moves a body into an upload and closes it: whole, or in chunks. After a fault it looks whether the
 * blob has landed, asks the registry how far it came, and goes on from there, or starts again.
 */
export async function transferBlob(
  channel: Channel,
  repository: string,
  session: UploadSession,
  upload: UploadSource,
  options: TransferOptions,
): Promise<void> {
  const transfer = new Transfer(channel, repository, session, upload, options);
  try {
    await transfer.run();
    transfer.release();
    await options.entry?.forget();
  } catch (error) {
    transfer.release(error);
    if (options.entry === undefined || !mayGoOn(error)) {
      await transfer.cancel();
      await options.entry?.forget();
    }
    throw error;
  }
}

class Transfer {
  #session: UploadSession;
  /** Whether the body goes in one request; else in chunks. */
  #whole: boolean;
  #chunkSize: number;
  /** Cuts the body, once it goes in chunks. */
  #chunks: ChunkFeed | undefined;
  /** Whether the last try had the runtime move the body by itself. */
  #moved = false;
  /** Whether the last try sent the whole body by PATCH, as its digest was not known. */
  #patched = false;
  /** The furthest offset of any try: only what comes further is progress, else tries never end. */
  #furthest = 0;
  /** Where the chunk ends that was sent last. */
  #chunkEnd = 0;
  /** Whether that chunk got no answer, and goes out again. */
  #repeated = false;
  /** Whether the registry refused to say how far the upload is. */
  #unanswered = false;
  /** Whether the session is another process's, so that what is in it may be something else. */
  #old = false;
  /** How often the registry refused to go on with an upload in chunks. */
  #refusedChunks = 0;
  /** What was refused, as facts; they become known when the upload lands. */
  readonly #found: RegistryCapabilities;
  readonly #retries: Retries;

  constructor(
    readonly channel: Channel,
    readonly repository: string,
    session: UploadSession,
    readonly upload: UploadSource,
    readonly options: TransferOptions,
  ) {
    this.#session = session;
    this.#retries = new Retries(channel);
    this.#found = suspicionOf(channel.capabilities, upload);
    const { maxChunk, native } = this.#known;
    this.#chunkSize = Math.min(options.chunkSize ?? maxChunk ?? CHUNK_BYTES, maxChunk ?? Infinity);
    this.#whole = session.offset === 0 && this.#startsWhole();
    upload.moved = native === false;
  }

  async run(): Promise<void> {
    const { upload } = this;
    if (this.#whole && upload.reopenable && this.#known.wholePatch === false) {
      await this.#needDigest();
    }
    const { offset } = this.#session;
    if (offset > 0) await this.#resumed(offset);
    else await untilAborted(upload.prepare(), this.options.signal);
    await this.options.entry?.keep(this.#session);
    for (;;) {
      try {
        await this.#send();
        return learnFindings(this.channel.capabilities, this.#found, this.#whole);
      } catch (error) {
        this.options.signal?.throwIfAborted();
        if (await this.#recover(error)) return;
      }
    }
  }

  /** Goes on with what an earlier process sent, which is the body's start: its digest will tell. */
  async #resumed(offset: number): Promise<void> {
    const { channel, upload, options } = this;
    const { digest, size = Infinity } = upload;
    if (offset > size) {
      this.#whole = this.#startsWhole();
      return await this.#restart(undefined);
    }
    const reason = "an earlier push of it ended early";
    channel.emit({ type: "resume", direction: "upload", offset, reason, digest: digest! });
    await upload.skip(offset, options.signal);
    this.#furthest = offset;
    this.#old = true;
  }

  /** Lets go of the body; the caller's may take its time with that. */
  release(reason?: unknown): void {
    void this.#chunks?.cancel(reason);
    this.upload.release(reason);
  }

  /** Tells the registry that no more will come; it may not care. Answers whether it did. */
  async cancel(): Promise<boolean> {
    const signal = AbortSignal.timeout(CANCEL_TIMEOUT_MS);
    return await cancelBlobUpload(this.channel, this.repository, this.#session, { signal })
      .then(() => true, () => false);
  }

  get #known(): Readonly<RegistryCapabilities> {
    return { ...this.channel.capabilities, ...this.#found };
  }

  /** Whether a whole body can be sent here: as a stream, or at hand. */
  get #canSendWhole(): boolean {
    return this.channel.streams || (this.upload.bytes ?? this.upload.blob) !== undefined;
  }

  #startsWhole(): boolean {
    const { size, digest, reopenable } = this.upload;
    const { chunks, maxBody = Infinity, maxChunk = Infinity, wholePatch } = this.#known;
    // What the registry names itself stands, of a size that is not known too.
    const { maxChunk: cap = Infinity } = this.#session;
    if (!this.#canSendWhole || (size ?? 0) > maxBody || (size ?? Infinity) > cap) return false;
    if (chunks === false) return true;
    // Without a byte to send there is the closing request alone, as after the last chunk.
    if (this.options.chunkSize !== undefined || size === undefined || size === 0) return false;
    // What can be sent once must not be refused, for its size or as a PATCH.
    return reopenable || (size <= maxChunk && (digest !== undefined || wholePatch !== false));
  }

  async #send(): Promise<void> {
    const { upload } = this;
    this.#patched = this.#moved = false;
    if (this.#hasAll()) return await this.#close(openBody(EMPTY));
    if (!this.#whole || this.#session.offset > 0) return await this.#sendChunks();
    const body = upload.reopenable ? upload : this.#chunks?.rest() ?? upload;
    this.#moved = upload.native !== undefined;
    if (upload.digest !== undefined) return await this.#close(body);
    this.#patched = true;
    await this.#patch(body, false);
    await this.#close(openBody(EMPTY));
  }

  async #sendChunks(): Promise<void> {
    this.#chunks ??= new ChunkFeed(this.upload, this.upload.to);
    for (;;) {
      const { offset, minChunk = 0, maxChunk = Infinity } = this.#session;
      const size = Math.min(Math.max(this.#chunkSize, minChunk), maxChunk);
      const chunk = this.#chunks.at(offset, size);
      const { data, last } = await untilAborted(chunk, this.options.signal);
      this.#chunkEnd = offset + data.byteLength;
      // The last chunk goes with the closing request: ECR refuses to close with an empty one.
      if (last) return await this.#close(openBody(data));
      await this.#patch(openBody(data), true);
    }
  }

  async #patch(body: OpenBody, contentRange: boolean): Promise<void> {
    const { channel, repository, upload, options } = this;
    const sent = await sendChunk(channel, repository, this.#session, body, {
      ...options,
      contentRange,
    });
    if (!contentRange && upload.digest === undefined) {
      throw new UploadError(
        `Cannot push the blob to ${
          fullName(channel, repository)
        }: the registry answered before it had all bytes`,
      );
    }
    this.#session = sent.session;
    await options.entry?.keep(sent.session);
    this.#repeated = false;
    if (sent.session.offset <= this.#furthest) return;
    this.#furthest = sent.session.offset;
    this.#retries.progressed();
  }

  async #close(body: OpenBody): Promise<void> {
    const { channel, repository, upload, options } = this;
    await closeUpload(channel, repository, this.#session, upload.digest!, body, options);
  }

  /** Prepares another try; answers whether the blob is there already. Throws what cannot be mended. */
  async #recover(error: unknown): Promise<boolean> {
    const { channel, upload, options } = this;
    const { signal } = options;
    // The registry that the body comes from does not speak for the one that it goes to.
    if (error instanceof HttpError && error === upload.failure) throw error;
    const status = statusOf(error);
    const broken = error instanceof NetworkError || error instanceof TimeoutError ||
      RETRYABLE_STATUSES.includes(status);
    const refused = REFUSED_WAY.includes(status);
    const refusedPatch = refused && this.#patched;
    const moved = this.#moved && upload.moved;
    const wantsLength = moved && WANTS_LENGTH.includes(status);
    const refusedChunk = !this.#whole && this.#session.offset > 0 &&
      (error as HttpError).method === "PATCH" && (refused || status === 404);
    const refusedOld = this.#old && !broken && status !== 413 && status > 0;
    const refusedWay = refusedPatch || refusedChunk || wantsLength || refusedOld;
    if (!broken && !refusedWay && ![404, 413, 416].includes(status)) throw error;

    // Another way of sending is no other try: there are only so many ways.
    const free = refusedPatch || status === 413 || moved || refusedOld;
    const { retryAfter } = error as HttpError;
    const delay = free ? 0 : this.#retries.failed(broken ? retryAfter : 0);
    if (broken && delay !== undefined) await channel.clock.sleep(delay, signal);
    // An upload that is gone may be done: a proxy, or a fetch of its own accord, sent it twice.
    if ((broken || status === 404) && await this.#isThere()) return true;
    const lost = this.#whole && !upload.reopenable && !this.#hasAll();
    if (refusedPatch) this.#found.wholePatch = false;
    if (wantsLength || moved && error instanceof TimeoutError) this.#found.native = false;
    if (status === 413) this.#shrink(error);
    if (lost) channel.capabilities.suspected = this.#found; // the next one shows
    if (lost || delay === undefined) throw this.#failed(error);

    if (refusedPatch) {
      await this.#needDigest();
      await this.#restart(error);
    } else if (wantsLength || refusedOld) {
      this.#whole = this.#startsWhole();
      await this.#restart(error);
    } else if (status === 413) {
      if (this.#whole) {
        this.#whole = false;
        await this.#restart(error);
      }
    } else if (refusedChunk) {
      this.#refusedChunks++;
      await this.#restart(error);
    } else {
      await this.#goOn(error, status);
    }
    const { digest } = upload;
    const { offset } = this.#session;
    const reason = (error as Error).message;
    channel.emit({
      type: "resume",
      direction: "upload",
      offset,
      reason,
      ...(digest && { digest }),
    });
    signal?.throwIfAborted();
    return false;
  }

  /** Goes on from where the registry says that it is; starts again where that cannot be. */
  async #goOn(error: unknown, status: number): Promise<void> {
    const { upload } = this;
    const { offset } = this.#session;
    const reported = status === 404 ? undefined : await this.#askProgress();
    if (reported === undefined && status !== 404 && this.#repeatChunk(status)) return;
    // Of a whole body that broke early, bytes may be on their way still: a new session has none.
    const nothing = reported?.offset === 0 && upload.reopenable && status !== 416;
    if (reported === undefined || nothing || reported.offset > upload.sent) {
      return await this.#restart(error);
    }
    if (status === 416 && reported.offset === offset) this.#shrink(error);
    this.#session = reported;
    await this.options.entry?.keep(reported);
    this.#whole = false;
  }

  /**
   * Where a registry does not say how far it came, the chunk of a stream that got no answer is at
   * hand still: it goes out again. One that is refused for its place then was taken the first time;
   * were it not so, the digest that closes the upload would not match.
   */
  #repeatChunk(status: number): boolean {
    const { offset } = this.#session;
    // Without a byte of it there, a new upload is as good, and certain.
    if (this.upload.reopenable || this.#whole || offset === 0) return false;
    if (status !== 416) this.#repeated = true;
    else if (this.#repeated) {
      this.#session = { ...this.#session, offset: this.#chunkEnd };
      this.#repeated = false;
    } else return false;
    return true;
  }

  /** Whether the registry has every byte, and only the closing request is missing. */
  #hasAll(): boolean {
    const { size, digest } = this.upload;
    return digest !== undefined && this.#session.offset > 0 && this.#session.offset === size;
  }

  /** A request that died may have done its work. */
  async #isThere(): Promise<boolean> {
    const { digest } = this.upload;
    if (digest === undefined) return false;
    try {
      return await findBlob(this.channel, this.repository, digest, this.options) !== undefined;
    } catch {
      this.options.signal?.throwIfAborted();
      return false;
    }
  }

  async #askProgress(): Promise<UploadSession | undefined> {
    const { channel, repository, options } = this;
    if (channel.capabilities.uploadStatus === false) return undefined;
    try {
      const { session, taken } = await uploadProgress(channel, repository, this.#session, options);
      return taken === undefined ? undefined : session;
    } catch (error) {
      options.signal?.throwIfAborted();
      this.#unanswered = error instanceof HttpError && !error.retryable;
      return undefined;
    }
  }

  async #needDigest(): Promise<void> {
    if (this.upload.digest === undefined) await this.upload.hash(this.options.signal);
  }

  /** Starts again from the first byte, in a new session. */
  async #restart(error: unknown): Promise<void> {
    const { upload, options: { signal, entry } } = this;
    if (!upload.reopenable && !this.#chunks?.holds(0)) throw this.#failed(error);
    // An upload that was there, and could not be asked about: so it will be the next time.
    if (await this.cancel() && this.#unanswered) this.#found.uploadStatus = false;
    this.#unanswered = this.#old = false;
    // An upload that is gone once may be a registry's restart. Twice, it takes no chunks. A stream
    // has but this one chance.
    if (this.#refusedChunks > (upload.reopenable ? 1 : 0) && this.#canSendWhole) {
      this.#whole = true;
      this.#found.chunks = false;
    }
    this.#session = await startBlobUpload(this.channel, this.repository, {
      ...(signal && { signal }),
      digestAlgorithm: upload.algorithm,
    });
    await entry?.keep(this.#session);
  }

  /** Smaller chunks from now on. */
  #shrink(error: unknown): void {
    const { size, sent } = this.upload;
    const refused = this.#whole ? size ?? sent : this.#chunkSize;
    this.#chunkSize = Math.min(this.#chunkSize, Math.floor(refused / 2));
    if (this.#chunkSize < LEAST_CHUNK_BYTES) throw error;
    if (this.#whole) this.#found.maxBody = refused - 1;
    this.#found.maxChunk = this.#chunkSize;
  }

  #failed(cause: unknown): unknown {
    const { reopenable } = this.upload;
    if (!(cause instanceof ApiError) || cause instanceof UploadError) return cause;
    if (cause instanceof HttpError && reopenable) return cause;
    const hint = reopenable ? "" : ". Pass {size, open()} instead of a stream";
    return new UploadError(
      `Cannot push the blob to ${fullName(this.channel, this.repository)}: ${cause.message}${hint}`,
      { cause, retryable: reopenable },
    );
  }
}

/** The status of a refusal, else 0; 404 for an upload that is gone, which olareg answers with 400. */
function statusOf(error: unknown): number {
  if (!(error instanceof HttpError)) return 0;
  return error.codes.includes("BLOB_UPLOAD_UNKNOWN") ? 404 : error.statusCode;
}
