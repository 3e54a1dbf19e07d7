import { LimitError, TimeoutError } from "../errors.ts";
import { type Bytes, concatBytes, EMPTY } from "./bytes.ts";
import { LONGEST_TIMER_MS } from "../runtime/longest_timer.ts";

/** One answer of a {@linkcode PieceReader}. */
export interface Piece {
  /** Whether the end has come; `value` is then empty. */
  done: boolean;
  /** The bytes; at the end, what is left of the buffer that was given. */
  value?: Bytes;
}

/** Reads a body piece by piece, into the caller's buffer where the stream below can do that. */
export interface PieceReader {
  /**
   * The next piece. A `view` may be used, in which case its buffer is detached and the piece stands
   * at the start of the same memory; or not, and then it is untouched.
   */
  read(view?: Bytes): Promise<Piece>;
  /** Gives up; the connection may be closed. */
  cancel(reason?: unknown): Promise<void>;
}

/**
 * A reader of a stream: with the caller's buffers on byte streams, else the stream's own pieces. No
 * piece is empty.
 */
export function pieceReader(stream: ReadableStream<Bytes>): PieceReader {
  const byob = byobReader(stream);
  if (byob === undefined) {
    const reader = stream.getReader();
    return {
      async read() {
        for (;;) {
          const piece = await reader.read();
          // An empty piece says nothing, and a byte stream that passes it on would break.
          if (piece.done || piece.value.byteLength > 0) return piece;
        }
      },
      cancel: (reason) => reader.cancel(reason),
    };
  }
  return {
    read: (view) => byob.read(view ?? new Uint8Array(DEFAULT_VIEW_BYTES)) as Promise<Piece>,
    cancel: (reason) => byob.cancel(reason),
  };
}

/** What a read without a buffer takes at most. */
const DEFAULT_VIEW_BYTES = 64 * 1024;

function byobReader(stream: ReadableStream<Bytes>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return undefined; // not a byte stream, or a runtime whose byte streams have no such reader
  }
}

/** Fails a read that takes longer than a time limit. Timers are made rarely, not for each read. */
export function stallGuard(reader: PieceReader, milliseconds: number, what: string): PieceReader {
  let started = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let fail: ((error: TimeoutError) => void) | undefined;

  function arm(left: number): void {
    timer = setTimeout(check, Math.min(left, LONGEST_TIMER_MS));
  }

  function check(): void {
    timer = undefined;
    if (fail === undefined) return;
    const left = started + milliseconds - Date.now();
    if (left > 0) {
      arm(left);
      return;
    }
    fail(new TimeoutError(`Cannot read ${what}: no bytes came for ${milliseconds} ms`));
  }

  function stop(): void {
    clearTimeout(timer);
    timer = undefined;
  }

  return {
    read(view) {
      started = Date.now();
      if (timer === undefined) arm(milliseconds);
      return new Promise((resolve, reject) => {
        fail = (error) => {
          fail = undefined;
          reject(error);
          void reader.cancel(error).catch(() => {});
        };
        reader.read(view).then((piece) => {
          fail = undefined;
          if (piece.done) stop();
          resolve(piece);
        }, (error) => {
          fail = undefined;
          stop();
          reject(error);
        });
      });
    },
    cancel(reason) {
      stop();
      return reader.cancel(reason);
    },
  };
}

/**
 * Everything a reader has, up to a limit.
 *
 * @throws {LimitError} When there is more.
 */
export async function readAll(
  reader: PieceReader,
  limit: { name: string; bytes: number; what: string },
): Promise<Bytes> {
  const pieces: Bytes[] = [];
  let size = 0;
  for (;;) {
    const { done, value: piece } = await reader.read();
    if (done || piece === undefined) break;
    size += piece.byteLength;
    if (size > limit.bytes) {
      const error = new LimitError(
        `Cannot read ${limit.what}: it is larger than ${limit.name}, ${limit.bytes} bytes`,
        { limit: limit.name, maximum: limit.bytes },
      );
      await reader.cancel(error).catch(() => {});
      throw error;
    }
    pieces.push(piece);
  }
  if (pieces.length === 0) return EMPTY;
  return concatBytes(pieces);
}
