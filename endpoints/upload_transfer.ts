import { ApiError, HttpError, NetworkError, TimeoutError, UploadError } from "../errors.ts";
import { type OpenBody, openBody } from "../content/body.ts";
import type { HashAlgorithm } from "../content/hasher.ts";
import type { Channel } from "../transport/channel.ts";
import { backoff } from "../transport/retries.ts";
import { RETRYABLE_STATUSES } from "../transport/retry.ts";
import { untilAborted } from "../transport/until_aborted.ts";
import { hasBlob } from "./blobs.ts";
import type { EndpointOptions } from "./request.ts";
import { UploadLessons } from "./upload_lessons.ts";
import type { UploadSource } from "./upload_source.ts";
import {
  askUploadStatus,
  cancelBlobUpload,
  closeUpload,
  patchUpload,
  sessionAfter,
  startBlobUpload,
  type UploadSession,
} from "./uploads.ts";

/** What is sent. */
export interface Transfer {
  /** The body as it was given. */
  source: OpenBody;
  /** The body as it is read: hashed and checked. */
  upload: UploadSource;
  /** The digest's algorithm. */
  algorithm: HashAlgorithm;
}

/** Options of {@linkcode transferBlob}. */
export interface TransferOptions extends EndpointOptions {
  /** Send chunks of so many bytes. */
  chunkSize?: number;
}

/** The chunk that every registry takes: GHCR refuses more than 4 MiB. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Below this, smaller chunks do not make a refused one acceptable. */
const LEAST_CHUNK_BYTES = 64 * 1024;

/** To send so much again costs more than to ask a registry that did not tell before. */
const WORTH_ASKING_BYTES = 64 * 1024 * 1024;

/** How long to wait for a registry to let go of an upload that failed, in milliseconds. */
const CANCEL_TIMEOUT_MS = 2_000;

/** How the bytes travel: all in the closing PUT, all in one PATCH, or in chunks. */
type Mode = "put" | "patch" | "chunks";

/**
 * Moves a body into an upload and closes it. After a fault it looks whether the blob has landed,
 * asks the registry how far it came, and goes on from there, or starts again.
 */
export async function transferBlob(
  channel: Channel,
  repository: string,
  session: UploadSession,
  transfer: Transfer,
  options: TransferOptions,
): Promise<void> {
  const run = new TransferRun(channel, repository, session, transfer, options);
  try {
    await run.run();
  } catch (error) {
    void transfer.upload.cancel(error); // the caller's body may take its time with that
    await run.giveUp();
    throw error;
  }
}

class TransferRun {
  #session: UploadSession;
  #mode: Mode;
  #chunkSize: number;
  #failures = 0;
  /** How far any try came: only what comes further is progress, or there is no end to tries. */
  #furthest = 0;
  /** How often the registry refused to go on with an upload in chunks. */
  #refusedChunks = 0;
  /** Whether it did not tell how far the upload is. */
  #untold = false;
  /** Where the chunk ends that was sent last. */
  #chunkEnd = 0;
  /** Whether that chunk got no answer, and goes out again. */
  #repeated = false;
  readonly #lessons: UploadLessons;

  constructor(
    readonly channel: Channel,
    readonly repository: string,
    session: UploadSession,
    readonly transfer: Transfer,
    readonly options: TransferOptions,
  ) {
    this.#session = session;
    this.#lessons = new UploadLessons(channel.learned);
    const { maxChunk } = channel.learned;
    this.#chunkSize = Math.min(options.chunkSize ?? maxChunk ?? CHUNK_BYTES, maxChunk ?? Infinity);
    this.#mode = this.#firstMode();
  }

  async run(): Promise<void> {
    await this.#avoidPatch();
    for (let sent = 1;; sent++) {
      try {
        await this.#send();
        if (this.#refusedChunks > 0 && this.#mode !== "chunks") {
          this.#lessons.learn("chunks", false);
        }
        return;
      } catch (error) {
        try {
          this.options.signal?.throwIfAborted();
          if (await this.#recover(error)) return;
        } catch (failure) {
          // Another way failed too: it was not the way. A stream that went once proves nothing yet.
          if (sent > 1) this.#lessons.takeBack();
          throw failure;
        }
      }
    }
  }

  /** Tells the registry that no more will come; it may not care. Answers whether it did. */
  async giveUp(): Promise<boolean> {
    const signal = AbortSignal.timeout(CANCEL_TIMEOUT_MS);
    return await cancelBlobUpload(this.channel, this.repository, this.#session, { signal })
      .then(() => true, () => false);
  }

  /** Where a whole PATCH was refused before, and no digest is known, there are two ways left. */
  async #avoidPatch(): Promise<void> {
    const { channel: { learned }, transfer: { upload }, options: { signal } } = this;
    if (this.#mode !== "patch" || learned.wholePatch !== false) return;
    if (upload.reopenable) {
      await upload.hashAll(signal);
      this.#mode = "put";
    } else if (learned.chunks !== false) this.#mode = "chunks";
  }

  #firstMode(): Mode {
    const { source, upload } = this.transfer;
    const { learned, streams } = this.channel;
    if (learned.chunks === false && streams) return upload.digest === undefined ? "patch" : "put";
    if (this.options.chunkSize !== undefined || source.size === undefined) return "chunks";
    if (source.size === 0) return "chunks"; // which is the closing request alone
    const { maxBody = Infinity, maxChunk = Infinity } = learned;
    if (source.size > maxBody) return "chunks";
    // What can be sent once must not be refused for its size.
    if (!source.reopenable && source.size > maxChunk) return "chunks";
    const inMemory = source.bytes !== undefined || source.blob !== undefined;
    if (upload.digest !== undefined && (inMemory || this.channel.streams)) return "put";
    return this.channel.streams ? "patch" : "chunks";
  }

  async #send(): Promise<void> {
    const { reopenable, digest } = this.transfer.upload;
    if (!reopenable && this.#allSent()) {
      return await this.#close(digest!, openBody(new Uint8Array(0)));
    }
    if (this.#mode === "put" && this.#session.offset === 0) return await this.#put();
    if (this.#mode === "patch" && this.#session.offset === 0) return await this.#patch();
    return await this.#sendChunks();
  }

  async #put(): Promise<void> {
    const { upload } = this.transfer;
    await this.#close(upload.digest!, this.#wholeBody());
    this.#tookWhole();
  }

  /** A body in one request is no larger than what is refused. */
  #tookWhole(): void {
    const { maxBody } = this.channel.learned;
    if (maxBody !== undefined && this.transfer.upload.size! > maxBody) {
      this.#lessons.unlearn("maxBody");
    }
  }

  async #patch(): Promise<void> {
    const body = this.#wholeBody();
    const answer = await patchUpload(this.channel, this.repository, this.#session, body, {
      ...this.options,
      contentRange: false, // with one, GHCR takes no more than 4 MiB, and others want no gaps
    });
    const { upload } = this.transfer;
    if (upload.digest === undefined) {
      await answer.response.body?.cancel().catch(() => {});
      throw new UploadError(
        `Cannot push the blob to ${this.repository}: the registry answered before it had all bytes`,
      );
    }
    await this.#advance(answer, upload.size!);
    this.#tookWhole();
    await this.#close(upload.digest, openBody(new Uint8Array(0)));
  }

  async #sendChunks(): Promise<void> {
    const { upload } = this.transfer;
    for (;;) {
      const { offset, minChunk = 0 } = this.#session;
      const size = Math.max(this.#chunkSize, minChunk);
      const { data, last } = await untilAborted(upload.chunk(offset, size), this.options.signal);
      // The last chunk goes with the closing request: ECR refuses to close with an empty one.
      this.#chunkEnd = offset + data.byteLength;
      if (last) return await this.#close(upload.digest!, openBody(data));
      const answer = await patchUpload(
        this.channel,
        this.repository,
        this.#session,
        openBody(data),
        this.options,
      );
      await this.#advance(answer, this.#chunkEnd);
      const { chunks, maxChunk = Infinity } = this.channel.learned;
      if (offset > 0 && chunks === false) this.#lessons.unlearn("chunks");
      if (data.byteLength > maxChunk) this.#lessons.unlearn("maxChunk");
    }
  }

  #wholeBody(): OpenBody {
    const { source, upload } = this.transfer;
    return {
      // One that was read for its digest has a size by now, which some registries insist on.
      ...(upload.size !== undefined && { size: upload.size }),
      reopenable: source.reopenable,
      open: () => upload.open(),
      ...(source.bytes !== undefined && { bytes: source.bytes }),
      ...(source.blob !== undefined && { blob: source.blob }),
    };
  }

  async #close(digest: string, body: OpenBody): Promise<void> {
    const { channel, repository, options } = this;
    await closeUpload(channel, repository, this.#session, digest, body, options);
  }

  async #advance(
    answer: Parameters<typeof sessionAfter>[3],
    offset: number,
  ): Promise<void> {
    this.#session = await sessionAfter(
      this.channel,
      this.repository,
      this.#session,
      answer,
      offset,
    );
    this.#repeated = false;
    if (offset <= this.#furthest) return;
    this.#furthest = offset;
    this.#failures = 0;
  }

  /** Prepares another try; answers whether the blob is there already. Throws what cannot be mended. */
  async #recover(error: unknown): Promise<boolean> {
    const { channel, options } = this;
    const { upload } = this.transfer;
    const status = uploadStatus(error);
    const broken = error instanceof NetworkError || error instanceof TimeoutError ||
      RETRYABLE_STATUSES.includes(status ?? 0);
    const refused = REFUSED_PATCH.includes(status ?? 0);
    const refusedPatch = this.#mode === "patch" && refused;
    const refusedChunk = this.#mode === "chunks" && this.#session.offset > 0 &&
      (error as HttpError).method === "PATCH" && (refused || status === 404);
    if (!broken && !refusedPatch && !refusedChunk && ![404, 413, 416].includes(status ?? 0)) {
      throw error;
    }

    // Another way of sending is no other try: there are only so many ways.
    if (broken || refusedChunk || status === 404 || status === 416) this.#failures++;
    const last = this.#failures >= channel.retry.maxAttempts;
    if (broken && !last) await this.#wait(error);
    // An upload that is gone may be done: a proxy, or a fetch of its own accord, sent it twice.
    if ((broken || status === 404) && await this.#landed()) return true;
    const gone = !upload.reopenable && this.#mode !== "chunks" && !this.#allSent();
    if (refusedPatch && !broken) this.#lessons.learn("wholePatch", false);
    if (gone && status === 413) this.#shrink(error); // for the next one
    if (last || gone) throw this.#failed(error);

    if (refusedPatch && !broken) {
      if (upload.digest === undefined) await upload.hashAll(options.signal);
      this.#mode = "put";
      await this.#restart(error);
    } else if (status === 413) {
      const chunks = this.#mode === "chunks";
      this.#shrink(error);
      if (!chunks) await this.#restart(error);
    } else if (refusedChunk && !broken) {
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
    options.signal?.throwIfAborted();
    return false;
  }

  /** Goes on from where the registry says that it is; starts again where that cannot be. */
  async #goOn(error: unknown, status: number | undefined): Promise<void> {
    const { upload } = this.transfer;
    const known = this.#session.offset;
    const told = status === 404 ? undefined : await this.#status();
    this.#untold = told === undefined && status !== 404;
    if (this.#untold && this.#repeatChunk(status)) return;
    // Of a whole body that broke early, bytes may be on their way still: a new session has none.
    const nothing = told?.offset === 0 && upload.reopenable && status !== 416;
    if (told === undefined || nothing || told.offset > upload.sent) {
      return await this.#restart(error);
    }
    if (status === 416 && told.offset === known) this.#shrink(error);
    this.#session = told;
    this.#mode = "chunks";
  }

  /**
   * Where a registry does not tell how far it came, the chunk of a stream that got no answer is at
   * hand still: it goes out again. One that is refused for its place then was taken the first time;
   * were it not so, the digest that closes the upload would not match.
   */
  #repeatChunk(status: number | undefined): boolean {
    const { offset } = this.#session;
    // Without a byte of it there, a new upload is as good, and certain.
    if (this.transfer.upload.reopenable || this.#mode !== "chunks" || offset === 0) return false;
    if (status !== 416) this.#repeated = true;
    else if (this.#repeated) {
      this.#session = { ...this.#session, offset: this.#chunkEnd };
      this.#repeated = false;
    } else return false;
    return true;
  }

  async #wait(error: unknown): Promise<void> {
    const { channel, options } = this;
    const asked = error instanceof HttpError ? error.retryAfter ?? 0 : 0;
    if (asked > channel.limits.retryAfter) throw error;
    const delay = backoff(channel.retry, this.#failures, Math.random());
    await channel.clock.sleep(Math.max(asked, delay), options.signal);
  }

  /** Whether the registry has every byte, and only the closing request is missing. */
  #allSent(): boolean {
    const { size, digest } = this.transfer.upload;
    return digest !== undefined && this.#session.offset > 0 && this.#session.offset === size;
  }

  /** A request that died may have done its work. */
  async #landed(): Promise<boolean> {
    const { digest } = this.transfer.upload;
    if (digest === undefined) return false;
    try {
      return await hasBlob(this.channel, this.repository, digest, this.options);
    } catch {
      this.options.signal?.throwIfAborted();
      return false;
    }
  }

  async #status(): Promise<UploadSession | undefined> {
    const { channel, repository, options } = this;
    const known = channel.learned.uploadStatus === false;
    if (known && this.transfer.upload.sent < WORTH_ASKING_BYTES) return undefined;
    try {
      const { session, told } = await askUploadStatus(channel, repository, this.#session, options);
      if (told) this.#lessons.unlearn("uploadStatus");
      return told ? session : undefined;
    } catch {
      options.signal?.throwIfAborted();
      return undefined; // gone, or a registry that does not tell
    }
  }

  /** Starts again from the first byte, in a new session. */
  async #restart(error: unknown): Promise<void> {
    const { source, upload, algorithm } = this.transfer;
    const { streams } = this.channel;
    const chunks = this.#mode === "chunks";
    // One chunk was taken and the next one refused: both are at hand, and all may go in one request.
    const replay = !source.reopenable && chunks && this.#refusedChunks > 0 && upload.replayable &&
      streams;
    if (!source.reopenable && !replay && (!chunks || this.#session.offset > 0)) {
      throw this.#failed(error);
    }
    const alive = await this.giveUp();
    // It was there, and nothing was told of it: so it will be the next time.
    if (alive && this.#untold) this.#lessons.learn("uploadStatus", false);
    this.#untold = false;
    // An upload that is gone once may be a registry's restart. Twice, it takes no chunks.
    if (chunks && (replay || this.#refusedChunks > 1)) {
      const whole = upload.digest !== undefined && source.size !== undefined;
      if (streams || source.bytes !== undefined) this.#mode = whole ? "put" : "patch";
    }
    // One that did not land in two requests may in one, now that its digest is known.
    if (this.#mode === "patch" && this.transfer.upload.digest !== undefined) this.#mode = "put";
    this.#session = await startBlobUpload(this.channel, this.repository, {
      ...this.options,
      digestAlgorithm: algorithm,
    });
  }

  /** Smaller chunks from now on, for every upload to this registry. */
  #shrink(error: unknown): void {
    const { maxBody = Infinity } = this.channel.learned;
    const whole = this.#mode !== "chunks";
    const { source, upload } = this.transfer;
    const refused = whole ? source.size ?? upload.sent : this.#chunkSize;
    this.#chunkSize = Math.min(this.#chunkSize, Math.floor(refused / 2));
    if (this.#chunkSize < LEAST_CHUNK_BYTES) throw error;
    if (whole) this.#lessons.learn("maxBody", Math.min(maxBody, refused - 1));
    this.#mode = "chunks";
    this.#lessons.learn("maxChunk", this.#chunkSize);
  }

  #failed(cause: unknown): unknown {
    const { reopenable } = this.transfer.source;
    if (!(cause instanceof ApiError) || cause instanceof UploadError) return cause;
    if (cause instanceof HttpError && reopenable) return cause;
    const hint = reopenable ? "" : ". Pass {size, open()} instead of a stream";
    return new UploadError(
      `Cannot push the blob to ${this.repository}: ${cause.message}${hint}`,
      { cause, retryable: reopenable },
    );
  }
}

/** Statuses of a registry that takes no PATCH without Content-Range: the blob goes by PUT then. */
const REFUSED_PATCH = [400, 405, 411, 415, 501];

/** The status of a refusal; 404 for an upload that is gone, which olareg answers with 400. */
function uploadStatus(error: unknown): number | undefined {
  if (!(error instanceof HttpError)) return undefined;
  return error.codes.includes("BLOB_UPLOAD_UNKNOWN") ? 404 : error.statusCode;
}
