import type { Bytes } from "../content/bytes.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import type { FileCursor } from "../runtime/files.ts";

/** Measured: twice as much gains nothing. */
const BUFFER_BYTES = 512 * 1024;

/** The buffers before anything has been written: a small body needs no more. */
const FIRST_BUFFER_BYTES = 64 * 1024;

/** Smaller pieces are copied and written together: a write costs as much as copying this much. */
const LARGE_PIECE_BYTES = 128 * 1024;

/** What a {@linkcode PieceWriter} does with the pieces, beyond writing them. */
interface PieceWriterOptions {
  /** Told every piece before it is written. */
  onPiece?: (piece: Bytes) => void;
  /** The most bytes that are taken. @default {Infinity} */
  maximum?: number;
  /** Ends it between two pieces. */
  signal?: AbortSignal;
}

/**
 * Writes what a reader has to a file: one buffer is written while the next one is read, and no byte
 * of a large piece in a buffer of ours is copied. What the reader gave before it failed is written
 * too.
 */
export class PieceWriter {
  readonly #file: Pick<FileCursor, "write">;
  /** Copies of small pieces, and of those in memory that the stream may use again. */
  #copies: Bytes | undefined;
  #copied = 0;
  /** The write that is going on. */
  #writing: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;
  /** Buffers that were written, to be used again. */
  #free: Bytes[] = [];
  #written = 0;

  /** Writes from the file's position on. */
  constructor(file: Pick<FileCursor, "write">) {
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
      await this.#drain().catch(() => {}); // the file must not be closed under a write
      throw error;
    }
    await this.#drain();
    return ended;
  }

  async #take(reader: PieceReader, options: PieceWriterOptions): Promise<boolean> {
    const { onPiece, maximum = Infinity, signal } = options;
    let left = maximum;
    let view = this.#buffer();
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read(view);
      if (done || value === undefined) return true;
      const tookView = view.byteLength === 0;
      const piece = value.byteLength > left ? value.subarray(0, left) as Bytes : value;
      onPiece?.(piece);
      left -= piece.byteLength;
      if (tookView && (piece.byteLength >= LARGE_PIECE_BYTES || this.#writing === undefined)) {
        await this.#drain();
        this.#start(piece);
        view = this.#buffer();
      } else {
        await this.#copy(piece);
        if (tookView) view = new Uint8Array(value.buffer);
      }
      if (value.byteLength > piece.byteLength) return false;
    }
  }

  #buffer(): Bytes {
    return this.#free.pop() ??
      new Uint8Array(this.#written === 0 ? FIRST_BUFFER_BYTES : BUFFER_BYTES);
  }

  /** Copies a piece behind those that wait; they are written as soon as nothing else is. */
  async #copy(piece: Bytes): Promise<void> {
    let rest = piece;
    while (rest.byteLength > 0) {
      this.#copies ??= this.#buffer();
      const part = rest.subarray(0, this.#copies.byteLength - this.#copied);
      this.#copies.set(part, this.#copied);
      this.#copied += part.byteLength;
      rest = rest.subarray(part.byteLength) as Bytes;
      if (this.#writing === undefined) this.#writeCopies();
      else if (this.#copied === this.#copies.byteLength) await this.#writing;
      this.#check();
    }
  }

  #writeCopies(): void {
    if (this.#copies === undefined || this.#failure !== undefined) return;
    const bytes = this.#copies.subarray(0, this.#copied) as Bytes;
    this.#copies = undefined;
    this.#copied = 0;
    this.#start(bytes);
  }

  /** Writes bytes while nothing else is written, then the copies that came meanwhile. */
  #start(bytes: Bytes): void {
    this.#check();
    this.#writing = this.#file.write(bytes).then(() => {
      this.#written += bytes.byteLength;
      const memory = new Uint8Array(bytes.buffer);
      if (memory.byteLength === BUFFER_BYTES) this.#free.push(memory);
      this.#writing = undefined;
      this.#writeCopies();
    }, (error) => {
      this.#failure = { error };
      this.#writing = undefined;
    });
  }

  /** Waits until everything is written. */
  async #drain(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
