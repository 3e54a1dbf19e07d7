import { decodeBase64 } from "../content/base64.ts";
import { bytesStream } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import { bytesThere } from "../content/bytes_there.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import type { ContentSource, ContentStore, PartialBlob } from "../content/store.ts";
import { passingStream } from "../content/verifying_stream.ts";
import { BadDigestError, ContentNotFoundError } from "../errors.ts";
import { copyError, onSide, sideOf } from "./copy_error.ts";
import type { CopyEvents } from "./copy_events.ts";
import type { CopyOptions } from "./copy_options.ts";
import { Connections } from "./connections.ts";
import { RangedFill } from "./ranged_fill.ts";

/** Smaller blobs are not gone on with: to copy them again costs as little. */
const RESUMED_BYTES = 1024 * 1024;

/**
 * What takes up to a few seconds goes to a registry without JavaScript, and so without progress; more of it
 * only where nobody listens, as that costs a fifth of the time where the line is as fast as the disk.
 */
const UNSEEN_BYTES = 16 * 1024 * 1024;

/** Moves blobs from a source to a target. */
export class TransferBlob {
  readonly #source: ContentSource;
  readonly #target: ContentStore;
  readonly #events: CopyEvents;
  readonly #options: CopyOptions;
  readonly #signal: AbortSignal;
  readonly #connections = new Connections();

  /** A way from one store to the other. */
  constructor(
    source: ContentSource,
    target: ContentStore,
    events: CopyEvents,
    options: CopyOptions,
    signal: AbortSignal,
  ) {
    this.#source = source;
    this.#target = target;
    this.#events = events;
    this.#options = options;
    this.#signal = signal;
  }

  /** Moves a blob; answers how many bytes of it moved. */
  async run(descriptor: Descriptor): Promise<number> {
    if (this.#target.begin === undefined || descriptor.size < RESUMED_BYTES) {
      return await this.#whole(descriptor);
    }
    return await this.#goOn(descriptor);
  }

  async #whole(descriptor: Descriptor): Promise<number> {
    const { size } = descriptor;
    const { verify = "target" } = this.#options;
    const signal = this.#signal;
    this.#events.tell({ type: "copy-start", descriptor, offset: 0 });
    const { heard } = this.#events;
    const progress = this.#events.progress(descriptor);
    const read = <T>(task: () => Promise<T>) => onSide("source", descriptor, signal, task);
    const seen = heard && size > UNSEEN_BYTES;
    const open = async (offset = 0): Promise<ReadableStream<Bytes>> => {
      const reader = pieceReader(await read(() => this.#open(descriptor, offset)));
      const ofSource: PieceReader = {
        // The target cannot tell what the source fails with from its own failures.
        read: (view) => read(() => reader.read(view)),
        cancel: (reason) => reader.cancel(reason),
        get native() {
          return seen ? undefined : reader.native;
        },
      };
      return passingStream(
        ofSource,
        heard ? { onBytes: (bytes) => progress(offset + bytes) } : {},
      );
    };
    try {
      await this.#target.write(descriptor, { size, open }, { verify, signal, absent: true });
    } catch (error) {
      signal.throwIfAborted();
      throw copyError(sideOf(error), descriptor, error);
    }
    return size;
  }

  /** What the source has; of what it lacks, what the descriptor itself brings. */
  async #open(descriptor: Descriptor, offset: number): Promise<ReadableStream<Bytes>> {
    try {
      return await this.#source.open(descriptor, { offset, verify: false, signal: this.#signal });
    } catch (error) {
      const { data } = descriptor;
      if (!(error instanceof ContentNotFoundError) || data === undefined) throw error;
      return bytesStream(decodeBase64(data).subarray(offset));
    }
  }

  /** Goes on with what an earlier copy left; what turns out wrong is copied anew. */
  async #goOn(descriptor: Descriptor): Promise<number> {
    const signal = this.#signal;
    const partial = await onSide(
      "target",
      descriptor,
      signal,
      () => this.#target.begin!(descriptor, { signal }),
    );
    const { size } = descriptor;
    const offset = bytesThere(partial.offset, partial.behind);
    try {
      this.#events.tell({ type: "copy-start", descriptor, offset });
      if (offset < size) await this.#fill(descriptor, partial);
      await partial.commit({ signal });
      return size - offset;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof BadDigestError) || offset === 0) {
        throw copyError(sideOf(error), descriptor, error);
      }
      const reason = error.message;
      this.#events.tell({ type: "copy-retry", descriptor, attempt: 1, reason });
    } finally {
      await partial.close();
    }
    return size - offset + await this.#whole(descriptor);
  }

  async #fill(descriptor: Descriptor, partial: PartialBlob): Promise<void> {
    const signal = this.#signal;
    const fill = new RangedFill(this.#source, descriptor, partial, {
      connections: this.#connections,
      signal,
      onBytes: this.#events.progress(descriptor),
      onRetry: (attempt, reason) =>
        this.#events.tell({ type: "copy-retry", descriptor, attempt, reason }),
    });
    await fill.run();
  }
}
