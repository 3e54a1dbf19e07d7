import { UploadError } from "../errors.ts";
import type { OpenBody } from "../content/body.ts";
import { type Bytes, concatBytes } from "../content/bytes.ts";
import type { PieceReader } from "../content/piece_reader.ts";

/** A chunk of a body. */
interface BodyChunk {
  /** Its bytes. */
  data: Bytes;
  /** Whether the body ends with it. */
  last: boolean;
}

/**
 * Cuts a body into chunks. A chunk stays at hand until the next is asked for, as it may have to go
 * out again; the first chunk of a stream until the third is: some registries take one chunk only,
 * and then the whole stream can still go in one request.
 */
export class ChunkFeed {
  readonly #body: OpenBody;
  #reader: PieceReader | undefined;
  /** The bytes at hand, from `#start` on. */
  #held: Bytes[] = [];
  #start = 0;
  #end = 0;
  /** The offset of the chunk that was asked for last. */
  #current = 0;
  #ended = false;
  #cancelled = false;

  /** Nothing is read before the first chunk is asked for. `to` says in messages where it goes. */
  constructor(body: OpenBody, readonly to = "") {
    this.#body = body;
  }

  /**
   * The chunk of so many bytes that starts at an offset.
   *
   * @throws {UploadError} When the body is a stream, and those bytes are gone.
   */
  async at(offset: number, size: number): Promise<BodyChunk> {
    if (!this.holds(offset)) await this.#open(offset);
    const keepsFirst = !this.#body.reopenable && this.#current === 0;
    if (offset > this.#current && !keepsFirst) {
      this.#held.splice(0, this.#boundary(offset));
      this.#start = offset;
    }
    this.#current = offset;
    // One byte more than the chunk has, so that the last chunk is known to be the last.
    while (this.#end <= offset + size && !this.#ended) {
      const { done, value } = await this.#reader!.read();
      if (done || value === undefined) this.#ended = true;
      else {
        this.#held.push(value);
        this.#end += value.byteLength;
      }
    }
    const last = this.#end <= offset + size;
    return { data: this.#join(offset, last ? this.#end : offset + size), last };
  }

  /** Whether the body can be read from an offset without opening it again. */
  holds(offset: number): boolean {
    return this.#reader !== undefined && offset >= this.#start && offset <= this.#end;
  }

  /** A stream's bytes at hand and all that follow, as one body; it opens once. */
  rest(): OpenBody {
    const { size } = this.#body;
    return {
      ...(size !== undefined && { size }),
      reopenable: false,
      open: () => {
        const reader = this.#reader!;
        const held = this.#held;
        const ended = this.#ended;
        this.#held = [];
        this.#start = Infinity; // nothing is at hand any more
        return Promise.resolve<PieceReader>({
          async read(view) {
            const value = held.shift();
            if (value !== undefined) return { done: false, value };
            return ended ? { done: true } : await reader.read(view);
          },
          cancel: (reason) => reader.cancel(reason),
        });
      },
    };
  }

  /** Lets go of the body. */
  async cancel(reason?: unknown): Promise<void> {
    this.#cancelled = true;
    await this.#reader?.cancel(reason).catch(() => {});
  }

  async #open(offset: number): Promise<void> {
    if (this.#reader !== undefined && !this.#body.reopenable) {
      throw new UploadError(
        `Cannot go on with the upload${this.to} at byte ${offset}: those bytes of the stream are gone. ` +
          `Pass {size, open()} instead of a stream`,
      );
    }
    void this.#reader?.cancel().catch(() => {});
    this.#reader = await this.#body.open(offset);
    if (this.#cancelled) await this.cancel(); // the upload has ended meanwhile
    this.#held = [];
    this.#start = this.#end = this.#current = offset;
    this.#ended = false;
  }

  /** The bytes between two offsets as one piece, which takes the place of those it was made of. */
  #join(from: number, to: number): Bytes {
    const first = this.#boundary(from);
    const pieces = this.#held.slice(first, this.#boundary(to));
    if (pieces.length === 1) return pieces[0]!;
    const data = concatBytes(pieces);
    if (pieces.length > 1) this.#held.splice(first, pieces.length, data);
    return data;
  }

  /** The index of the piece that starts at an offset; a piece across it is split. */
  #boundary(offset: number): number {
    let end = this.#start;
    for (const [index, piece] of this.#held.entries()) {
      const count = offset - end;
      if (count <= 0) return index;
      end += piece.byteLength;
      if (end <= offset) continue;
      const halves = [piece.subarray(0, count), piece.subarray(count)] as [Bytes, Bytes];
      this.#held.splice(index, 1, ...halves);
      return index + 1;
    }
    return this.#held.length;
  }
}
