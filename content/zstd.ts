import { InvalidArchiveError, LimitError, UnsupportedRuntimeError } from "../errors.ts";
import { zstdDecompress } from "../runtime/decompress.ts";
import { type Bytes, concatBytes, EMPTY } from "./bytes.ts";
import { countedReader, DecompressCounts, decompressed, type DecompressLimits } from "./gzip.ts";
import type { PieceReader } from "./piece_reader.ts";

/** What zstd's own command takes without being told: 128 MiB. */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;

const FRAME = 0xfd2fb528;
const SKIPPED_FRAME = 0x184d2a50;

/**
 * Decompresses zstd, also of several frames, by the runtime's own decoder. It is given one frame at a
 * time: some runtimes stop behind the first one, or take a cut file for a whole one.
 *
 * @throws {UnsupportedRuntimeError} On a runtime without a decoder: Node before 22.15, and browsers.
 * @throws {InvalidArchiveError} While reading, when it is not zstd, or is cut or damaged.
 * @throws {LimitError} While reading, when more comes out than the limits allow, or a frame wants a
 * window of more than 128 MiB.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8878
 */
export function unzstd(source: PieceReader, limits: DecompressLimits): PieceReader {
  const decompress = zstdDecompress();
  if (decompress === undefined) {
    throw new UnsupportedRuntimeError(
      "Cannot decompress zstd: this runtime has no decoder of it; Node has one from 22.15 on, as have " +
        "Deno 2 and Bun",
    );
  }
  const counts = new DecompressCounts(limits);
  const input = new Input(source, counts);
  const output = (async function* () {
    while (await findFrame(input)) {
      yield* decompressed(frame(input), decompress, "the zstd data is damaged");
    }
  })();
  return countedReader(source, output, counts);
}

/** Goes to where the next frame begins, behind its magic number; `false` at the end. */
async function findFrame(input: Input): Promise<boolean> {
  for (;;) {
    const magic = await input.take(4, true);
    if (magic === undefined) return false;
    if (number(magic) >>> 0 === FRAME) return true;
    if ((number(magic) & 0xfffffff0) !== SKIPPED_FRAME) {
      throw new InvalidArchiveError("Cannot decompress: it is no zstd, or something follows it");
    }
    let left = number(await input.take(4)) >>> 0;
    while (left > 0) left -= (await input.take(Math.min(left, 1024))).byteLength;
  }
}

/** The bytes of one frame: its header, its blocks, and the checksum behind the last one. */
async function* frame(input: Input): AsyncGenerator<Bytes> {
  const { bytes, hasChecksum } = await readHeader(input);
  yield bytes;
  for (let isLast = false; !isLast;) {
    const header = await input.take(3);
    const [type, size] = [number(header) >> 1 & 3, number(header) >> 3];
    isLast = (header[0]! & 1) === 1;
    yield concatBytes([header, await input.take(type === 1 ? 1 : size)]); // 1: a byte repeated
  }
  if (hasChecksum) yield await input.take(4);
}

async function readHeader(input: Input): Promise<{ bytes: Bytes; hasChecksum: boolean }> {
  const first = await input.take(1);
  const flags = first[0]!;
  const single = (flags & 0x20) !== 0;
  const descriptor = await input.take(single ? 0 : 1);
  const dictionary = await input.take([0, 1, 2, 4][flags & 3]!);
  const size = await input.take([single ? 1 : 0, 2, 4, 8][flags >> 6]!);
  checkWindow(single ? contentSize(size) : windowSize(descriptor[0]!));
  const magic = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd]);
  const bytes = concatBytes([magic, first, descriptor, dictionary, size]);
  return { bytes, hasChecksum: (flags & 4) !== 0 };
}

function contentSize(bytes: Bytes): number {
  const low = number(bytes.subarray(0, 4)) >>> 0;
  if (bytes.byteLength === 2) return low + 256;
  return low + (number(bytes.subarray(4)) >>> 0) * 2 ** 32;
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + base / 8 * (descriptor & 7);
}

function checkWindow(bytes: number): void {
  if (bytes <= MAX_WINDOW_BYTES) return;
  throw new LimitError(
    `Cannot decompress: the zstd data wants a window of ${bytes} bytes, more than windowBytes, ` +
      `${MAX_WINDOW_BYTES}`,
    { limit: "windowBytes", maximum: MAX_WINDOW_BYTES },
  );
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
      if (this.#held.byteLength === 0) this.#held = (await this.source.read()).value ?? EMPTY;
      const piece = this.#held.subarray(0, left) as Bytes;
      if (piece.byteLength === 0) {
        if (mayEnd && left === count) return undefined;
        throw new InvalidArchiveError("Cannot decompress: the zstd data is cut");
      }
      this.#held = this.#held.subarray(piece.byteLength) as Bytes;
      this.counts.taken(piece.byteLength);
      left -= piece.byteLength;
      pieces.push(piece);
    }
    return concatBytes(pieces);
  }
}

/** Little-endian; of four bytes, with a sign. */
function number(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte, at) => sum | byte << (8 * at), 0);
}
