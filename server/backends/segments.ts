import { type Bytes, concatBytes } from "../../content/bytes.ts";
import { type PieceReader, pieceReader } from "../../content/piece_reader.ts";

/** Options of {@linkcode writeSegments}. */
interface WriteSegmentsOptions {
  /** How many bytes a segment has; the last one may have fewer. */
  bytes: number;
  /** Keeps a segment. */
  write(segment: Bytes): Promise<void>;
  /** Called with every piece before it is kept. */
  onPiece?: (piece: Bytes) => void;
  /** The most bytes that are taken. @default {Infinity} */
  maximum?: number;
}

/**
 * Writes what a reader has in segments: what {@linkcode BackendUpload.append} must do, for a storage
 * that takes whole objects. What the reader gave before it failed is written too.
 *
 * @returns Whether the reader's end was reached.
 */
export async function writeSegments(
  reader: PieceReader,
  { bytes, maximum = Infinity, onPiece, write }: WriteSegmentsOptions,
): Promise<boolean> {
  let held: Bytes[] = [];
  let room = bytes;
  let left = maximum;
  const flush = async () => {
    const segment = concatBytes(held);
    held = [];
    room = bytes;
    if (segment.byteLength > 0) await write(segment);
  };
  const take = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || value === undefined) return true;
      const piece = new Uint8Array(value.subarray(0, left));
      onPiece?.(piece);
      left -= piece.byteLength;
      for (let at = 0; at < piece.byteLength;) {
        const part = piece.subarray(at, at + room) as Bytes;
        held.push(part);
        room -= part.byteLength;
        at += part.byteLength;
        if (room === 0) await flush();
      }
      if (piece.byteLength < value.byteLength) return false;
    }
  };
  try {
    return await take();
  } finally {
    await flush();
  }
}

/** A part of some content, somewhere. */
interface Segment {
  /** How many bytes it has. */
  readonly size: number;
  /** Its bytes from an offset on, `length` of them. */
  open(offset: number, length: number): Promise<ReadableStream<Bytes>>;
}

/**
 * A stream of content that is kept in segments: each is opened when the one before has been read.
 */
export function joinSegments(
  segments: readonly Segment[],
  offset = 0,
  length = Infinity,
): ReadableStream<Bytes> {
  const left = partsOf(segments, offset, length);
  let reader: PieceReader | undefined;
  return new ReadableStream<Bytes>({
    async pull(controller) {
      for (;;) {
        if (reader === undefined) {
          const part = left.shift();
          if (part === undefined) return controller.close();
          reader = pieceReader(await part());
        }
        const { done, value } = await reader.read();
        if (!done && value !== undefined) return controller.enqueue(value);
        reader = undefined;
      }
    },
    async cancel(reason) {
      await reader?.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/** What opens the part of each segment that is wanted, where there is one. */
function partsOf(
  segments: readonly Segment[],
  offset: number,
  length: number,
): (() => Promise<ReadableStream<Bytes>>)[] {
  let start = 0;
  return segments.flatMap((segment) => {
    const from = Math.max(offset - start, 0);
    const to = Math.min(offset + length - start, segment.size);
    start += segment.size;
    return from < to ? [() => segment.open(from, to - from)] : [];
  });
}
