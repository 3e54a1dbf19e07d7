import type { Bytes } from "../content/bytes.ts";
import { takeMemory } from "../content/memory.ts";
import { type PieceReader, readerStream } from "../content/piece_reader.ts";

/**
 * The size of every piece but the last, in bytes: large enough that 1 GiB is a thousand pieces,
 * small enough that none is copied for long.
 */
const PIECE_BYTES = 1024 * 1024;

/** The first reading buffer: a small body needs no more. */
const FIRST_READ_BYTES = 64 * 1024;

/** The most one piece of a stream holds, for a consumer who brings no buffer. */
const STREAM_PIECE_BYTES = 256 * 1024;

/**
 * Bytes in memory as a list of pieces. They can be appended without copying what is there, and are
 * never handed out: streams give copies, so what was verified once stays as it was.
 */
export class PieceList {
  #pieces: Bytes[] = [];
  #size = 0;

  /** How many bytes there are. */
  get size(): number {
    return this.#size;
  }

  /** Copies bytes to the end. */
  append(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.byteLength) {
      const used = this.#size % PIECE_BYTES;
      const index = (this.#size - used) / PIECE_BYTES;
      const piece = this.#room(index, used, bytes.byteLength - from);
      const count = Math.min(piece.byteLength - used, bytes.byteLength - from);
      piece.set(bytes.subarray(from, from + count), used);
      from += count;
      this.#size += count;
    }
  }

  /** The piece at an index, with room for at least one more byte after those that are used. */
  #room(index: number, used: number, wanted: number): Bytes {
    const piece = this.#pieces[index];
    if (piece !== undefined && piece.byteLength > used) return piece;
    // The first one is as small as what it holds, and doubles: many bodies are whole in one piece.
    const smallest = index > 0 ? PIECE_BYTES : Math.max(2 * used, used + wanted);
    const larger = new Uint8Array(Math.min(smallest, PIECE_BYTES));
    if (piece !== undefined) larger.set(piece);
    return this.#pieces[index] = larger;
  }

  /**
   * Appends what a reader has, up to a number of bytes; whatever went wrong, the bytes that
   * `onPiece` has seen are here.
   *
   * @returns Whether the reader's end was reached: it may have more when the number was reached.
   */
  async fill(
    reader: PieceReader,
    onPiece: (piece: Bytes) => void,
    maximum = Infinity,
  ): Promise<boolean> {
    // Bytes are read into a buffer of their own and copied: a stream that breaks keeps the buffer
    // it was reading into, and what stood in it would be lost.
    let buffer = new Uint8Array(Math.min(FIRST_READ_BYTES, Math.max(maximum, 1)));
    let left = maximum;
    for (;;) {
      const { done, value } = await reader.read(buffer);
      if (done || value === undefined) return true;
      const piece = value.byteLength > left ? value.subarray(0, left) : value;
      onPiece(piece);
      this.append(piece);
      left -= piece.byteLength;
      if (value.byteLength > piece.byteLength) return false;
      if (buffer.byteLength > 0) continue; // the stream brings its own pieces
      const full = value.byteLength === value.buffer.byteLength;
      // At the number only the end is looked for: a large buffer for it, made for every small blob,
      // kept the collector busy for as long as everything else took.
      buffer = full && left > value.byteLength && value.byteLength < PIECE_BYTES
        ? new Uint8Array(Math.min(left, PIECE_BYTES))
        : new Uint8Array(value.buffer);
    }
  }

  /** Gives back the memory that the last piece does not use. */
  trim(): void {
    const last = this.#pieces.at(-1);
    const used = this.#size - (this.#pieces.length - 1) * PIECE_BYTES;
    if (last !== undefined && used < last.byteLength) {
      this.#pieces[this.#pieces.length - 1] = last.slice(0, used);
    }
  }

  /** The bytes, a piece at a time, for reading only: they are the list's own. */
  *pieces(): Generator<Bytes> {
    let left = this.#size;
    for (const piece of this.#pieces) {
      yield piece.subarray(0, Math.min(left, PIECE_BYTES));
      left -= PIECE_BYTES;
    }
  }

  /** Copies bytes from an offset on; answers how many, which stops at the end of a piece. */
  #copy(target: Uint8Array, offset: number): number {
    const start = offset % PIECE_BYTES;
    const piece = this.#pieces[(offset - start) / PIECE_BYTES]!;
    const count = Math.min(target.byteLength, piece.byteLength - start, this.#size - offset);
    target.set(piece.subarray(start, start + count));
    return count;
  }

  /** A copy of some of the bytes. */
  bytes(offset = 0, length: number = this.#size - offset): Bytes {
    const whole = new Uint8Array(Math.max(0, Math.min(length, this.#size - offset)));
    let count = 0;
    while (count < whole.byteLength) {
      count += this.#copy(whole.subarray(count), offset + count);
    }
    return whole;
  }

  /** A byte stream over a copy of some of the bytes; the signal ends it with its reason. */
  stream(offset = 0, length: number = Infinity, signal?: AbortSignal): ReadableStream<Bytes> {
    const end = Math.min(this.#size, offset + length);
    let position = offset;
    return readerStream({
      read: (view) => {
        if (signal?.aborted) return Promise.reject(signal.reason);
        const left = Math.max(0, end - position);
        const memory = view === undefined
          ? new Uint8Array(Math.min(STREAM_PIECE_BYTES, left))
          : takeMemory(view);
        const target = memory.subarray(0, left) as Bytes;
        const count = left === 0 ? 0 : this.#copy(target, position);
        position += count;
        const value = target.subarray(0, count) as Bytes;
        return Promise.resolve({ done: count === 0, value });
      },
      cancel: () => Promise.resolve(),
    });
  }
}
