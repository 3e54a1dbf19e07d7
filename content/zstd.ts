import { Decompress } from "fzstd";
import { ApiError, InvalidArchiveError } from "../errors.ts";
import { type Bytes, EMPTY } from "./bytes.ts";
import { DecompressCounts, type DecompressLimits } from "./gzip.ts";
import type { Piece, PieceReader } from "./piece_reader.ts";
import { ZstdFrames } from "./zstd_frames.ts";

/** What goes into the decompressor at once: of four bytes it may make 128 KiB. */
const INPUT_BYTES = 8 * 1024;

/**
 * Decompresses zstd, also of several frames. In JavaScript, as Node 20 has no zstd, and of the other
 * runtimes some stop behind the first frame, or take a cut file for a whole one. What it comes to is
 * not compared with the checksums in it: its digest is.
 *
 * @throws {InvalidArchiveError} When it is not zstd, or is cut or damaged.
 * @throws {LimitError} When more comes out than the limits allow.
 */
export function unzstd(source: PieceReader, limits: DecompressLimits): PieceReader {
  const counts = new DecompressCounts(limits);
  const frames = new ZstdFrames();
  const made: Bytes[] = [];
  const decoder = new Decompress((piece) => {
    counts.made(piece.byteLength);
    if (piece.byteLength > 0) made.push(piece as Bytes);
  });
  let held: Bytes | undefined;
  let ended = false;

  async function fill(): Promise<void> {
    held ??= (await source.read()).value;
    const part = held?.subarray(0, INPUT_BYTES) as Bytes | undefined;
    ended = part === undefined || part.byteLength === 0;
    if (ended) frames.finish();
    else {
      counts.taken(part!.byteLength);
      held = part!.byteLength < held!.byteLength ? held!.subarray(INPUT_BYTES) as Bytes : undefined;
      frames.take(part!);
    }
    try {
      decoder.push(ended ? EMPTY : part!.slice(), ended); // a last frame may be too short to be seen before
    } catch (cause) {
      if (cause instanceof ApiError) throw cause;
      throw new InvalidArchiveError("Cannot decompress: the zstd data is damaged", { cause });
    }
  }

  return {
    async read(): Promise<Piece> {
      while (made.length === 0 && !ended) await fill();
      const value = made.shift();
      return value === undefined ? { done: true } : { done: false, value };
    },
    cancel: (reason) => source.cancel(reason),
  };
}
