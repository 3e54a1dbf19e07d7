import type { Bytes } from "../../content/bytes.ts";
import type { Digest } from "../../content/digest.ts";
import { type PieceReader, pieceReader } from "../../content/piece_reader.ts";
import { passingStream, type Tap, verifier } from "../../content/verifying_stream.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import type { BackendUpload, RegistryBackend } from "../backends/backend.ts";

/** What a fill is of. */
interface FillOptions {
  /** Where the blob goes. */
  backend: RegistryBackend;
  /** Its repository. */
  repository: RepositoryName;
  /** Its digest. */
  digest: Digest;
  /** Its size in bytes. */
  size: number;
  /** Opens it at the upstream; once, before the fill. */
  open: (signal: AbortSignal) => Promise<ReadableStream<Bytes>>;
}

type Phase = "opening" | "filling" | "closing" | "there" | "failed";

/**
 * A blob on its way from an upstream into a backend, for as many readers as there are.
 *
 * It goes as fast as the two allow. Readers follow in the backend, each at its own pace: none holds
 * the others back, and none makes anything pile up in memory. The last byte that a reader wants is
 * kept from it until the whole blob has been verified, so that wrong bytes never end cleanly. When
 * the last reader gives up, so does the fill: nothing is fetched without a reader.
 */
export class BlobFill {
  /** Resolves when it is over, however it went. */
  readonly finished: Promise<void>;
  readonly #options: FillOptions;
  readonly #stop = new AbortController();
  #phase: Phase = "opening";
  #upload: BackendUpload | undefined;
  /** How many bytes the backend has. */
  #available = 0;
  #error: unknown;
  #readers = 0;
  #change!: Promise<void>;
  #tell!: () => void;

  /** Starts it. */
  constructor(options: FillOptions) {
    this.#options = options;
    this.#renew();
    this.finished = this.#run();
  }

  /** Whether the backend has the whole blob, verified. */
  get there(): boolean {
    return this.#phase === "there";
  }

  /** Whether it was given up, since it has no reader left. */
  get givenUp(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Why it failed after it was opened; before, `open` throws it. */
  get error(): unknown {
    return this.#upload === undefined || this.givenUp ? undefined : this.#error;
  }

  /**
   * The blob's bytes from an offset on; `undefined` when the fill was over before.
   *
   * @throws What opening it at the upstream throws.
   */
  async open(offset: number, length: number): Promise<ReadableStream<Bytes> | undefined> {
    const over = this.#phase === "failed" && this.#upload !== undefined;
    if (this.givenUp || over) {
      await this.finished; // another one takes its place then
      return undefined;
    }
    this.#readers++;
    while (this.#phase === "opening") await this.#change;
    if (this.#phase === "failed") throw this.#error;
    return passingStream(this.#follow(offset, Math.min(this.#options.size, offset + length)));
  }

  async #run(): Promise<void> {
    const { backend, repository, digest, size, open } = this.#options;
    const { signal } = this.#stop;
    let reader: PieceReader | undefined;
    try {
      reader = pieceReader(await open(signal));
      const tap = await verifier({ digest, size });
      this.#upload = await backend.createUpload(repository);
      this.#enter("filling");
      await this.#upload.append(this.#watch(reader, tap, this.#upload), () => {});
      this.#enter("closing");
      await this.#upload.finish(digest);
      this.#enter("there");
    } catch (error) {
      this.#error = error;
      this.#enter("failed");
      void reader?.cancel(error).catch(() => {});
      await this.#upload?.cancel().catch(() => {});
    }
  }

  /** Verifies what the backend reads, and tells the readers what it has kept. */
  #watch(reader: PieceReader, tap: Tap, upload: BackendUpload): PieceReader {
    const { signal } = this.#stop;
    // A source that does not look at its signal is stopped by its own `cancel`.
    signal.addEventListener("abort", () => void reader.cancel(signal.reason).catch(() => {}));
    return {
      read: async (view) => {
        this.#available = upload.size;
        this.#renew();
        signal.throwIfAborted();
        const piece = await reader.read(view);
        signal.throwIfAborted();
        if (piece.done || piece.value === undefined) await tap.finish();
        else tap.take(piece.value);
        return piece;
      },
      cancel: (reason) => reader.cancel(reason),
    };
  }

  #follow(offset: number, end: number): PieceReader {
    let position = offset;
    let part: { reader: PieceReader; end: number } | undefined;
    let left = false;
    const leave = () => {
      if (left) return;
      left = true;
      this.#readers--;
      if (this.#readers > 0 || this.#phase === "there" || this.#phase === "failed") return;
      this.#stop.abort(new DOMException("The blob has no reader left", "AbortError"));
    };
    return {
      read: async (view) => {
        try {
          part ??= await this.#nextPart(position, end);
          if (part === undefined) {
            leave();
            return { done: true, ...(view && { value: view }) };
          }
          const { done, value } = await part.reader.read(view);
          if (done || value === undefined) throw new Error("Cannot read the blob: it was cut");
          position += value.byteLength;
          if (position === part.end) {
            await part.reader.cancel();
            part = undefined;
          }
          return { done: false, value };
        } catch (error) {
          leave();
          throw error;
        }
      },
      cancel: async (reason) => {
        leave();
        await part?.reader.cancel(reason);
      },
    };
  }

  /** What can be read from a position on, once there is something; `undefined` at the end. */
  async #nextPart(
    position: number,
    end: number,
  ): Promise<{ reader: PieceReader; end: number } | undefined> {
    const { backend, repository, digest } = this.#options;
    for (;;) {
      if (this.#phase === "failed") throw this.#error;
      if (this.#phase === "there") {
        if (position === end) return undefined;
        const blob = await backend.blob(repository, digest);
        if (blob === undefined) throw new Error("Cannot read the blob: it was deleted");
        return { reader: pieceReader(await blob.open(position, end - position)), end };
      }
      const limit = Math.min(this.#available, end - 1);
      if (this.#phase === "filling" && limit > position) {
        const stream = await this.#read(position, limit - position);
        if (stream !== undefined) return { reader: pieceReader(stream), end: limit };
        continue;
      }
      await this.#change;
    }
  }

  /** Reads what the backend has so far; `undefined` after waiting, when it cannot. */
  async #read(offset: number, length: number): Promise<ReadableStream<Bytes> | undefined> {
    const upload = this.#upload!;
    const change = this.#change;
    try {
      const stream = await upload.read?.(offset, length);
      if (stream !== undefined) return stream;
    } catch (error) {
      if (this.#is("filling")) throw error; // else it became a blob, or nothing, meanwhile
      return undefined;
    }
    await change;
    return undefined;
  }

  #is(phase: Phase): boolean {
    return this.#phase === phase;
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#renew();
  }

  /** Wakes those who wait. */
  #renew(): void {
    this.#tell?.();
    this.#change = new Promise((resolve) => this.#tell = resolve);
  }
}
