import { ApiError, BadDigestError, SizeMismatchError, UploadError } from "../errors.ts";
import type { OpenBody } from "../content/body.ts";
import { type Bytes, concatBytes, EMPTY } from "../content/bytes.ts";
import { type Digest, hashAlgorithm, toDigest } from "../content/digest.ts";
import { createHasher, type HashAlgorithm, type Hasher } from "../content/hasher.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import { untilAborted } from "../transport/until_aborted.ts";

/** A chunk of a body. */
export interface BodyChunk {
  /** Its bytes. */
  data: Bytes;
  /** Whether the body ends with it. */
  last: boolean;
}

/** What an {@linkcode UploadSource} is made of. */
export interface UploadSourceOptions {
  /** The digest that the bytes must have, where it is known. */
  digest?: Digest;
  /** Whether the bytes have that digest for sure: then they are not hashed again. */
  verified?: boolean;
  /** The algorithm of the digest that is computed where none is known. */
  algorithm: HashAlgorithm;
  /** Told the count of bytes that have been read for sending. */
  onBytes: (bytes: number) => void;
}

/**
 * A body on its way out: hashed once while it is read, however often parts of it are sent again,
 * and checked against the size and digest that were given for it.
 */
export class UploadSource {
  readonly #source: OpenBody;
  readonly #options: UploadSourceOptions;
  readonly #hasher: Hasher;
  #hashed = 0;
  #digest: Digest | undefined;
  #chunks: ChunkFeed | undefined;

  private constructor(source: OpenBody, options: UploadSourceOptions, hasher: Hasher) {
    this.#source = source;
    this.#options = options;
    this.#hasher = hasher;
  }

  /** Prepares to hash a body. */
  static async create(source: OpenBody, options: UploadSourceOptions): Promise<UploadSource> {
    const algorithm = options.digest === undefined
      ? options.algorithm
      : hashAlgorithm(options.digest);
    return new UploadSource(source, { ...options, algorithm }, await createHasher(algorithm));
  }

  /** All bytes: as they were declared, or counted at the end. */
  get size(): number | undefined {
    return this.#digest === undefined ? this.#source.size : this.#hashed;
  }

  /** How many bytes have been read for sending; of verified ones it may be any number. */
  get sent(): number {
    return this.#options.verified ? this.#source.size ?? this.#hashed : this.#hashed;
  }

  /** Whether it can be sent again from any offset. */
  get reopenable(): boolean {
    return this.#source.reopenable;
  }

  /** The bytes' digest: as it was given, or as it was computed once all have been read. */
  get digest(): Digest | undefined {
    return this.#options.digest ?? this.#digest;
  }

  /** Whether a stream that was read in chunks is still at hand from its first byte. */
  get replayable(): boolean {
    return this.#chunks?.keepsAll ?? false;
  }

  /**
   * Reads the body from an offset to its end; each byte is hashed the first time it passes. A stream
   * that was read in chunks goes on in one piece, from its first byte.
   */
  async open(offset = 0): Promise<PieceReader> {
    if (offset === 0 && !this.reopenable && this.replayable) return this.#chunks!.replay();
    const reader = await bodyStep(async () => await this.#source.open(offset));
    let position = offset;
    return {
      read: async (view) => {
        const piece = await bodyStep(() => reader.read(view));
        if (piece.done || piece.value === undefined) this.#finish(position);
        else {
          this.#take(piece.value, position);
          position += piece.value.byteLength;
          this.#options.onBytes(position);
        }
        return piece;
      },
      cancel: (reason) => reader.cancel(reason),
    };
  }

  /**
   * Reads a body to its end only for its digest.
   *
   * @throws The signal's reason when it aborts.
   */
  async hashAll(signal?: AbortSignal): Promise<Digest> {
    const reader = await untilAborted(this.open(), signal);
    try {
      while (!(await untilAborted(reader.read(), signal)).done);
    } catch (error) {
      void reader.cancel(error).catch(() => {});
      throw error;
    }
    return this.digest!;
  }

  /** The chunk that starts at an offset: the last one again, or the next one. */
  async chunk(offset: number, size: number): Promise<BodyChunk> {
    this.#chunks ??= new ChunkFeed(this);
    return await this.#chunks.at(offset, size);
  }

  /** Lets go of the body. */
  async cancel(reason?: unknown): Promise<void> {
    await this.#chunks?.cancel(reason);
  }

  #take(piece: Bytes, position: number): void {
    const end = position + piece.byteLength;
    const { size } = this.#source;
    if (size !== undefined && end > size) throw sizeMismatch(size, end, "more");
    if (end <= this.#hashed) return;
    if (!this.#options.verified) {
      const news = position < this.#hashed ? piece.subarray(this.#hashed - position) : piece;
      this.#hasher.update(news);
    }
    this.#hashed = end;
  }

  #finish(position: number): void {
    const { size } = this.#source;
    if (size !== undefined && position < size) throw sizeMismatch(size, position, "fewer");
    const { digest: expected, algorithm, verified } = this.#options;
    if (verified) this.#digest = expected;
    this.#digest ??= toDigest(algorithm, this.#hasher.digest());
    if (expected === undefined || expected === this.#digest) return;
    throw new BadDigestError(
      `Cannot send the blob as ${expected}: the body's ${position} bytes have the digest ` +
        this.#digest,
      { expected, actual: this.#digest },
    );
  }
}

/** Cuts a body into chunks, and keeps the last one until the next is asked for. */
class ChunkFeed {
  readonly #source: UploadSource;
  #reader: PieceReader | undefined;
  #start = 0;
  #chunk: Bytes = EMPTY;
  #rest: Bytes = EMPTY;
  /** The first chunk of a stream, until the second was taken: some registries take but one. */
  #first: Bytes = EMPTY;
  #ended = false;
  #cancelled = false;

  constructor(source: UploadSource) {
    this.#source = source;
  }

  async at(offset: number, size: number): Promise<BodyChunk> {
    const kept = offset - this.#start;
    const there = this.#reader !== undefined && kept >= 0 && kept <= this.#chunk.byteLength;
    if (!there) await this.#reopen(offset);
    else if (kept < this.#chunk.byteLength) {
      // Filled up again, so that no chunk is smaller than the registry takes.
      this.#rest = concatBytes([this.#chunk.subarray(kept), this.#rest]);
    }
    const keepsFirst = there && this.#start === 0 && !this.#source.reopenable;
    if (offset > this.#start) {
      this.#first = keepsFirst ? this.#chunk.subarray(0, kept) as Bytes : EMPTY;
    }
    this.#start = offset;
    this.#chunk = await this.#read(size);
    return { data: this.#chunk, last: this.#ended };
  }

  /** Whether every byte that was read is at hand. */
  get keepsAll(): boolean {
    return this.#reader !== undefined && this.#start === this.#first.byteLength;
  }

  /** What is at hand, and then what follows it; once. */
  replay(): PieceReader {
    const reader = this.#reader!;
    const kept = [this.#first, this.#chunk, this.#rest].filter((piece) => piece.byteLength > 0);
    const ended = this.#ended;
    this.#first = this.#chunk = this.#rest = EMPTY;
    this.#start = Infinity; // nothing is at hand any more
    return {
      async read(view) {
        const value = kept.shift();
        if (value !== undefined) return { done: false, value };
        return ended ? { done: true } : await reader.read(view);
      },
      cancel: (reason) => reader.cancel(reason),
    };
  }

  async cancel(reason?: unknown): Promise<void> {
    this.#cancelled = true;
    await this.#reader?.cancel(reason).catch(() => {});
  }

  async #reopen(offset: number): Promise<void> {
    if (this.#reader !== undefined && !this.#source.reopenable) {
      throw new UploadError(
        `Cannot go on with the upload at byte ${offset}: those bytes of the stream are gone. ` +
          `Pass {size, open()} instead of a stream`,
      );
    }
    void this.#reader?.cancel().catch(() => {});
    this.#reader = await this.#source.open(offset);
    if (this.#cancelled) await this.cancel(); // nobody waits for it any more
    this.#rest = EMPTY;
  }

  /** The next bytes, and one piece more: so that the last chunk is known to be the last. */
  async #read(size: number): Promise<Bytes> {
    const pieces: Bytes[] = [];
    let count = 0;
    this.#ended = false;
    while (true) {
      if (this.#rest.byteLength > 0) {
        const take = this.#rest.subarray(0, size - count) as Bytes;
        pieces.push(take);
        count += take.byteLength;
        this.#rest = this.#rest.subarray(take.byteLength) as Bytes;
        if (this.#rest.byteLength > 0) break;
      }
      const { done, value } = await this.#reader!.read();
      if (done || value === undefined) {
        this.#ended = true;
        break;
      }
      this.#rest = value;
    }
    return pieces.length === 1 ? pieces[0]! : concatBytes(pieces);
  }
}

/** Something that the caller's body does: what it fails with is told as the upload's failure. */
async function bodyStep<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new UploadError(`Cannot send the blob: its body failed: ${words}`, { cause });
  }
}

function sizeMismatch(
  expected: number,
  actual: number,
  comparison: "fewer" | "more",
): SizeMismatchError {
  return new SizeMismatchError(
    `Cannot send the blob: the body has ${comparison} bytes than the ${expected} declared ` +
      `(${actual})`,
    { expected, actual },
  );
}
