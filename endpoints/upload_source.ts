import { ApiError, BadDigestError, SizeMismatchError, UploadError } from "../errors.ts";
import { type OpenBody, openBody } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import { type Digest, hashAlgorithm, toDigest } from "../content/digest.ts";
import { createHasher, type HashAlgorithm, type Hasher } from "../content/hasher.ts";
import { type NativeBody, type PieceReader, readAll } from "../content/piece_reader.ts";
import { untilAborted } from "../transport/until_aborted.ts";

/**
 * A body on its way out: hashed once while it is read, however often parts of it are sent again,
 * and checked against the size and digest that were given for it.
 */
export class UploadSource implements OpenBody {
  /** How many bytes in all: as declared, or counted once all have been read. */
  size?: number;
  reopenable: boolean;
  bytes?: Bytes;
  readonly blob?: Blob;
  /** The digest's algorithm. */
  readonly algorithm: HashAlgorithm;
  /** Called with the count of bytes that have been read for sending. */
  onBytes: (bytes: number) => void = () => {};

  #source: OpenBody;
  readonly #expected: Digest | undefined;
  readonly #unhashed: boolean;
  /** The body opened from its start, until it is read. */
  #opened: Promise<PieceReader> | undefined;
  /** The same, once it is there. */
  #ready: PieceReader | undefined;
  /** Whether the body was moved natively: once, as what failed is watched when it goes again. */
  moved = false;
  /** Where it goes, for messages: " to registry.example.com/app". */
  to = "";
  /** What the body's source failed with: it may look like the target's answer. */
  failure: unknown;
  #digest: Digest | undefined;
  #hasher: Hasher | undefined;
  #hashed = 0;

  /**
   * A body, and the digest that it must have; without one it is computed by the algorithm. `unhashed`
   * leaves the digest to the registry: only the size is checked then.
   */
  constructor(
    source: OpenBody,
    expected?: Digest,
    algorithm: HashAlgorithm = "sha256",
    unhashed = false,
  ) {
    this.reopenable = source.reopenable;
    if (source.size !== undefined) this.size = source.size;
    if (source.bytes !== undefined) this.bytes = source.bytes;
    if (source.blob !== undefined) this.blob = source.blob;
    this.algorithm = expected === undefined ? algorithm : hashAlgorithm(expected);
    this.#source = source;
    this.#expected = expected;
    this.#unhashed = unhashed;
  }

  /** How many bytes have been read at least once. */
  get sent(): number {
    return this.#hashed;
  }

  /** The bytes' digest: as it was given, or as it was computed once all have been read. */
  get digest(): Digest | undefined {
    return this.#expected ?? this.#digest;
  }

  /** Opens what will not be hashed while the upload is started: it may be moved without being read. */
  async prepare(): Promise<void> {
    if (!this.#unhashed || this.bytes !== undefined || this.blob !== undefined) return;
    this.#opened ??= this.#step(() => this.#source.open(0));
    this.#ready = await this.#opened;
  }

  /**
   * Passes over the bytes that the registry has, where they must be hashed as those that follow.
   *
   * @throws The signal's reason when it aborts.
   */
  async skip(offset: number, signal?: AbortSignal): Promise<void> {
    if (this.#unhashed) this.#hashed = Math.max(this.#hashed, offset);
    if (this.#hashed >= offset) return;
    await this.#readTo(offset, signal);
  }

  /** Lets go of what was opened and is not needed. */
  release(reason?: unknown): void {
    void this.#opened?.then((reader) => reader.cancel(reason)).catch(() => {});
    this.#opened = this.#ready = undefined;
  }

  /** The body as it can be moved, where nothing of it is to be read. */
  get native(): NativeBody | undefined {
    const native = this.#ready?.native;
    if (native === undefined || this.moved || native.size !== this.size) return undefined;
    return {
      ...native,
      take: () => {
        this.moved = true;
        this.#opened = this.#ready = undefined;
        this.#hashed = native.size; // as far as anyone knows
        return native.take();
      },
    };
  }

  /** Reads the body from an offset to its end; each byte is hashed the first time it passes. */
  async open(offset = 0): Promise<PieceReader> {
    return await this.#read(offset, this.onBytes);
  }

  /**
   * Reads the body to its end only for its digest.
   *
   * @throws The signal's reason when it aborts.
   */
  async hash(signal?: AbortSignal): Promise<void> {
    if (this.bytes !== undefined) {
      this.#hasher = await createHasher(this.algorithm);
      this.#take(this.bytes, 0);
      return await this.#finish(this.bytes.byteLength);
    }
    await this.#readTo(Infinity, signal);
  }

  /**
   * Reads a small body into memory: it can be sent in any way then, and as often as it takes.
   *
   * @throws The signal's reason when it aborts.
   */
  async gather(signal?: AbortSignal): Promise<void> {
    const limit = { name: "size", bytes: this.size!, what: `the blob${this.to}` };
    this.bytes = await this.#reading((reader) => readAll(reader, limit, this.size), signal);
    this.#source = openBody(this.bytes);
    this.reopenable = true;
  }

  async #readTo(end: number, signal?: AbortSignal): Promise<void> {
    await this.#reading(async (reader) => {
      while (this.#hashed < end && !signal?.aborted && !(await reader.read()).done);
      if (end < Infinity) await reader.cancel();
    }, signal);
  }

  /** Reads from the start, and not to be sent. The signal ends the wait; what opens later is let go of. */
  async #reading<T>(work: (reader: PieceReader) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const opening = this.#read(0, () => {});
    const letGo = () => void opening.then((reader) => reader.cancel()).catch(() => {});
    const reader = await untilAborted(opening, signal, letGo);
    try {
      return await untilAborted(work(reader), signal);
    } catch (error) {
      void reader.cancel(error).catch(() => {});
      throw error;
    }
  }

  async #read(offset: number, onBytes: (bytes: number) => void): Promise<PieceReader> {
    const opened = offset === 0 ? this.#opened : undefined;
    if (opened !== undefined) this.#opened = this.#ready = undefined;
    const reader = await (opened ?? this.#step(() => this.#source.open(offset)));
    if (!this.#unhashed) this.#hasher ??= await createHasher(this.algorithm);
    let position = offset;
    return {
      read: async (view) => {
        const piece = await this.#step(() => reader.read(view));
        if (piece.done || piece.value === undefined) await this.#finish(position);
        else {
          this.#take(piece.value, position);
          position += piece.value.byteLength;
          onBytes(position);
        }
        return piece;
      },
      cancel: (reason) => reader.cancel(reason),
    };
  }

  /** Something that the caller's body does: what it fails with becomes the upload's failure. */
  async #step<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (cause) {
      const words = cause instanceof Error ? cause.message : String(cause);
      const message = `Cannot send the blob${this.to}: its body failed: ${words}`;
      this.failure = cause instanceof ApiError ? cause : new UploadError(message, { cause });
      throw this.failure;
    }
  }

  #take(piece: Bytes, position: number): void {
    const end = position + piece.byteLength;
    if (this.size !== undefined && end > this.size) {
      throw sizeMismatch(this.to, this.size, end);
    }
    if (end <= this.#hashed) return;
    const news = position < this.#hashed ? piece.subarray(this.#hashed - position) : piece;
    if (!this.#unhashed) this.#hasher!.update(news);
    this.#hashed = end;
  }

  async #finish(position: number): Promise<void> {
    if (this.size !== undefined && position < this.size) {
      throw sizeMismatch(this.to, this.size, position);
    }
    this.size = position;
    if (this.#unhashed) return;
    this.#digest ??= toDigest(this.algorithm, await this.#hasher!.digest());
    const expected = this.#expected ?? this.#digest;
    if (expected === this.#digest) return;
    throw new BadDigestError(
      `Cannot send the blob${this.to} as ${expected}: the body's ${position} bytes have the digest ` +
        this.#digest,
      { expected, actual: this.#digest },
    );
  }
}

function sizeMismatch(to: string, expected: number, actual: number): SizeMismatchError {
  const comparison = actual > expected ? "more" : "fewer";
  return new SizeMismatchError(
    `Cannot send the blob${to}: the body has ${comparison} bytes than the ${expected} declared ` +
      `(${actual})`,
    { expected, actual },
  );
}
