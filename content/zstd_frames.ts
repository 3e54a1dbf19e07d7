import { InvalidArchiveError, LimitError } from "../errors.ts";

/** What zstd's own command decompresses without being told: 128 MiB. */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;

const FRAME = 0xfd2fb528;
const SKIPPED_FRAME = 0x184d2a50;

/** The longest header of a frame: 4 bytes of magic, and 14. */
const MAX_HEADER_BYTES = 18;

/**
 * Follows zstd's frames and blocks without decompressing them: whether they end where the bytes do, and that
 * no frame asks for more memory than zstd's command would give it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8878#name-zstandard-frames
 */
export class ZstdFrames {
  /** A header that is not whole yet. */
  #head: number[] = [];
  /** Bytes of content before the next header. */
  #skip = 0;
  #next: "frame" | "block" = "frame";
  #checksum = false;

  /**
   * Sees more bytes.
   *
   * @throws {InvalidArchiveError} When they are none of zstd's.
   * @throws {LimitError} When a frame's window is larger than 128 MiB.
   */
  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength;) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.byteLength - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      this.#head.push(bytes[at++]!);
      const done = this.#next === "block" ? this.#block() : this.#frame();
      if (done) this.#head = [];
    }
  }

  /**
   * Sees the end.
   *
   * @throws {InvalidArchiveError} When a frame goes on.
   */
  finish(): void {
    if (this.#next === "frame" && this.#head.length === 0 && this.#skip === 0) return;
    throw new InvalidArchiveError("Cannot decompress: the zstd data is cut");
  }

  #block(): boolean {
    if (this.#head.length < 3) return false;
    const header = this.#number(0, 3);
    const [last, type, size] = [header & 1, (header >> 1) & 3, header >> 3];
    this.#skip = type === 1 ? 1 : size; // a repeated byte stands there once
    if (last === 1) {
      this.#next = "frame";
      if (this.#checksum) this.#skip += 4;
    }
    return true;
  }

  #frame(): boolean {
    if (this.#head.length < 5) return false;
    const magic = this.#number(0, 4);
    if ((magic & 0xfffffff0) === SKIPPED_FRAME) {
      if (this.#head.length < 8) return false;
      this.#skip = this.#number(4, 4) >>> 0;
      return true;
    }
    if (magic >>> 0 !== FRAME) {
      throw new InvalidArchiveError("Cannot decompress: it is no zstd, or something follows it");
    }
    const flags = this.#head[4]!;
    const single = (flags & 0x20) !== 0;
    const dictionary = [0, 1, 2, 4][flags & 3]!;
    const sizeFlag = flags >> 6;
    const sizeBytes = [single ? 1 : 0, 2, 4, 8][sizeFlag]!;
    const length = 5 + (single ? 0 : 1) + dictionary + sizeBytes;
    if (this.#head.length < Math.min(length, MAX_HEADER_BYTES)) return false;
    checkWindow(single ? this.#contentSize(5 + dictionary, sizeBytes) : windowOf(this.#head[5]!));
    this.#checksum = (flags & 4) !== 0;
    this.#next = "block";
    return true;
  }

  #contentSize(at: number, length: number): number {
    const low = this.#number(at, Math.min(length, 4)) >>> 0;
    if (length === 2) return low + 256;
    return length === 8 ? low + (this.#number(at + 4, 4) >>> 0) * 2 ** 32 : low;
  }

  /** Little-endian. */
  #number(at: number, length: number): number {
    return this.#head.slice(at, at + length).reduce((sum, byte, i) => sum | byte << (8 * i), 0);
  }
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function checkWindow(bytes: number): void {
  if (bytes <= MAX_WINDOW_BYTES) return;
  throw new LimitError(
    `Cannot decompress: the zstd data wants a window of ${bytes} bytes, more than windowBytes, ` +
      `${MAX_WINDOW_BYTES}`,
    { limit: "windowBytes", maximum: MAX_WINDOW_BYTES },
  );
}
