import { type Bytes, concatBytes, EMPTY } from "../../content/bytes.ts";
import { toDigest } from "../../content/digest.ts";
import { createHasher, type Hasher } from "../../content/hasher.ts";

/** A body as it passes: its digest, and its bytes up to a limit. */
export class RecordedBody {
  /** How many bytes have passed. */
  size = 0;
  /** Whether its end has come. */
  ended = false;
  /** The digest of what has passed, once its end has come. */
  digest: string | undefined;
  readonly #limit: number;
  readonly #hasher: Hasher;
  #pieces: Bytes[] = [];

  private constructor(limit: number, hasher: Hasher) {
    this.#limit = limit;
    this.#hasher = hasher;
  }

  static async create(limit: number): Promise<RecordedBody> {
    return new RecordedBody(limit, await createHasher("sha256"));
  }

  /** The bytes, where they are not more than the limit. */
  get bytes(): Bytes | undefined {
    if (this.size > this.#limit) return undefined;
    const whole = this.#pieces.length === 0 ? EMPTY : concatBytes(this.#pieces);
    this.#pieces = [whole];
    return whole;
  }

  /** A stream with the same bytes, which are recorded as they are read. */
  watch(stream: ReadableStream<Bytes>): ReadableStream<Bytes> {
    const reader = stream.getReader();
    return new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await reader.read();
        if (done) {
          await this.#end();
          controller.close();
          return;
        }
        this.#take(value);
        controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    }, { highWaterMark: 0 });
  }

  /** Records a copy of a body; one that breaks is cut there. */
  async drain(stream: ReadableStream<Bytes> | null): Promise<void> {
    if (stream === null) return await this.#end();
    try {
      for await (const _ of this.watch(stream));
    } catch {
      // The reader of the original gets the error.
    }
  }

  async #end(): Promise<void> {
    this.digest = toDigest("sha256", await this.#hasher.digest());
    this.ended = true;
  }

  #take(piece: Bytes): void {
    this.size += piece.byteLength;
    this.#hasher.update(piece);
    if (this.size > this.#limit) this.#pieces = [];
    else this.#pieces.push(new Uint8Array(piece)); // the stream's reader may write over its pieces
  }
}
