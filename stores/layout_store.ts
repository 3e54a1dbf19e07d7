import { type Body, bytesStream, openBody } from "../content/body.ts";
import { type Bytes, EMPTY } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, digestOf, hashAlgorithm, isDigest, parseDigest } from "../content/digest.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { isManifestMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import type {
  ContentSource,
  ContentStore,
  OpenOptions,
  PartialBlob,
  ReferrersOptions,
  StoreOptions,
  WriteOptions,
} from "../content/store.ts";
import { passingStream, verifyingStream } from "../content/verifying_stream.ts";
import { ApiError, ContentNotFoundError } from "../errors.ts";
import { subjectOf } from "../manifest/children.ts";
import { manifestMediaType } from "../manifest/media_type_of.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import { filterReferrers, referrerDescriptor } from "../manifest/referrers_index.ts";
import { checkTag } from "../reference/tag.ts";
import { digestIn } from "./digest_in.ts";
import { fileStream } from "./file_stream.ts";
import { type LayoutEntries, untagged } from "./layout_entries.ts";
import { LayoutFiles } from "./layout_files.ts";
import { LayoutIndex } from "./layout_index.ts";
import { beginPartial } from "./layout_partial_blob.ts";
import { storedRange } from "./stored_range.ts";
import { skipBody, takeBody } from "./take_body.ts";
import { wholePartial } from "./whole_partial.ts";
import { sizeMismatch } from "./write_errors.ts";

/** Options of {@linkcode LayoutStore}. */
export interface LayoutStoreOptions {
  /**
   * Whether what was written is on the disk when a call resolves, so that it survives a power cut.
   * Without it content may be lost then, and tags with it, but nothing wrong is ever read: bytes are
   * verified. The end of the process, however sudden, loses nothing either way.
   * @default {false}
   */
  durable?: boolean;
  /**
   * After how long an interrupted transfer is forgotten, in milliseconds: its bytes are removed by
   * the first write of a store that comes later.
   * @default {604800000}
   */
  partialExpiry?: number;
}

/** A week: a transfer goes on after a weekend, and no disk fills up. */
const PARTIAL_EXPIRY_MS = 7 * 24 * 60 * 60 * 1_000;

/**
 * An OCI layout folder: `oci-layout`, `index.json` and `blobs/`. The folder is made with the first
 * write; skopeo, oras, regctl and crane read it. On Deno it needs permission to read and write the
 * folder.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 *
 * @example
 * ```ts
 * import { LayoutStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const store = new LayoutStore(folder);
 * const hello = {
 *   mediaType: "text/plain",
 *   digest: "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
 *   size: 5,
 * };
 * await store.write(hello, new TextEncoder().encode("hello"));
 * assertEquals(await new Response(await store.open(hello)).text(), "hello");
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class LayoutStore implements ContentStore {
  /** The folder. */
  readonly folder: string;
  readonly #files: LayoutFiles;
  readonly #partialExpiry: number;
  #index: Promise<LayoutIndex> | undefined;
  #swept = false;

  /**
   * A store in a folder, which need not be there yet.
   *
   * @throws {UnsupportedRuntimeError} In a browser or a worker.
   */
  constructor(folder: string, options: LayoutStoreOptions = {}) {
    const { durable = false, partialExpiry = PARTIAL_EXPIRY_MS } = options;
    this.folder = folder;
    this.#files = new LayoutFiles(folder, { durable });
    this.#partialExpiry = partialExpiry;
  }

  /**
   * The descriptor that a tag or digest names.
   *
   * @throws {ContentNotFoundError} When there is none.
   */
  async resolve(reference: string, options: StoreOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    const entries = await this.#entries();
    const entry = isDigest(reference) ? entries.listed(reference) : entries.tagged(reference);
    if (entry !== undefined) return untagged(entry);
    if (isDigest(reference)) {
      const size = await this.#files.size(reference);
      if (size !== undefined) {
        return { mediaType: await this.#guessType(reference), digest: reference, size };
      }
    }
    throw new ContentNotFoundError(
      `Cannot resolve ${JSON.stringify(reference)}: ${this.folder} has no such tag or digest`,
    );
  }

  /** Whether the content is here. */
  async exists(descriptor: Descriptor, options: StoreOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    return await this.#files.size(digestIn(descriptor)) !== undefined;
  }

  /**
   * The content's bytes, verified when they are read in full; with `verify: false`, and without a
   * signal, the file's own stream.
   *
   * @throws {ContentNotFoundError} When it is not here.
   * @throws {SizeMismatchError} When its size is not the descriptor's.
   */
  async open(descriptor: Descriptor, options: OpenOptions = {}): Promise<ReadableStream<Bytes>> {
    const { signal, verify = true } = options;
    signal?.throwIfAborted();
    const digest = digestIn(descriptor);
    const size = await this.#files.size(digest);
    if (size === undefined) {
      throw new ContentNotFoundError(`Cannot open ${digest}: ${this.folder} does not have it`);
    }
    const { offset, length } = storedRange(descriptor, size, options);
    if (length === 0 || (offset === size && size > 0)) return bytesStream(EMPTY);
    const stream = fileStream(await this.#files.open(digest, offset), length);
    if (verify && offset === 0 && length >= size) {
      return await verifyingStream(pieceReader(stream), { digest, size }, signal && { signal });
    }
    return signal === undefined ? stream : passingStream(pieceReader(stream), { signal });
  }

  /**
   * Takes content and verifies it as it streams to a temporary file, whatever `verify` says: all of
   * it is there afterwards, or none.
   *
   * @throws {BadDigestError} When the bytes have another digest.
   * @throws {SizeMismatchError} When there are more or fewer bytes than the descriptor says.
   * @throws {UploadError} When the body or the disk fails, or the body is a stream that was read
   * before.
   */
  async write(descriptor: Descriptor, body: Body, options: WriteOptions = {}): Promise<void> {
    const { signal } = options;
    const { size } = descriptor;
    const digest = digestIn(descriptor);
    hashAlgorithm(digest);
    signal?.throwIfAborted();
    const source = openBody(body, size);
    if (await this.#files.size(digest) === size) {
      await skipBody(source);
    } else {
      await this.#sweep();
      const take = (reader: PieceReader) => this.#files.write(digest, size, reader, signal);
      await takeBody(source, { digest, size }, take, signal);
    }
    await this.#list(descriptor);
  }

  /**
   * Names a manifest that is here; the tag moves if it named something else.
   *
   * @throws {InvalidReferenceError} When the tag breaks the grammar.
   * @throws {ContentNotFoundError} When the content is not here.
   */
  async tag(descriptor: Descriptor, reference: string, options: StoreOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const tag = checkTag(reference);
    if (!await this.exists(descriptor)) {
      throw new ContentNotFoundError(
        `Cannot tag ${descriptor.digest}: ${this.folder} does not have it`,
      );
    }
    const copy = untagged(structuredClone(descriptor));
    const index = await this.#layoutIndex();
    await index.change(this.#files, () => ({
      changes: [{ tag, descriptor: copy }],
      result: undefined,
    }));
  }

  /** Every tag, in ASCII order. */
  async *tags(options: StoreOptions = {}): AsyncGenerator<string> {
    for (const tag of (await this.#entries()).tags().sort()) {
      options.signal?.throwIfAborted();
      yield tag;
    }
  }

  /** The manifests in the index whose subject is this one, with their types and annotations. */
  async *referrers(
    subject: Descriptor,
    options: ReferrersOptions = {},
  ): AsyncGenerator<Descriptor> {
    const { artifactType, signal } = options;
    const seen = new Set<string>();
    for (const entry of (await this.#entries()).all()) {
      signal?.throwIfAborted();
      if (seen.has(entry.digest) || !isManifestMediaType(entry.mediaType)) continue;
      seen.add(entry.digest);
      const manifest = await this.#manifest(entry);
      if (manifest === undefined || subjectOf(manifest)?.digest !== subject.digest) continue;
      const { mediaType, digest, size } = entry;
      yield* filterReferrers(
        [referrerDescriptor(manifest, { mediaType, digest, size })],
        artifactType,
      );
    }
  }

  /**
   * Takes content from another layout folder by giving its file one more name; across disks it is
   * copied, and verified on the way.
   *
   * @returns `false` when the source is no layout folder, or does not have it.
   *
   * @throws {SizeMismatchError} When its size there is not the descriptor's.
   */
  async mount(
    descriptor: Descriptor,
    from: ContentSource,
    options: StoreOptions = {},
  ): Promise<boolean> {
    options.signal?.throwIfAborted();
    const digest = digestIn(descriptor);
    hashAlgorithm(digest);
    if (!(from instanceof LayoutStore)) return false;
    const size = await from.#files.size(digest);
    if (size === undefined) return false;
    if (size !== descriptor.size) throw sizeMismatch(digest, descriptor.size, size);
    const linked = await this.#files.link(from.#files, digest);
    if (linked === undefined) return false;
    if (linked) await this.#list(descriptor);
    else {
      const open = (offset = 0) => from.open(descriptor, { offset, verify: false });
      await this.write(descriptor, { size, open }, options);
    }
    return true;
  }

  /**
   * Goes on with content that is partly here: also with what another process left when it ended.
   * What is there is hashed first. One process at a time may do this to one content of a folder.
   */
  async begin(descriptor: Descriptor, options: StoreOptions = {}): Promise<PartialBlob> {
    options.signal?.throwIfAborted();
    const digest = digestIn(descriptor);
    const { size } = descriptor;
    hashAlgorithm(digest);
    await this.#sweep();
    const there = await this.#files.size(digest);
    if (there === size) return wholePartial(size);
    const { mediaType } = descriptor;
    const list = () => this.#list({ mediaType, digest, size });
    return await beginPartial(this.#files, { digest, size }, list);
  }

  /** Removes content, with its tags and its place in the index. */
  async delete(descriptor: Descriptor, options: StoreOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const digest = digestIn(descriptor);
    if (isManifestMediaType(descriptor.mediaType)) {
      const index = await this.#layoutIndex();
      await index.change(this.#files, () => ({ changes: [{ remove: digest }], result: undefined }));
    }
    await this.#files.remove(digest);
  }

  #layoutIndex(): Promise<LayoutIndex> {
    return this.#index ??= LayoutIndex.of(this.#files);
  }

  async #entries(): Promise<LayoutEntries> {
    return await (await this.#layoutIndex()).read(this.#files);
  }

  /** Removes what earlier processes left unfinished, once for each store. */
  async #sweep(): Promise<void> {
    if (this.#swept) return;
    this.#swept = true;
    await this.#files.sweep(Date.now() - this.#partialExpiry);
  }

  /** Only what nothing else leads to need be in the index: what has a subject. */
  async #list(descriptor: Descriptor): Promise<void> {
    const index = await this.#layoutIndex();
    const { mediaType, digest, size } = descriptor;
    const manifest = isManifestMediaType(mediaType) ? await this.#manifest(descriptor) : undefined;
    if (manifest === undefined || subjectOf(manifest) === undefined) return;
    await index.change(this.#files, () => ({
      changes: [{ list: { mediaType, digest, size } }],
      result: undefined,
    }));
  }

  async #manifest(
    { digest, mediaType }: Descriptor,
  ): Promise<ReturnType<typeof parseManifest>["manifest"] | undefined> {
    try {
      const bytes = await this.#readSmall(parseDigest(digest));
      return bytes && parseManifest(bytes, { mediaType }).manifest;
    } catch (error) {
      if (error instanceof ApiError) return undefined;
      throw error;
    }
  }

  /** A manifest's bytes, verified; `undefined` for what is too large to be one, or not here. */
  async #readSmall(digest: Digest): Promise<Bytes | undefined> {
    const size = await this.#files.size(digest);
    if (size === undefined || size > DEFAULT_LIMITS.manifestBytes) return undefined;
    const bytes = await this.#files.read(digest);
    return bytes && await digestOf(bytes, hashAlgorithm(digest)) === digest ? bytes : undefined;
  }

  /** The folder does not keep the types of what the index does not name. */
  async #guessType(digest: Digest): Promise<string> {
    try {
      const bytes = await this.#readSmall(digest);
      return bytes === undefined ? MEDIA_TYPES.octetStream : manifestMediaType(bytes);
    } catch {
      return MEDIA_TYPES.octetStream;
    }
  }
}
