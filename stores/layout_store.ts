import { join } from "@std/path";
import { type Body, bodySource, bytesStream } from "../content/body.ts";
import { type Bytes, EMPTY } from "../content/bytes.ts";
import { checkDescriptor, type Descriptor } from "../content/descriptor.ts";
import {
  type Digest,
  digestEncoded,
  hashAlgorithm,
  isDigest,
  parseDigest,
} from "../content/digest.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { isManifestMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import { openRange } from "../content/open_range.ts";
import { pieceReader, readAll } from "../content/piece_reader.ts";
import type {
  ContentStore,
  OpenOptions,
  ReferrersOptions,
  StoreOptions,
} from "../content/store.ts";
import { passingStream, verifyingStream } from "../content/verifying_stream.ts";
import { ApiError, ContentNotFoundError, SizeMismatchError, UploadError } from "../errors.ts";
import { subjectOf } from "../manifest/children.ts";
import { manifestMediaType } from "../manifest/media_type_of.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import { filterReferrers, referrerDescriptor } from "../manifest/referrers_index.ts";
import { checkTag } from "../reference/tag.ts";
import type { FileSystem } from "../runtime/files.ts";
import { isMissing } from "../runtime/files.ts";
import { files } from "./files.ts";
import { LayoutIndex, tagOf, untagged } from "./layout_index.ts";
import { limitedReader } from "./limited_reader.ts";
import { openFile } from "./open_file.ts";
import { saveFile } from "./save_file.ts";

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
  readonly #system: FileSystem;
  readonly #index: LayoutIndex;

  /**
   * A store in a folder, which need not be there yet.
   *
   * @throws {UnsupportedRuntimeError} In a browser or a worker.
   */
  constructor(folder: string) {
    this.folder = folder;
    this.#system = files(`open the layout ${folder}`);
    this.#index = new LayoutIndex(folder, this.#system);
  }

  /**
   * The descriptor that a tag or digest names.
   *
   * @throws {ContentNotFoundError} When there is none.
   */
  async resolve(reference: string, options: StoreOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    const entry = isDigest(reference)
      ? (await this.#index.entries()).find(({ digest }) => digest === reference)
      : await this.#index.find(reference);
    if (entry !== undefined) return untagged(entry);
    if (isDigest(reference)) {
      const size = await this.#size(reference);
      if (size !== undefined) {
        return { mediaType: await this.#guessType(reference, size), digest: reference, size };
      }
    }
    throw new ContentNotFoundError(
      `Cannot resolve ${JSON.stringify(reference)}: ${this.folder} has no such tag or digest`,
    );
  }

  /** Whether the content is here, at its full size. */
  async exists(descriptor: Descriptor, options: StoreOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    return await this.#size(digestIn(descriptor)) !== undefined;
  }

  /**
   * The content's bytes, verified when they are read in full.
   *
   * @throws {ContentNotFoundError} When it is not here.
   * @throws {SizeMismatchError} When its size is not the descriptor's.
   */
  async open(descriptor: Descriptor, options: OpenOptions = {}): Promise<ReadableStream<Bytes>> {
    const { signal } = options;
    signal?.throwIfAborted();
    const digest = digestIn(descriptor);
    const size = await this.#size(digest);
    if (size === undefined) {
      throw new ContentNotFoundError(`Cannot open ${digest}: ${this.folder} does not have it`);
    }
    if (size !== descriptor.size) {
      throw new SizeMismatchError(
        `Cannot open ${digest}: it has ${size} bytes, and the descriptor says ${descriptor.size}`,
        { expected: descriptor.size, actual: size },
      );
    }
    const { offset, length } = openRange(options, size);
    if (length === 0 || (offset === size && size > 0)) return bytesStream(EMPTY);
    const file = await openFile(this.#path(digest));
    const reader = pieceReader(await file.open(offset));
    const ending = signal && { signal };
    if (offset === 0 && length >= size) {
      return await verifyingStream(reader, { digest, size }, ending);
    }
    return passingStream(limitedReader(reader, length), ending);
  }

  /**
   * Takes content and verifies it as it streams to a temporary file: all of it is there afterwards,
   * or none.
   *
   * @throws {BadDigestError} When the bytes have another digest.
   * @throws {SizeMismatchError} When there are more or fewer bytes than the descriptor says.
   * @throws {UploadError} When the body fails, or is a stream that was read before.
   */
  async write(descriptor: Descriptor, body: Body, options: StoreOptions = {}): Promise<void> {
    const { signal } = options;
    const digest = digestIn(descriptor);
    const algorithm = hashAlgorithm(digest);
    signal?.throwIfAborted();
    const source = bodySource(body, descriptor.size);
    if (await this.#size(digest) === descriptor.size) {
      if (!source.reopenable) await (await source.open()).cancel();
    } else {
      await this.#system.mkdir(join(this.folder, "blobs", algorithm), { recursive: true });
      try {
        const reader = pieceReader(await source.open());
        const stream = await verifyingStream(reader, { digest, size: descriptor.size }, options);
        await saveFile(this.#path(digest), stream, options);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof ApiError) throw error;
        throw new UploadError(`Cannot write ${digest} to ${this.folder}: its body failed`, {
          cause: error,
        });
      }
    }
    if (isManifestMediaType(descriptor.mediaType)) await this.#list(descriptor);
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
    await this.#index.tag(descriptor, tag);
  }

  /** Every tag, in ASCII order. */
  async *tags(options: StoreOptions = {}): AsyncGenerator<string> {
    const tags = (await this.#index.entries()).flatMap((entry) => tagOf(entry) ?? []);
    for (const tag of [...new Set(tags)].sort()) {
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
    const told = new Set<string>();
    for (const entry of await this.#index.entries()) {
      signal?.throwIfAborted();
      if (told.has(entry.digest) || !isManifestMediaType(entry.mediaType)) continue;
      told.add(entry.digest);
      const manifest = await this.#manifest(entry);
      if (manifest === undefined || subjectOf(manifest)?.digest !== subject.digest) continue;
      const { mediaType, digest, size } = entry;
      yield* filterReferrers(
        [referrerDescriptor(manifest, { mediaType, digest, size })],
        artifactType,
      );
    }
  }

  /** Only what nothing else leads to need be in the index: what has a subject. */
  async #list(descriptor: Descriptor): Promise<void> {
    const manifest = await this.#manifest(descriptor);
    if (manifest === undefined || subjectOf(manifest) === undefined) return;
    const { mediaType, digest, size } = descriptor;
    await this.#index.add({ mediaType, digest, size });
  }

  async #manifest(
    { digest, size, mediaType }: Descriptor,
  ): Promise<ReturnType<typeof parseManifest>["manifest"] | undefined> {
    try {
      return parseManifest(await this.#readSmall(parseDigest(digest), size), { mediaType })
        .manifest;
    } catch (error) {
      if (error instanceof ApiError || isMissing(error)) return undefined;
      throw error;
    }
  }

  async #readSmall(digest: Digest, size: number): Promise<Bytes> {
    const descriptor = { mediaType: MEDIA_TYPES.octetStream, digest, size };
    const reader = pieceReader(await this.open(descriptor));
    const bytes = DEFAULT_LIMITS.manifestBytes;
    return await readAll(reader, { name: "manifestBytes", bytes, what: "the manifest" });
  }

  /** The folder does not keep the types of what the index does not name. */
  async #guessType(digest: Digest, size: number): Promise<string> {
    if (size > DEFAULT_LIMITS.manifestBytes) return MEDIA_TYPES.octetStream;
    try {
      return manifestMediaType(await this.#readSmall(digest, size));
    } catch {
      return MEDIA_TYPES.octetStream;
    }
  }

  async #size(digest: Digest): Promise<number | undefined> {
    try {
      const stat = await this.#system.stat(this.#path(digest));
      return stat.isFile() ? stat.size : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** A checked digest's characters are letters, digits, `=`, `_` and `-`: no way out of the folder. */
  #path(digest: Digest): string {
    return join(this.folder, "blobs", digest.slice(0, digest.indexOf(":")), digestEncoded(digest));
  }
}

function digestIn(descriptor: Descriptor): Digest {
  return parseDigest(checkDescriptor(descriptor, "the argument").digest);
}
