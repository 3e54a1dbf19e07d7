import { type Bytes, concatBytes } from "../content/bytes.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import type { FileCursor } from "../runtime/files.ts";

/** Measured: half of it costs a tenth of the speed, twice as much gains nothing. */
const BUFFER_BYTES = 1024 * 1024;

/** The first reading buffer: a small body needs no more. */
const FIRST_BUFFER_BYTES = 64 * 1024;

/** Smaller pieces are copied and written together: a write costs as much as copying this much. */
const LARGE_PIECE_BYTES = 256 * 1024;

/** What a {@linkcode PieceWriter} does with the pieces, beyond writing them. */
export interface PieceWriterOptions {
  /** Told every piece before it is written. */
  onPiece?: (piece: Bytes) => void;
  /** The most bytes that are taken. @default {Infinity} */
  maximum?: number;
  /** Ends it between two pieces. */
  signal?: AbortSignal;
}

/** Bytes that wait to be written; `reusable` says whether their memory is free afterwards. */
interface Waiting {
  bytes: Bytes;
  reusable: boolean;
}

/**
 * Writes what a reader has to a file: one buffer is written while the next one is read, and no byte
 * of a large piece is copied. What the reader gave before it failed is written too.
 */
export class PieceWriter {
  readonly #file: FileCursor;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** The write that is going on. */
  #writing: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;
  /** Memory that was written, for the next read. */
  #free: Bytes | undefined;
  #written = 0;

  /** Writes from the file's position on. */
  constructor(file: FileCursor) {
    this.#file = file;
  }

  /** How many bytes the file has taken. */
  get written(): number {
    return this.#written;
  }

  /**
   * Writes everything up to a number of bytes. It has all been written when this resolves, or
   * rejects with what the reader or the file failed with.
   *
   * @returns Whether the reader's end was reached: it may have more when the number was reached.
   */
  async write(reader: PieceReader, options: PieceWriterOptions = {}): Promise<boolean> {
    let ended: boolean;
    try {
      ended = await this.#take(reader, options);
    } catch (error) {
      await this.#drain(0).catch(() => {}); // the file must not be closed under a write
      throw error;
    }
    await this.#drain(0);
    return ended;
  }

  async #take(reader: PieceReader, options: PieceWriterOptions): Promise<boolean> {
    const { onPiece, maximum = Infinity, signal } = options;
    let left = maximum;
    let view: Bytes = new Uint8Array(FIRST_BUFFER_BYTES);
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read(view);
      if (done || value === undefined) return true;
      const tookView = view.byteLength === 0;
      const piece = value.byteLength > left ? value.subarray(0, left) as Bytes : value;
      onPiece?.(piece);
      left -= piece.byteLength;
      if (piece.byteLength >= LARGE_PIECE_BYTES) {
        this.#add({ bytes: piece, reusable: tookView });
        // A stream's own memory may change with its next piece: it was hashed, and must stay so.
        await this.#drain(tookView ? LARGE_PIECE_BYTES - 1 : 0);
        if (tookView) {
          view = this.#free ?? new Uint8Array(BUFFER_BYTES);
          this.#free = undefined;
        }
      } else {
        this.#add({ bytes: piece.slice(), reusable: false });
        await this.#drain(BUFFER_BYTES);
        if (tookView) view = nextView(value);
      }
      if (value.byteLength > piece.byteLength) return false;
    }
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#waitingBytes += waiting.bytes.byteLength;
    this.#writeNext();
  }

  /** Writes what waits, as soon as nothing else is written. */
  #writeNext(): void {
    if (this.#writing !== undefined || this.#waitingBytes === 0 || this.#failure) return;
    const { bytes, reusable } = this.#next();
    this.#waitingBytes -= bytes.byteLength;
    this.#writing = this.#file.write(bytes).then(() => {
      this.#written += bytes.byteLength;
      if (reusable) this.#free = nextView(bytes);
      this.#writing = undefined;
      this.#writeNext();
    }, (error) => {
      this.#failure = { error };
      this.#writing = undefined;
    });
  }

  /** The first large piece, or the small ones before it as one. */
  #next(): Waiting {
    const end = this.#waiting.findIndex(({ bytes }) => bytes.byteLength >= LARGE_PIECE_BYTES);
    if (end === 0) return this.#waiting.shift()!;
    const small = this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
    if (small.length === 1) return small[0]!;
    return { bytes: concatBytes(small.map(({ bytes }) => bytes)), reusable: false };
  }

  /** Waits until no more than so many bytes wait, or, for 0, until all are written. */
  async #drain(most: number): Promise<void> {
    while (this.#writing !== undefined && (most === 0 || this.#waitingBytes > most)) {
      await this.#writing;
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** The memory of a piece as a buffer for reading; a larger one once the first one was filled. */
function nextView({ buffer, byteLength }: Bytes): Bytes {
  const small = buffer.byteLength < BUFFER_BYTES;
  return small && byteLength === buffer.byteLength
    ? new Uint8Array(BUFFER_BYTES)
    : new Uint8Array(buffer);
}
