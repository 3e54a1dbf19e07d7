import { LimitError, TimeoutError } from "../errors.ts";
import { type Bytes, concatBytes, EMPTY } from "./bytes.ts";
import { Deadline } from "../runtime/deadline.ts";

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
  /** The body beneath, where it can be moved whole instead of being read; not once it was read. */
  readonly native?: NativeBody | undefined;
}

/** A response's own body, which the runtime's `fetch` moves into a request without JavaScript. */
export interface NativeBody {
  /** How many bytes it has. */
  readonly size: number;
  /** Ends it: the caller's own signal does so no more once it was taken. */
  readonly signal?: AbortSignal | undefined;
  /** The stream, untouched. From now on nothing is read here. */
  take(): ReadableStream<Bytes>;
  /** All bytes have been moved. */
  moved(): void;
}

/** Readers of the streams that were made of them, as long as nothing was read. */
const readers: WeakMap<ReadableStream<Bytes>, PieceReader> = new WeakMap();

/** Memory that was made for one piece alone, which need not fill it. */
const madeForPiece: WeakSet<ArrayBufferLike> = new WeakSet();

/**
 * A reader of a stream: the one it was made of, or with the caller's buffers on byte streams, else
 * the stream's own pieces. No piece is empty.
 */
export function pieceReader(stream: ReadableStream<Bytes>): PieceReader {
  const made = readers.get(stream);
  if (made !== undefined) {
    stream.getReader(); // locks it: nobody else may read it any more
    readers.delete(stream);
    return made;
  }
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
  let ownBytes = FIRST_VIEW_BYTES;
  return {
    async read(view) {
      if (view !== undefined) return await byob.read(view) as Piece;
      const piece = await byob.read(new Uint8Array(ownBytes)) as Piece;
      if (piece.value !== undefined) {
        madeForPiece.add(piece.value.buffer);
        if (piece.value.byteLength === ownBytes) ownBytes = VIEW_BYTES;
      }
      return piece;
    },
    cancel: (reason) => byob.cancel(reason),
  };
}

/** What the first read without a buffer takes at most: a small body needs no more. */
const FIRST_VIEW_BYTES = 64 * 1024;

/**
 * What later ones take, once one was filled. Measured on Deno with blobs of 1 and 4 GiB: with half
 * of it the peak is 150 MB instead of 130, with four times as much 220, and none is faster.
 */
const VIEW_BYTES = 512 * 1024;

function byobReader(stream: ReadableStream<Bytes>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return undefined; // not a byte stream, or a runtime whose byte streams have no such reader
  }
}

/** Over so many stall times a body's rate is judged. */
const RATE_STALLS = 10;

/** The limits that a body's reading keeps. */
interface PaceLimits {
  /** How long it may stand still, in milliseconds. */
  stallTimeout: number;
  /** The slowest that it may come, in bytes a second. @default {0} */
  leastRate?: number;
}

/** Fails a read that takes longer than a time limit, and a body that only drips. */
export function stallGuard(
  reader: PieceReader,
  { stallTimeout: milliseconds, leastRate = 0 }: PaceLimits,
  what: string,
): PieceReader {
  let fail: (error: TimeoutError) => void;
  let waited = 0;
  let came = 0;

  /** Counts a piece; an error where too little came for the time that was waited. */
  function judge(bytes: number, time: number): LimitError | undefined {
    waited += time;
    came += bytes;
    if (waited < RATE_STALLS * milliseconds) return undefined;
    const enough = came >= leastRate * waited / 1000;
    const seconds = Math.round(waited / 1000);
    const message = `Cannot read ${what}: only ${came} bytes came in ${seconds} s, less than ` +
      `leastRate, ${leastRate} a second`;
    waited = came = 0;
    return enough ? undefined : new LimitError(message, { limit: "leastRate", maximum: leastRate });
  }

  const deadline = new Deadline(() => {
    const error = new TimeoutError(`Cannot read ${what}: no bytes came for ${milliseconds} ms`);
    fail(error);
    void reader.cancel(error).catch(() => {});
  });

  return {
    read(view) {
      return new Promise((resolve, reject) => {
        fail = reject;
        deadline.set(milliseconds);
        const asked = performance.now();
        reader.read(view).then((piece) => {
          if (piece.done) deadline.clear();
          else deadline.rest();
          const slow = piece.done
            ? undefined
            : judge(piece.value?.byteLength ?? 0, performance.now() - asked);
          if (slow === undefined) return resolve(piece);
          reject(slow);
          void reader.cancel(slow).catch(() => {});
        }, (error) => {
          deadline.clear();
          reject(error);
        });
      });
    },
    cancel(reason) {
      deadline.clear();
      return reader.cancel(reason);
    },
  };
}

/**
 * Everything a reader has, up to a limit. Where it is known how many bytes are to be expected, no more
 * memory is made for each piece than is left of them: to make and zero what is read into by default
 * costs more than all the rest of a small request.
 *
 * @throws {LimitError} When there is more.
 */
export async function readAll(
  reader: PieceReader,
  limit: { name: string; bytes: number; what: string; advice?: string },
  expected = 0,
): Promise<Bytes> {
  const pieces: Bytes[] = [];
  let size = 0;
  for (;;) {
    const left = expected - size;
    // One byte for the end, which will not fill it; by default where more came than was expected.
    const room = expected > 0 && left >= 0 ? Math.min(left || 1, VIEW_BYTES) : 0;
    const { done, value: piece } = await reader.read(room ? new Uint8Array(room) : undefined);
    if (done || piece === undefined) break;
    size += piece.byteLength;
    if (size > limit.bytes) {
      const error = new LimitError(
        `Cannot read ${limit.what}: it is larger than ${limit.name}, ${limit.bytes} bytes` +
          (limit.advice ?? ""),
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

/**
 * A byte stream of a reader's pieces. Nothing is read before it is asked for; a consumer's buffer is
 * handed to the reader, and without one its pieces are passed on as they are. Where the consumer is
 * davit itself, `pieceReader` takes the reader back, and no stream stands between.
 *
 * It has no `autoAllocateChunkSize`: a buffer would be made, and zeroed, for every piece that brings
 * its own memory. On Node that costs as much time as the hashing.
 */
export function readerStream(reader: PieceReader): ReadableStream<Bytes> {
  let cancelled = false;
  const stream: ReadableStream<Bytes> = new ReadableStream({
    type: "bytes",
    async pull(controller: ReadableByteStreamController) {
      readers.delete(stream);
      const request = controller.byobRequest;
      const view = (request?.view ?? undefined) as Bytes | undefined;
      const room = view?.byteLength ?? 0;
      const { done, value: piece } = await reader.read(view);
      if (cancelled) return;
      const tookView = request !== null && view!.byteLength === 0;
      if (done || piece === undefined) {
        // A pending request must be answered after the close, with the memory it brought.
        controller.close();
        if (tookView) request.respondWithNewView(piece!);
        else request?.respond(0);
      } else if (tookView) {
        request.respondWithNewView(piece);
      } else if (piece.byteLength <= room) {
        view!.set(piece);
        request!.respond(piece.byteLength);
      } else {
        // The copy of a constructor: what `slice` makes of a Node Buffer shares its memory.
        controller.enqueue(ownsMemory(piece) ? piece : new Uint8Array(piece));
      }
    },
    async cancel(reason) {
      cancelled = true;
      readers.delete(stream);
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  readers.set(stream, reader);
  return stream;
}

/** Whether no other bytes live in a piece's memory, so that a stream may take it away. */
function ownsMemory({ buffer, byteLength }: Bytes): boolean {
  return byteLength === buffer.byteLength || madeForPiece.has(buffer);
}
