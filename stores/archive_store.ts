import { checkOptions } from "../content/check_options.ts";
import { type Body, openBody } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, hashAlgorithm, isDigestReference } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { isManifestMediaType } from "../content/media_types.ts";
import { type PieceReader, readAll } from "../content/piece_reader.ts";
import {
  type ContentStore,
  OPEN_OPTIONS,
  type OpenOptions,
  RESOLVE_OPTIONS,
  type ResolveOptions,
  STORE_OPTIONS,
  type StoreOptions,
  TAG_OPTIONS,
  type TagOptions,
  WRITE_OPTIONS,
  type WriteOptions,
} from "../content/store.ts";
import { verifier } from "../content/verifying_stream.ts";
import { ContentNotFoundError, InvalidOptionError } from "../errors.ts";
import { parseReference } from "../reference/reference.ts";
import { checkTag, isTag } from "../reference/tag.ts";
import { memoryContent, openContent } from "./archive_content.ts";
import type { ArchiveOutput } from "./archive_output.ts";
import type { ArchiveFormat } from "./archive_source.ts";
import { checkCall } from "./check_call.ts";
import { digestIn } from "./digest_in.ts";
import { iterate } from "./iterate.ts";
import { skipBody, takeBody } from "./take_body.ts";
import { badDigest, sizeMismatch } from "./write_errors.ts";

/** An archive that is written. */
export interface ArchiveStore extends ContentStore {
  /** What it becomes. */
  readonly format: ArchiveFormat;
  /**
   * Takes content, in turn: one at a time. What was written to a path can be read again; what went
   * out with a stream cannot, but for manifests, and content that fails after its first mebibyte
   * breaks such an archive.
   */
  write(descriptor: Descriptor, body: Body, options?: WriteOptions): Promise<void>;
  /** Names a manifest that is here: by a tag, or a full name with a tag. */
  tag(descriptor: Descriptor, reference: string, options?: TagOptions): Promise<void>;
  /** Every name, in ASCII order. */
  tags(options?: StoreOptions): AsyncIterable<string>;
  /** Ends the archive and publishes it: a path's file has its name from here on. */
  close(): Promise<void>;
  /** Gives up, and leaves nothing behind. */
  abort(reason?: unknown): Promise<void>;
}

/** What a stream gets only once it is verified, so that an error in it does no harm: see `write`. */
const HELD_BYTES = 1024 * 1024;

/** Content that was written. */
export interface Held {
  mediaType: string;
  size: number;
  /** Where it is in the tar. */
  offset?: number;
  /** The bytes, of what is small and wanted again. */
  bytes?: Bytes;
  /** The digest of what it was unpacked to, where that alone is in the tar. */
  unpacked?: Digest;
}

/** What the two forms of an archive have in common. */
export abstract class TarStore implements ArchiveStore {
  /** What it becomes. */
  abstract readonly format: ArchiveFormat;
  /** The tar. */
  protected readonly output: ArchiveOutput;
  /** What is here. */
  protected readonly held: Map<Digest, Held> = new Map();
  /** What names name, in the order that they were given. */
  protected readonly named: Map<string, Descriptor> = new Map();
  #turn: Promise<unknown> = Promise.resolve();
  #ended: "closed" | "given up" | undefined;

  /** A store of nothing yet. */
  constructor(output: ArchiveOutput) {
    this.output = output;
  }

  /** The descriptor that a name or digest names. */
  resolve(reference: string, options: ResolveOptions = {}): Promise<Descriptor> {
    return new Promise((resolve) => {
      checkCall(options, RESOLVE_OPTIONS);
      const held = isDigestReference(reference) ? this.held.get(reference) : undefined;
      const { mediaType, size } = held ?? {};
      const found = isDigestReference(reference)
        ? mediaType !== undefined && { mediaType, digest: reference, size: size! }
        : this.named.get(reference);
      if (found) return resolve(structuredClone(found));
      throw new ContentNotFoundError(
        `Cannot resolve ${JSON.stringify(reference)}: the archive has no such name or digest yet`,
      );
    });
  }

  /** Whether the content is here. */
  exists(descriptor: Descriptor, options: StoreOptions = {}): Promise<boolean> {
    return new Promise((resolve) => {
      checkCall(options, STORE_OPTIONS);
      resolve(this.held.has(digestIn(descriptor)));
    });
  }

  /** The content's bytes. */
  async open(descriptor: Descriptor, options: OpenOptions = {}): Promise<ReadableStream<Bytes>> {
    checkCall(options, OPEN_OPTIONS);
    const { bytes, offset, size, unpacked } = this.find(descriptor);
    if (unpacked !== undefined) {
      throw new ContentNotFoundError(
        `Cannot open ${descriptor.digest}: the archive has it unpacked, as ${unpacked}`,
      );
    }
    const content = bytes !== undefined ? memoryContent(bytes) : {
      size,
      open: (start: number, length: number) => this.output.open(offset! + start, length),
    };
    return await openContent(content, descriptor, options);
  }

  /** Takes content in turn, verified: all of it is there afterwards, or none. */
  async write(descriptor: Descriptor, body: Body, options: WriteOptions = {}): Promise<void> {
    checkOptions(options, WRITE_OPTIONS);
    const { signal } = options;
    const digest = digestIn(descriptor);
    hashAlgorithm(digest);
    signal?.throwIfAborted();
    const { mediaType, size } = descriptor;
    const source = openBody(body, size);
    await this.queued(
      async () => {
        if (this.held.has(digest)) return await skipBody(source);
        const expected = { mediaType, digest, size };
        await takeBody(
          source,
          { digest, size },
          (reader) => this.take(expected, reader, signal),
          signal,
        );
      },
      signal,
      () => skipBody(source),
    );
  }

  /** Names a manifest that is here; the name moves if it named something else. */
  tag(descriptor: Descriptor, reference: string, options: TagOptions = {}): Promise<void> {
    return new Promise((resolve) => {
      checkCall(options, TAG_OPTIONS);
      checkName(reference);
      this.find(descriptor);
      this.checkTagged(descriptor);
      this.named.delete(reference);
      this.named.set(reference, structuredClone(descriptor));
      resolve();
    });
  }

  /** Every name, in ASCII order. */
  async *tags(options: StoreOptions = {}): AsyncGenerator<string> {
    checkOptions(options, STORE_OPTIONS);
    yield* iterate([...this.named.keys()].sort(), options.signal);
  }

  /** Ends the archive and publishes it. */
  async close(): Promise<void> {
    if (this.#ended === "closed") return;
    await this.queued(async () => {
      try {
        await this.finish();
        await this.output.end();
        this.#ended = "closed";
      } catch (error) {
        this.#ended = "given up";
        await this.output.abort(error);
        throw error;
      }
    });
  }

  /** Gives up, and leaves nothing behind. After `close` it does nothing. */
  async abort(reason?: unknown): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#ended = "given up";
    await this.output.abort(reason);
  }

  /** Writes content whose turn it is. */
  protected abstract take(
    descriptor: Descriptor & { digest: Digest },
    reader: PieceReader,
    signal?: AbortSignal,
  ): Promise<void>;

  /** Refuses what cannot have a name in this form. */
  protected abstract checkTagged(descriptor: Descriptor): void;

  /** Writes what stands at the end. */
  protected abstract finish(): Promise<void>;

  /** What is here of some content. */
  protected find(descriptor: Descriptor): Held {
    const held = this.held.get(digestIn(descriptor));
    if (held !== undefined) return held;
    throw new ContentNotFoundError(
      `Cannot find ${descriptor.digest}: the archive has no such content`,
    );
  }

  /** Small content that was verified, before a byte of it is written. */
  protected async whole(
    { digest, size }: Descriptor & { digest: Digest },
    reader: PieceReader,
  ): Promise<Bytes> {
    const limit = { name: "the descriptor's size", bytes: size, what: digest };
    const bytes = await readAll(reader, limit).catch((error) => {
      throw error?.code === "LIMIT_EXCEEDED" ? sizeMismatch(digest, size, size + 1) : error;
    });
    if (bytes.byteLength !== size) throw sizeMismatch(digest, size, bytes.byteLength);
    const actual = await digestOf(bytes, hashAlgorithm(digest));
    if (actual !== digest) throw badDigest(digest, actual);
    return bytes;
  }

  /** Writes content as it comes, or when it is small and goes out with a stream, once it is verified. */
  protected async append(
    name: string,
    descriptor: Descriptor & { digest: Digest },
    reader: PieceReader,
    signal?: AbortSignal,
  ): Promise<Held> {
    const { mediaType, digest, size } = descriptor;
    const isManifest = isManifestMediaType(mediaType) && size <= DEFAULT_LIMITS.manifestBytes;
    if (isManifest || (!this.output.readable && size <= HELD_BYTES)) {
      const bytes = await this.whole(descriptor, reader);
      signal?.throwIfAborted();
      const { offset } = await this.appendBytes(name, bytes);
      return { mediaType, size, offset, ...(isManifest && { bytes }) };
    }
    const tap = await verifier({ digest, size });
    const place = await this.output.append(name, size, async (writer) => {
      const onPiece = (piece: Bytes) => tap.take(piece);
      await writer.write(reader, { onPiece, ...(signal && { signal }) });
      await tap.finish();
      signal?.throwIfAborted();
    });
    return { mediaType, ...place };
  }

  /** Writes a file from memory. */
  protected appendBytes(name: string, bytes: Bytes) {
    return this.output.append(name, bytes.byteLength, async (writer) => {
      await writer.write(await memoryContent(bytes).open(0, bytes.byteLength));
    });
  }

  /** Runs something when all that came before is done; a signal ends the waiting. */
  protected async queued<T>(
    run: () => Promise<T>,
    signal?: AbortSignal,
    skip: () => Promise<void> = async () => {},
  ): Promise<T> {
    let started = false;
    let fail = (_reason: unknown) => {};
    const abort = () => started || fail(signal!.reason);
    const result = new Promise<T>((resolve, reject) => {
      fail = reject;
      const turn = this.#turn.then(async () => {
        started = true;
        if (signal?.aborted || this.#ended !== undefined) await skip();
        signal?.throwIfAborted();
        if (this.#ended !== undefined) {
          throw new InvalidOptionError(`Cannot write to the archive: it is ${this.#ended}`);
        }
        resolve(await run());
      }).catch(reject);
      this.#turn = turn;
    });
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await result;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }
}

/**
 * A tag, or a full name with a tag.
 *
 * @throws {InvalidReferenceError} When it is neither.
 */
function checkName(reference: string): void {
  if (isTag(reference)) return;
  const hasTag = reference.includes(":") && parseReference(reference).tag !== undefined;
  if (!hasTag) checkTag(reference);
}
