import { checkArgument } from "../content/check_argument.ts";
import { checkOptions } from "../content/check_options.ts";
import { type Body, bytesStream, openBody } from "../content/body.ts";
import { type Bytes, EMPTY } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, hashAlgorithm, isDigestReference } from "../content/digest.ts";
import { isManifestMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import {
  type ContentSource,
  type ContentStore,
  OPEN_OPTIONS,
  type OpenOptions,
  type PartialBlob,
  REFERRERS_OPTIONS,
  type ReferrersOptions,
  RESOLVE_OPTIONS,
  type ResolveOptions,
  STORE_OPTIONS,
  type StoreOptions,
  TAG_OPTIONS,
  type TagOptions,
  WRITE_OPTIONS,
  type WriteOptions,
} from "../content/store.ts";
import { passingStream, verifyingStream } from "../content/verifying_stream.ts";
import { ContentNotFoundError } from "../errors.ts";
import { manifestMediaType } from "../manifest/media_type_of.ts";
import { checkTag } from "../reference/tag.ts";
import { checkCall } from "../content/check_call.ts";
import { digestIn } from "./digest_in.ts";
import { fileStream } from "./file_stream.ts";
import { iterate } from "./iterate.ts";
import type { IndexChange, LayoutEntries } from "./layout_entries.ts";
import { LayoutFiles } from "./layout_files.ts";
import { LayoutIndex } from "./layout_index.ts";
import { LayoutManifests } from "./layout_manifests.ts";
import { withoutNames } from "./entry_names.ts";
import {
  LAYOUT_STORE_OPTIONS,
  type LayoutStoreOptions,
  REMOVE_UNREFERENCED_OPTIONS,
  type RemoveUnreferencedOptions,
} from "./layout_store_options.ts";
import { beginPartial } from "./layout_partial_blob.ts";
import { noSuchEntry, onlyImage, resolveEntry } from "./resolve_entry.ts";
import { storedRange } from "./stored_range.ts";
import { skipBody, takeBody } from "./take_body.ts";
import { findUnreferenced, type UnreferencedContent } from "./unreferenced_content.ts";
import { wholePartial } from "./whole_partial.ts";
import { sizeMismatch } from "./write_errors.ts";

/** A week: a transfer goes on after a weekend, and no disk fills up. */
const PARTIAL_EXPIRY_MS = 7 * 24 * 60 * 60 * 1_000;

/**
 * An OCI layout folder: `oci-layout`, `index.json` and `blobs/`. The folder is made with the first
 * write; skopeo, oras, regctl and crane read it, and what they write is read. Several processes of
 * davit may write to one folder at once: they wait for one another where they must, and one that was
 * killed stops none of them. Nothing but the layout is left behind, except for parts of content that
 * the next process goes on with. On Deno it needs permission to read and write the folder; with all
 * permissions it also knows at once that another process has ended, else within a minute.
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
  readonly #manifests: LayoutManifests;
  readonly #partialExpiry: number;
  #index: Promise<LayoutIndex> | undefined;
  #swept = false;

  /**
   * A store in a folder, which need not be there yet.
   *
   * @throws {UnsupportedRuntimeError} In a browser or a worker.
   */
  constructor(folder: string, options: LayoutStoreOptions = {}) {
    checkOptions(options, LAYOUT_STORE_OPTIONS);
    checkArgument("folder", folder, "path");
    const { durable = false, partialExpiry = PARTIAL_EXPIRY_MS } = options;
    this.folder = folder;
    this.#files = new LayoutFiles(folder, { durable });
    this.#manifests = new LayoutManifests(this.#files);
    this.#partialExpiry = partialExpiry;
  }

  /**
   * The descriptor that a tag, a full name or a digest names; `""` names the only image there is,
   * besides what is attached to it.
   *
   * @throws {ContentNotFoundError} When there is none.
   * @throws {InvalidReferenceError} When it names several.
   * @throws {InvalidContentError} When `index.json`, or the entry, cannot be read.
   */
  async resolve(reference: string, options: ResolveOptions = {}): Promise<Descriptor> {
    checkCall(options, RESOLVE_OPTIONS);
    const { platform } = options;
    const named = { entries: await this.#entries(), where: this.folder, platform };
    const entry = reference === ""
      ? await onlyImage(named, this.#manifests)
      : resolveEntry(reference, named);
    if (entry !== undefined) return withoutNames(entry);
    if (isDigestReference(reference)) {
      const size = await this.#files.size(reference);
      if (size !== undefined) {
        return { mediaType: await this.#guessType(reference), digest: reference, size };
      }
    }
    throw noSuchEntry(reference, named);
  }

  /**
   * Whether the content is here, by its name and size: whether its bytes are still right, `open`,
   * `write` and `begin` find out.
   */
  async exists(descriptor: Descriptor, options: StoreOptions = {}): Promise<boolean> {
    checkCall(options, STORE_OPTIONS);
    return await this.#files.size(digestIn(descriptor)) === descriptor.size;
  }

  /**
   * The content's bytes, verified when they are read in full; with `verify: false`, and without a
   * signal, the file's own stream.
   *
   * @throws {ContentNotFoundError} When it is not here.
   * @throws {SizeMismatchError} When its size is not the descriptor's.
   */
  async open(descriptor: Descriptor, options: OpenOptions = {}): Promise<ReadableStream<Bytes>> {
    checkCall(options, OPEN_OPTIONS);
    const { signal, verify = true } = options;
    const digest = digestIn(descriptor);
    const size = await this.#files.size(digest);
    if (size === undefined) throw await this.#files.missing("open", digest);
    const { offset, length } = storedRange(descriptor, size, options);
    if (length === 0 || (offset === size && size > 0)) return bytesStream(EMPTY);
    const rest = Math.min(length, size - offset);
    const stream = fileStream(
      await this.#files.open(digest, offset),
      rest,
      this.#files.path(digest),
    );
    if (verify && offset === 0 && length >= size) {
      return await verifyingStream(pieceReader(stream), { digest, size }, signal && { signal });
    }
    return signal === undefined ? stream : passingStream(pieceReader(stream), { signal });
  }

  /**
   * Takes content and verifies it as it streams to a temporary file, whatever `verify` says: all of
   * it is there afterwards, or none. The body is not read where the same bytes are here already; a
   * file that was damaged is replaced.
   *
   * @throws {BadDigestError} When the bytes have another digest.
   * @throws {SizeMismatchError} When there are more or fewer bytes than the descriptor says.
   * @throws {UploadError} When the body fails, or is a stream that was read before.
   * @throws {StorageError} When the disk fails: it is full, or read-only.
   */
  async write(descriptor: Descriptor, body: Body, options: WriteOptions = {}): Promise<void> {
    checkOptions(options, WRITE_OPTIONS);
    checkArgument("descriptor", descriptor, "descriptor");
    const { signal } = options;
    const { size } = descriptor;
    const digest = digestIn(descriptor);
    hashAlgorithm(digest);
    signal?.throwIfAborted();
    const source = openBody(body, size);
    await this.#changing(async () => {
      if (await this.#files.verified(digest, { size, signal })) {
        await skipBody(source);
      } else {
        await this.#sweepOnce();
        const take = (reader: PieceReader) => this.#files.write(digest, size, reader, signal);
        await takeBody(source, { digest, size }, take, signal);
      }
      await this.#list(descriptor);
    });
  }

  /**
   * Names a manifest that is here; the tag moves if it named something else, which is not listed any
   * more then, unless it has another tag or a subject.
   *
   * @throws {InvalidReferenceError} When the tag breaks the grammar.
   * @throws {ContentNotFoundError} When the content is not here.
   * @throws {StorageError} When the disk fails: it is full, or read-only.
   */
  async tag(descriptor: Descriptor, reference: string, options: TagOptions = {}): Promise<void> {
    checkCall(options, TAG_OPTIONS);
    const tag = checkTag(reference);
    if (!await this.exists(descriptor)) {
      throw new ContentNotFoundError(
        `Cannot tag ${descriptor.digest}: ${this.folder} does not have it`,
      );
    }
    const copy = withoutNames(structuredClone(descriptor));
    const before = (await this.#entries()).named(tag).filter(({ digest }) =>
      digest !== copy.digest
    );
    await this.#change([{ tag, descriptor: copy }, ...await this.#unlist(before)]);
  }

  /**
   * Takes a tag away. What it named can still be read by its digest, until
   * {@linkcode removeUnreferenced} finds that nothing leads to it.
   *
   * @throws {ContentNotFoundError} When there is no such tag.
   * @throws {InvalidReferenceError} When it names several manifests: say which by the full name.
   *
   * @example
   * ```ts
   * import { buildManifest } from "@davit/registry-client";
   * import { LayoutStore } from "@davit/registry-client/stores";
   * import { assertEquals } from "@std/assert";
   *
   * const folder = await Deno.makeTempDir();
   * const store = new LayoutStore(folder);
   * const { descriptor, bytes } = await buildManifest({ artifactType: "text/plain", layers: [] });
   * await store.write(descriptor, bytes);
   * await store.tag(descriptor, "v1");
   *
   * await store.untag("v1");
   * const removed = await store.removeUnreferenced();
   * assertEquals(removed.map(({ digest }) => digest), [descriptor.digest]);
   * await Deno.remove(folder, { recursive: true });
   * ```
   */
  async untag(reference: string, options: StoreOptions = {}): Promise<void> {
    checkCall(options, STORE_OPTIONS);
    const entries = await this.#entries();
    const entry = resolveEntry(reference, { entries, where: this.folder });
    if (entry === undefined || entries.named(reference).length === 0) {
      throw new ContentNotFoundError(
        `Cannot untag ${JSON.stringify(reference)}: ${this.folder} has no such tag`,
      );
    }
    await this.#change([{ untag: reference }, ...await this.#unlist([entry])]);
  }

  /**
   * Removes the blobs that nothing in `index.json` leads to: layers of images whose tags were moved
   * or taken away, what a copy that failed has left, and what `detach` took off. What is attached to
   * an image, by its subject or by a tag such as `sha256-….sig`, goes with it, unless it has a tag of
   * its own. Files that are no blobs, and transfers under way, stay.
   *
   * @returns What was removed, or would be.
   * @throws {InvalidContentError} When a manifest that is here, or an entry, cannot be read, or an
   * entry's manifest is not here: nothing is removed then.
   * @throws {StorageError} When the disk fails.
   */
  async removeUnreferenced(
    options: RemoveUnreferencedOptions = {},
  ): Promise<UnreferencedContent[]> {
    checkCall(options, REMOVE_UNREFERENCED_OPTIONS);
    const { dryRun = false, minAge = 0, signal } = options;
    const files = this.#files;
    const index = await this.#layoutIndex();
    const find = (entries: LayoutEntries) => findUnreferenced(files, entries, { minAge, signal });
    if (dryRun || !await files.isThere()) return (await find(await index.read(files))).blobs;
    return await this.#changing(async () => {
      await this.#sweep();
      return await index.exclusive(files, async (entries, apply) => {
        const unreferenced = await find(entries);
        // The index first: it must not name what is gone.
        await apply(unreferenced.entries.map((remove) => ({ remove })));
        for (const { digest } of unreferenced.blobs) {
          signal?.throwIfAborted();
          await files.remove(digest as Digest);
        }
        return unreferenced.blobs;
      });
    });
  }

  /** Every tag, in ASCII order. */
  async *tags(options: StoreOptions = {}): AsyncGenerator<string> {
    checkCall(options, STORE_OPTIONS);
    yield* iterate((await this.#entries()).tags().sort(), options.signal);
  }

  /**
   * The manifests whose subject is this one, with their types and annotations: those in the index,
   * and those that they are made of.
   */
  async *referrers(
    subject: Descriptor,
    options: ReferrersOptions = {},
  ): AsyncGenerator<Descriptor> {
    checkCall(options, REFERRERS_OPTIONS);
    const digest = digestIn(subject);
    yield* this.#manifests.referrers((await this.#entries()).all(), digest, options);
  }

  /**
   * Takes content from another layout folder by giving its file one more name; across disks it is
   * copied, and verified on the way.
   *
   * @returns `false` when the source is no layout folder, or does not have it undamaged.
   *
   * @throws {SizeMismatchError} When its size there is not the descriptor's.
   */
  async mount(
    descriptor: Descriptor,
    from: ContentSource,
    options: StoreOptions = {},
  ): Promise<boolean> {
    checkCall(options, STORE_OPTIONS);
    checkArgument("from", from, "source");
    const digest = digestIn(descriptor);
    hashAlgorithm(digest);
    if (!(from instanceof LayoutStore)) return false;
    const size = await from.#files.size(digest);
    if (size === undefined) return false;
    if (size !== descriptor.size) throw sizeMismatch(digest, descriptor.size, size);
    return await this.#changing(async () => {
      const linked = await this.#files.link(from.#files, digest, options.signal);
      if (linked === undefined) return false;
      if (linked) await this.#list(descriptor);
      else {
        const open = (offset = 0) => from.open(descriptor, { offset, verify: false });
        await this.write(descriptor, { size, open }, options);
      }
      return true;
    });
  }

  /**
   * Goes on with content that is partly here: also with what a process left that was killed. What is
   * there is hashed first. Of several who do this to one content at once, in one process or in
   * several, one goes on with it and the others start anew.
   *
   * @throws {StorageError} When the disk fails: it is full, or read-only.
   */
  async begin(descriptor: Descriptor, options: StoreOptions = {}): Promise<PartialBlob> {
    checkCall(options, STORE_OPTIONS);
    const { signal } = options;
    const digest = digestIn(descriptor);
    const { size } = descriptor;
    hashAlgorithm(digest);
    const files = this.#files;
    const { mediaType } = descriptor;
    const onCommitted = () => this.#list({ mediaType, digest, size });
    const onEnd = () => files.tidy();
    files.use();
    let begun: PartialBlob | undefined;
    try {
      await this.#sweepOnce();
      if (await files.verified(digest, { size, signal })) return wholePartial(size);
      begun = await beginPartial(files, { digest, size }, { onCommitted, onEnd, signal });
      return begun;
    } finally {
      if (begun === undefined) await onEnd();
    }
  }

  /** Removes content, with its tags and its place in the index. */
  async delete(descriptor: Descriptor, options: StoreOptions = {}): Promise<void> {
    checkCall(options, STORE_OPTIONS);
    const digest = digestIn(descriptor);
    if (isManifestMediaType(descriptor.mediaType)) await this.#change([{ remove: digest }]);
    await this.#files.remove(digest);
  }

  #layoutIndex(): Promise<LayoutIndex> {
    return this.#index ??= LayoutIndex.of(this.#files);
  }

  async #entries(): Promise<LayoutEntries> {
    return await (await this.#layoutIndex()).read(this.#files);
  }

  /** Removes what earlier processes left unfinished, once for each store. */
  async #sweepOnce(): Promise<void> {
    if (!this.#swept) await this.#sweep();
  }

  async #sweep(): Promise<void> {
    this.#swept = true;
    await this.#files.sweep(Date.now() - this.#partialExpiry);
  }

  /** Only what nothing else leads to need be in the index: what has a subject. */
  async #list({ mediaType, digest, size }: Descriptor): Promise<void> {
    const manifest = await this.#manifests.know({ mediaType, digest, size });
    if (manifest?.subject !== undefined) {
      await this.#change([{ list: { mediaType, digest, size } }]);
    }
  }

  /** What takes entries out of the index that lose their tag, and need not be there without one. */
  async #unlist(entries: readonly Descriptor[]): Promise<IndexChange[]> {
    const changes: IndexChange[] = [];
    for (const entry of entries) {
      const manifest = await this.#manifests.know(entry);
      if (manifest?.subject === undefined) changes.push({ unlist: entry.digest });
    }
    return changes;
  }

  async #change(changes: IndexChange[]): Promise<void> {
    const index = await this.#layoutIndex();
    await this.#changing(() => index.change(this.#files, () => ({ changes, result: undefined })));
  }

  /** Changes something, and leaves nothing but the layout behind. */
  async #changing<T>(change: () => Promise<T>): Promise<T> {
    this.#files.use();
    try {
      return await change();
    } finally {
      await this.#files.tidy();
    }
  }

  /** The folder does not keep the types of what the index does not name. */
  async #guessType(digest: Digest): Promise<string> {
    try {
      const bytes = await this.#manifests.read(digest);
      return bytes === undefined ? MEDIA_TYPES.octetStream : manifestMediaType(bytes);
    } catch {
      return MEDIA_TYPES.octetStream;
    }
  }
}
