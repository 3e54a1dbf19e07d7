import { Gzip } from "fflate";
import { InvalidArchiveError, LimitError } from "../errors.ts";
import type { Bytes } from "./bytes.ts";
import type { PieceReader } from "./piece_reader.ts";

/** What goes into the compressor at once: always as much, as the result depends on it. */
const INPUT_BYTES = 64 * 1024;

/** How often others get their turn, in inputs: a mebibyte takes about 30 ms. */
const INPUTS_AT_ONCE = 16;

/** What goes into the decompressor at once: 16 MiB may come out of it, a thousand times as much. */
const COMPRESSED_BYTES = 16 * 1024;

/** Below this any ratio is allowed: files of zeros compress a thousand times, and do no harm. */
const RATIO_FREE_BYTES = 16 * 1024 * 1024;

/**
 * Compresses with gzip. The same bytes give the same result in every runtime, whose own compressors
 * differ from each other: so this one is written in JavaScript.
 */
export async function* gzip(pieces: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  const made: Bytes[] = [];
  const compressor = new Gzip({ level: 6, mtime: 0 }, (piece) => made.push(piece as Bytes));
  let block = new Uint8Array(INPUT_BYTES);
  let filled = 0;
  let inputs = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.byteLength;) {
      const part = piece.subarray(at, at + INPUT_BYTES - filled);
      block.set(part, filled);
      filled += part.byteLength;
      at += part.byteLength;
      if (filled < INPUT_BYTES) continue;
      compressor.push(block);
      block = new Uint8Array(INPUT_BYTES);
      filled = 0;
      yield* made.splice(0);
      if (++inputs % INPUTS_AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve));
    }
  }
  compressor.push(block.subarray(0, filled), true);
  yield* made.splice(0);
}

/** What decompressed bytes may come to. */
export interface GunzipLimits {
  /** The most bytes. */
  maxBytes: number;
  /** The most bytes for one compressed byte, where they are more than 16 MiB. */
  maxRatio: number;
}

/**
 * Decompresses gzip, of one member. What follows it is an error in Deno and newer versions of Node;
 * other runtimes read it as a further member, or leave it out.
 *
 * @throws {InvalidArchiveError} When it is not gzip, is cut or damaged, or something follows.
 * @throws {LimitError} When more comes out than the limits allow.
 */
export function gunzip(source: PieceReader, { maxBytes, maxRatio }: GunzipLimits): PieceReader {
  let taken = 0;
  let made = 0;
  let failure: { cause: unknown } | undefined;
  let held: Bytes | undefined;
  const compressed = new ReadableStream<Bytes>({
    async pull(controller) {
      try {
        held ??= (await source.read()).value;
      } catch (cause) {
        failure = { cause };
        throw cause;
      }
      if (held === undefined || held.byteLength === 0) {
        controller.close();
        return;
      }
      const part = held.slice(0, COMPRESSED_BYTES) as Bytes;
      taken += part.byteLength;
      held = part.byteLength < held.byteLength
        ? held.subarray(part.byteLength) as Bytes
        : undefined;
      controller.enqueue(part);
    },
    cancel: (reason) => source.cancel(reason),
  }, { highWaterMark: 0 });
  const output = compressed.pipeThrough(new DecompressionStream("gzip")).getReader();
  const exceeded = (limit: string, maximum: number, what: string) =>
    new LimitError(`Cannot decompress: it comes to more ${what} than ${limit}, ${maximum}`, {
      limit,
      maximum,
    });
  return {
    async read() {
      let piece;
      try {
        piece = await output.read();
      } catch (cause) {
        if (failure !== undefined) throw failure.cause;
        throw new InvalidArchiveError(
          "Cannot decompress: it is not gzip, is cut or damaged, or something follows it",
          { cause },
        );
      }
      if (piece.done) return { done: true };
      made += piece.value.byteLength;
      if (made > maxBytes) throw exceeded("maxBytes", maxBytes, "bytes");
      if (made > RATIO_FREE_BYTES && made > taken * maxRatio) {
        throw exceeded("maxRatio", maxRatio, "bytes for each compressed one");
      }
      return { done: false, value: piece.value as Bytes };
    },
    cancel: (reason) => output.cancel(reason),
  };
}
