import type { Bytes } from "../content/bytes.ts";
import type { PieceReader } from "../content/piece_reader.ts";

/** Measured: twice as much gains nothing. */
const BUFFER_BYTES = 512 * 1024;

/** So much is written at once: a write costs as much as copying some of these. */
const ENOUGH_BYTES = 256 * 1024;

/**
 * Reads a body in pieces that are worth a write, into memory that is used again. What came before the
 * body failed is handed out first.
 */
export class PieceGatherer {
  readonly #reader: PieceReader;
  readonly #free: ArrayBuffer[] = [];
  /** A piece in the reader's own memory that did not fit any more. */
  #held: Bytes | undefined;
  #ended = false;
  #failure: { error: unknown } | undefined;

  /** Reads from a reader. */
  constructor(reader: PieceReader) {
    this.#reader = reader;
  }

  /** The next bytes; none at the end. */
  async next(): Promise<Bytes | undefined> {
    let copies: ArrayBuffer | undefined;
    let copied = 0;
    while (copied < ENOUGH_BYTES) {
      const piece = this.#held ?? await this.#read();
      this.#held = undefined;
      if (piece === undefined) break;
      if (copied === 0 && piece.byteLength >= ENOUGH_BYTES) return piece;
      // Small ones are copied: a view that is being read into is lost when the body breaks.
      copies ??= this.#buffer();
      if (copied + piece.byteLength > copies.byteLength) {
        this.#held = piece;
        break;
      }
      new Uint8Array(copies).set(piece, copied);
      copied += piece.byteLength;
      this.free(piece);
    }
    if (copies !== undefined) return new Uint8Array(copies, 0, copied);
    if (this.#failure !== undefined) throw this.#failure.error;
    return undefined;
  }

  /** Takes back what was handed out, to read into it again. */
  free({ buffer }: Bytes): void {
    if (buffer.byteLength === BUFFER_BYTES) this.#free.push(buffer as ArrayBuffer);
  }

  /** Gives up. */
  async cancel(reason?: unknown): Promise<void> {
    await this.#reader.cancel(reason);
  }

  #buffer(): ArrayBuffer {
    return this.#free.pop() ?? new ArrayBuffer(BUFFER_BYTES);
  }

  async #read(): Promise<Bytes | undefined> {
    if (this.#ended || this.#failure !== undefined) return undefined;
    const view: Bytes = new Uint8Array(this.#buffer());
    try {
      const { done, value } = await this.#reader.read(view);
      if (!done && value !== undefined) return value;
      this.#ended = true;
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.free(view); // where it was not taken
    }
    return undefined;
  }
}
