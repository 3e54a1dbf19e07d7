import { InvalidArchiveError, LimitError } from "../errors.ts";
import { type Bytes, concatBytes, EMPTY } from "./bytes.ts";
import { DecompressCounts, type DecompressLimits } from "./gzip.ts";
import type { Piece, PieceReader } from "./piece_reader.ts";
import { MAX_BLOCK_BYTES, plainBlock, ZstdBlocks } from "./zstd_block.ts";
import { damaged } from "./zstd_tables.ts";

/** What zstd's own command takes without being told: 128 MiB. */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;

const FRAME = 0xfd2fb528;
const SKIPPED_FRAME = 0x184d2a50;

/**
 * Decompresses zstd, also of several frames. In JavaScript: Node 20 has no zstd, and of the other runtimes
 * some stop behind the first frame, or take a cut file for a whole one. The checksums in it are not
 * compared: whoever reads it knows its digest.
 *
 * @throws {InvalidArchiveError} When it is not zstd, or is cut or damaged.
 * @throws {LimitError} When more comes out than the limits allow, or a frame wants a window of more
 * than 128 MiB.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8878
 */
export function unzstd(source: PieceReader, limits: DecompressLimits): PieceReader {
  const counts = new DecompressCounts(limits);
  const pieces = framesOf(new Input(source, counts));
  return {
    async read(): Promise<Piece> {
      const { done, value } = await pieces.next();
      if (done) return { done: true };
      counts.made(value.byteLength);
      return { done: false, value };
    },
    cancel: (reason) => source.cancel(reason),
  };
}

async function* framesOf(input: Input): AsyncGenerator<Bytes> {
  for (;;) {
    const head = await input.take(4, true);
    if (head === undefined) return;
    const magic = number(head);
    if ((magic & 0xfffffff0) === SKIPPED_FRAME) {
      await input.skip(number(await input.take(4)) >>> 0);
    } else if (magic >>> 0 === FRAME) {
      yield* frame(input);
    } else {
      throw new InvalidArchiveError("Cannot decompress: it is no zstd, or something follows it");
    }
  }
}

async function* frame(input: Input): AsyncGenerator<Bytes> {
  const { windowBytes, hasChecksum } = await readHeader(input);
  const blocks = new ZstdBlocks();
  const window = new Window(windowBytes);
  for (let last = false; !last;) {
    const header = number(await input.take(3));
    last = (header & 1) === 1;
    const [type, size] = [header >> 1 & 3, header >> 3];
    if (type === 3 || size > MAX_BLOCK_BYTES) throw damaged();
    const block = await input.take(type === 1 ? 1 : size);
    const made = type === 2
      ? window.add((bytes, at, history) => blocks.read(block, bytes, at, history))
      : window.put(plainBlock(block, size, type === 1));
    if (made.byteLength > 0) yield made;
  }
  if (hasChecksum) await input.take(4);
}

async function readHeader(input: Input): Promise<{ windowBytes: number; hasChecksum: boolean }> {
  const [flags = 0] = await input.take(1);
  const single = (flags & 0x20) !== 0;
  const [descriptor = 0] = single ? [] : await input.take(1);
  const dictionary = number(await input.take([0, 1, 2, 4][flags & 3]!));
  if ((flags & 8) !== 0 || dictionary !== 0) throw damaged(); // nobody has the dictionary
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][flags >> 6]!;
  const size = await input.take(sizeBytes);
  let windowBytes = number(size.subarray(0, 4)) >>> 0;
  if (sizeBytes === 2) windowBytes += 256;
  if (sizeBytes === 8) windowBytes += (number(size.subarray(4)) >>> 0) * 2 ** 32;
  if (!single) {
    const base = 2 ** (10 + (descriptor >> 3));
    windowBytes = base + base / 8 * (descriptor & 7);
  }
  if (windowBytes > MAX_WINDOW_BYTES) {
    throw new LimitError(
      `Cannot decompress: the zstd data wants a window of ${windowBytes} bytes, more than ` +
        `windowBytes, ${MAX_WINDOW_BYTES}`,
      { limit: "windowBytes", maximum: MAX_WINDOW_BYTES },
    );
  }
  return { windowBytes, hasChecksum: (flags & 4) !== 0 };
}

/** What may be repeated: the last bytes of a frame. Its memory grows with what comes, not with what is declared. */
class Window {
  #bytes = new Uint8Array(2 * MAX_BLOCK_BYTES);
  #at = 0;

  constructor(private readonly size: number) {}

  /** Lets a block be written behind the last one; answers a copy of it. */
  add(write: (bytes: Uint8Array, at: number, history: number) => number): Bytes {
    this.#makeRoom();
    const start = this.#at;
    this.#at = write(this.#bytes, start, Math.min(start, this.size));
    return this.#bytes.slice(start, this.#at);
  }

  /** Adds bytes; answers a copy of them. */
  put(piece: Uint8Array): Bytes {
    return this.add((bytes, at) => {
      bytes.set(piece, at);
      return at + piece.byteLength;
    });
  }

  #makeRoom(): void {
    const { byteLength } = this.#bytes;
    if (byteLength - this.#at >= MAX_BLOCK_BYTES) return;
    // Moved as seldom as a part of the window costs memory.
    const most = this.size + Math.max(this.size >> 1, 8 * MAX_BLOCK_BYTES);
    const kept = this.#bytes.subarray(Math.max(0, this.#at - this.size), this.#at);
    if (byteLength < most) {
      const larger = new Uint8Array(Math.min(most, 2 * byteLength));
      larger.set(kept);
      this.#bytes = larger;
    } else {
      this.#bytes.set(kept);
    }
    this.#at = kept.byteLength;
  }
}

/** Takes as many bytes of a reader as are asked for. */
class Input {
  #held: Bytes = EMPTY;

  constructor(private readonly source: PieceReader, private readonly counts: DecompressCounts) {}

  /** So many bytes; `undefined` at the end, where that may be. */
  take(count: number): Promise<Bytes>;
  take(count: number, mayEnd: true): Promise<Bytes | undefined>;
  async take(count: number, mayEnd = false): Promise<Bytes | undefined> {
    const pieces: Bytes[] = [];
    for (let left = count; left > 0;) {
      const piece = await this.#some(left);
      if (piece.byteLength === 0) {
        if (mayEnd && left === count) return undefined;
        throw new InvalidArchiveError("Cannot decompress: the zstd data is cut");
      }
      left -= piece.byteLength;
      pieces.push(piece);
    }
    return pieces.length === 1 ? pieces[0]! : concatBytes(pieces);
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0;) left -= (await this.take(Math.min(left, 1024))).byteLength;
  }

  async #some(most: number): Promise<Bytes> {
    if (this.#held.byteLength === 0) this.#held = (await this.source.read()).value ?? EMPTY;
    const piece = this.#held.subarray(0, most) as Bytes;
    this.#held = this.#held.subarray(piece.byteLength) as Bytes;
    this.counts.taken(piece.byteLength);
    return piece;
  }
}

/** Little-endian; of four bytes, with a sign. */
function number(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte, at) => sum | byte << (8 * at), 0);
}
