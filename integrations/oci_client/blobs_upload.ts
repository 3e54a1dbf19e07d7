import { openBody } from "../../content/body.ts";
import type { CallOptions } from "./answers.ts";
import { bodyOf, Chunk, type Data } from "./chunk.ts";
import type { Hasher } from "./digest.ts";
import type { Req } from "./result.ts";

/** A chunk's size where the registry asks for no larger ones: GHCR takes no more than 4 MiB. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** The endpoints that an upload is made of: those of `BlobsApiV2`. */
export interface UploadEndpoints {
  /** end-4a. */
  initUpload(options: CallOptions): Req<{ location: URL; chunkMinLength?: number }>;
  /** end-5. */
  uploadChunk(location: URL, chunk: Chunk, options: CallOptions): Req<{ location: URL }>;
  /** end-6. */
  closeUpload(
    location: URL,
    digest: string,
    data: Chunk,
    options: CallOptions,
  ): Req<{ location: URL }>;
}

/**
 * An upload that is written piece by piece. What is written is sent in chunks of 4 MiB, or larger ones
 * where the registry asks for them; the rest goes with what closes it.
 */
export class BlobsV2Upload {
  readonly #blobs: UploadEndpoints;
  readonly #hasher: Hasher;
  readonly #options: CallOptions;
  #chunk = new Uint8Array(0);
  #filled = 0;
  #sent = 0;
  #location: URL | undefined;
  #writing: Promise<void> = Promise.resolve();
  #closing: Promise<URL> | undefined;

  /** An upload; nothing is sent yet. */
  constructor(blobs: UploadEndpoints, hasher: Hasher, options: CallOptions = {}) {
    this.#blobs = blobs;
    this.#hasher = hasher;
    this.#options = options;
  }

  /**
   * Adds bytes; resolves when they are hashed, and sent as far as they fill a chunk.
   *
   * @throws {ResError} When the registry refuses a chunk; the upload is of no use then.
   * @throws {TypeError} When it was closed before.
   */
  async write(data: Data | ReadableStream<Uint8Array>): Promise<void> {
    if (this.#closing !== undefined) throw new TypeError("Cannot write: the upload is closed");
    // In the order of the calls, whether they are awaited or not.
    const writing = this.#writing.then(() => this.#write(data));
    this.#writing = writing;
    writing.catch(() => {});
    await writing;
  }

  /** Closes it, once, and answers where the blob is; the next call answers the same. */
  close(): Promise<URL> {
    return this.#closing ??= this.#close();
  }

  async #write(data: Data | ReadableStream<Uint8Array>): Promise<void> {
    await this.#start();
    const reader = await openBody(bodyOf(data)).open();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || value === undefined) return;
        this.#hasher.update(value);
        for (let at = 0; at < value.byteLength;) {
          const piece = value.subarray(at, at + this.#chunk.byteLength - this.#filled);
          this.#chunk.set(piece, this.#filled);
          this.#filled += piece.byteLength;
          at += piece.byteLength;
          if (this.#filled === this.#chunk.byteLength) await this.#send();
        }
      }
    } catch (error) {
      await reader.cancel(error).catch(() => {});
      throw error;
    }
  }

  async #start(): Promise<URL> {
    if (this.#location !== undefined) return this.#location;
    const started = await this.#blobs.initUpload(this.#options).unwrap();
    this.#chunk = new Uint8Array(Math.max(CHUNK_BYTES, started.chunkMinLength ?? 0));
    return this.#location = started.location;
  }

  async #send(): Promise<void> {
    const chunk = new Chunk(this.#chunk, this.#sent);
    const sent = await this.#blobs.uploadChunk(this.#location!, chunk, this.#options).unwrap();
    this.#location = sent.location;
    this.#sent += this.#filled;
    this.#filled = 0;
  }

  async #close(): Promise<URL> {
    await this.#writing;
    const location = await this.#start();
    const rest = new Chunk(this.#chunk.subarray(0, this.#filled), this.#sent);
    const digest = `${this.#hasher.name}:${this.#hasher.digest()}`;
    const closed = this.#blobs.closeUpload(location, digest, rest, this.#options);
    return (await closed.unwrap()).location;
  }
}
