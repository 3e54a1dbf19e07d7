import type { Bytes } from "../../content/bytes.ts";
import { type PieceReader, pieceReader } from "../../content/piece_reader.ts";
import { LONGEST_TIMER_MS } from "../../runtime/longest_timer.ts";

/** Waits; rejects with the signal's reason when it aborts. `Infinity` waits for that alone. */
export type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

/** The machine's own time. */
export const sleepForReal: Sleep = (milliseconds, signal) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = milliseconds === Infinity
      ? undefined
      : setTimeout(done, Math.min(milliseconds, LONGEST_TIMER_MS));
    function done(): void {
      signal?.removeEventListener("abort", abort);
      resolve();
    }
    function abort(): void {
      clearTimeout(timer);
      reject(signal!.reason);
    }
    signal?.addEventListener("abort", abort, { once: true });
  });

/** What goes wrong with a body. */
export interface BodyFaults {
  /** After so many bytes it breaks. */
  cutAfter?: number;
  /** After so many bytes it stands still. */
  stallAfter?: number;
  /** So many bytes pass in a second. */
  bytesPerSecond?: number;
  /** The byte at this offset is another one. */
  corruptAt?: number;
}

/** A paced body moves so many times a second: pieces are a tenth of what a second lets through. */
const PIECES_PER_SECOND = 10;

/** What `fetch` rejects with when a connection breaks. */
export function brokenConnection(): TypeError {
  return new TypeError("Cannot go on: the connection broke, as a fault says");
}

/** A body with faults. Cancelling it ends its waiting. */
export function faultyBody(
  stream: ReadableStream<Bytes>,
  faults: BodyFaults,
  sleep: Sleep,
): ReadableStream<Bytes> {
  const { cutAfter = Infinity, stallAfter = Infinity, bytesPerSecond, corruptAt } = faults;
  const reader = pieceReader(stream);
  const waiting = new AbortController();
  const most = bytesPerSecond === undefined
    ? Infinity
    : Math.max(1, Math.floor(bytesPerSecond / PIECES_PER_SECOND));
  let rest: Bytes | undefined;
  let offset = 0;
  let stalled = false;

  async function nextPiece(): Promise<Bytes | undefined> {
    if (rest === undefined) {
      const { done, value } = await reader.read();
      if (done || value === undefined) return undefined;
      rest = value;
    }
    const stop = offset < stallAfter ? stallAfter : Infinity;
    const piece = rest.slice(0, Math.min(most, cutAfter - offset, stop - offset));
    rest = piece.byteLength < rest.byteLength
      ? rest.subarray(piece.byteLength) as Bytes
      : undefined;
    return piece;
  }

  return new ReadableStream<Bytes>({
    async pull(controller) {
      if (offset >= stallAfter && !stalled) {
        stalled = true;
        await sleep(Infinity, waiting.signal);
      }
      if (offset >= cutAfter) {
        const broken = brokenConnection();
        void reader.cancel(broken).catch(() => {});
        throw broken;
      }
      const piece = await nextPiece();
      if (piece === undefined) return controller.close();
      if (corruptAt !== undefined && corruptAt >= offset && corruptAt < offset + piece.byteLength) {
        piece[corruptAt - offset]! ^= 1;
      }
      offset += piece.byteLength;
      if (bytesPerSecond !== undefined) {
        await sleep(1_000 * piece.byteLength / bytesPerSecond, waiting.signal);
      }
      controller.enqueue(piece);
    },
    async cancel(reason) {
      waiting.abort(reason);
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/**
 * A body whose first piece was read to see whether there is any. What breaks then is repeated to the
 * reader of the stream, which knows what to answer.
 */
export async function peekedBody(
  reader: PieceReader,
): Promise<{ empty: boolean; stream: ReadableStream<Bytes> }> {
  let first: ReturnType<PieceReader["read"]> | undefined = reader.read();
  const { done } = await first.catch(() => ({ done: false }));
  return {
    empty: done,
    stream: new ReadableStream<Bytes>({
      async pull(controller) {
        const { done, value } = await (first ?? reader.read());
        first = undefined;
        if (done || value === undefined) return controller.close();
        controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    }, { highWaterMark: 0 }),
  };
}

/** A body that breaks where it is longer than so many bytes, and says whether it did. */
export function limitedBody(
  stream: ReadableStream<Bytes>,
  bytes: number,
): { stream: ReadableStream<Bytes>; broken(): boolean } {
  const reader = pieceReader(stream);
  let left = bytes;
  return {
    broken: () => left < 0,
    stream: new ReadableStream<Bytes>({
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done || value === undefined) return controller.close();
        left -= value.byteLength;
        if (left >= 0) return controller.enqueue(value);
        const error = new TypeError(`Cannot take the body: it has more than ${bytes} bytes`);
        void reader.cancel(error).catch(() => {});
        throw error;
      },
      cancel: (reason) => reader.cancel(reason),
    }, { highWaterMark: 0 }),
  };
}
