import { InvalidArchiveError, LimitError } from "../errors.ts";
import { type Decompress, gunzipPieces } from "../runtime/decompress.ts";
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
  // Loaded when it is asked for: its tables take 20 ms of every start.
  const { Gzip } = await import("fflate");
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
export interface DecompressLimits {
  /** The most bytes. */
  maxBytes: number;
  /** The most bytes for one compressed byte, where they are more than 16 MiB. */
  maxRatio: number;
}

/**
 * Counts what a decompressor takes and makes.
 *
 * @throws {LimitError} From `made`, when more comes out than the limits allow.
 */
export class DecompressCounts {
  #taken = 0;
  #made = 0;

  /** Nothing so far. */
  constructor(private readonly limits: DecompressLimits) {}

  /** Counts compressed bytes that go in. */
  taken(bytes: number): void {
    this.#taken += bytes;
  }

  /** Counts bytes that came out. */
  made(bytes: number): void {
    const { maxBytes, maxRatio } = this.limits;
    this.#made += bytes;
    if (this.#made > maxBytes) throw exceeded("maxBytes", maxBytes, "bytes");
    if (this.#made > RATIO_FREE_BYTES && this.#made > this.#taken * maxRatio) {
      throw exceeded("maxRatio", maxRatio, "bytes for each compressed one");
    }
  }
}

function exceeded(limit: string, maximum: number, what: string): LimitError {
  return new LimitError(`Cannot decompress: it comes to more ${what} than ${limit}, ${maximum}`, {
    limit,
    maximum,
  });
}

/**
 * Decompresses gzip, also of several members; zeros behind them are left out.
 *
 * @throws {InvalidArchiveError} When it is not gzip, is cut or damaged, or something follows.
 * @throws {LimitError} When more comes out than the limits allow.
 */
export function gunzip(source: PieceReader, limits: DecompressLimits): PieceReader {
  const counts = new DecompressCounts(limits);
  const damage = "it is not gzip, is cut or damaged, or something follows it";
  return countedReader(source, decompressed(parts(source, counts), gunzipPieces, damage), counts);
}

async function* parts(source: PieceReader, counts: DecompressCounts): AsyncGenerator<Bytes> {
  for (let value; (value = (await source.read()).value)?.byteLength;) {
    for (let at = 0; at < value.byteLength; at += COMPRESSED_BYTES) {
      const part = new Uint8Array(value.subarray(at, at + COMPRESSED_BYTES));
      counts.taken(part.byteLength);
      yield part;
    }
  }
}

/** Decompresses pieces. What they throw is thrown on; all else is damage. */
export async function* decompressed(
  pieces: AsyncGenerator<Bytes>,
  decompress: Decompress,
  damage: string,
): AsyncGenerator<Bytes> {
  let failure: { cause: unknown } | undefined;
  const watched: AsyncIterableIterator<Bytes> = {
    next: () =>
      pieces.next().catch((cause) => {
        failure = { cause };
        throw cause;
      }),
    [Symbol.asyncIterator]: () => watched,
  };
  try {
    for await (const piece of decompress(watched)) yield piece as Bytes;
  } catch (cause) {
    if (failure !== undefined) throw failure.cause;
    throw new InvalidArchiveError(`Cannot decompress: ${damage}`, { cause });
  }
}

/** A reader of what was decompressed, which counts it; giving it up gives up the source. */
export function countedReader(
  source: PieceReader,
  output: AsyncGenerator<Bytes>,
  counts: DecompressCounts,
): PieceReader {
  return {
    async read() {
      const { done, value } = await output.next();
      if (done) return { done: true };
      counts.made(value.byteLength);
      return { done: false, value };
    },
    async cancel(reason) {
      void output.return(undefined).catch(() => {});
      await source.cancel(reason);
    },
  };
}
