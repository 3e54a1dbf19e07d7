import {
  BadDigestError,
  ContentNotFoundError,
  ForbiddenError,
  HttpError,
  InvalidContentError,
  NotFoundError,
  SizeMismatchError,
  UnauthorizedError,
  UploadError,
} from "./errors.ts";
import { type Body, bytesStream, letGo, type OpenBody, openBody } from "./content/body.ts";
import { type Bytes, EMPTY } from "./content/bytes.ts";
import { checkArgument } from "./content/check_argument.ts";
import { checkCall } from "./content/check_call.ts";
import { checkOptions, names, type OptionNames } from "./content/check_options.ts";
import type { Descriptor } from "./content/descriptor.ts";
import type { UploadJournal } from "./content/upload_journal.ts";
import { DEFAULT_LIMITS } from "./content/limits.ts";
import { KeptManifests } from "./content/kept_manifests.ts";
import { isManifestMediaType, MEDIA_TYPES } from "./content/media_types.ts";
import { openRange } from "./content/open_range.ts";
import { pieceReader, readAll } from "./content/piece_reader.ts";
import { verifier, verifyingStream } from "./content/verifying_stream.ts";
import { type Digest, isDigest, parseDigest } from "./content/digest.ts";
import {
  type ContentSource,
  type ContentStore,
  OPEN_OPTIONS,
  type OpenOptions,
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
} from "./content/store.ts";
import { checkTag } from "./reference/tag.ts";
import type { UploadSession } from "./endpoints/uploads.ts";
import type { RegistryClientV2 } from "./registry_client_v2.ts";

/** Options of {@linkcode RegistryStore}. */
export interface RegistryStoreOptions {
  /** The largest manifest that is read into memory, in bytes. @default {8388608} */
  manifestBytes?: number;
  /** Remembers uploads, so that another process goes on with them. @default {the client's} */
  journal?: UploadJournal;
}

const REGISTRY_STORE_OPTIONS: OptionNames<RegistryStoreOptions> = names("manifestBytes", {
  journal: "an object",
});

/**
 * A repository as a store of content: what copying, attaching and every other verb over stores work
 * with. Descriptors of manifests go to the manifest endpoints, all others to the blob endpoints.
 *
 * @example
 * ```ts
 * import { RegistryClientV2, RegistryStore } from "@davit/registry-client";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry();
 * const client = new RegistryClientV2({ name: "localhost:5000/app", fetch });
 * const store = new RegistryStore(client);
 * const blob = await client.putBlob(new TextEncoder().encode("hello"));
 * assertEquals(await store.exists(blob), true);
 * ```
 */
export class RegistryStore implements ContentStore {
  /** The client that this store speaks through. */
  readonly client: RegistryClientV2;
  readonly #manifestBytes: number;
  readonly #journal: UploadJournal | undefined;
  #ranges: boolean | undefined;
  /** Manifests that were written: to tag one costs no pull then, which may be counted. */
  readonly #written = new KeptManifests();
  /** Manifests that `resolve` was answered with, until they are opened. */
  readonly #read = new KeptManifests();
  /** Manifests that `resolve` found under types that are not known here: they are no blobs. */
  readonly #others = new Set<string>();
  /** Whether mounts that are answered as made are there, by the source and the digest's algorithm. */
  readonly #mounts = new Map<string, boolean>();
  /** Uploads that were started in place of mounts, by what they are for. */
  readonly #started = new Map<string, UploadSession>();

  /** A store over a client's repository. */
  constructor(client: RegistryClientV2, options: RegistryStoreOptions = {}) {
    checkOptions(options, REGISTRY_STORE_OPTIONS);
    checkArgument("client", client, "client");
    this.client = client;
    this.#journal = options.journal ?? client.journal;
    this.#manifestBytes = options.manifestBytes ?? DEFAULT_LIMITS.manifestBytes;
  }

  /**
   * The descriptor that a tag or digest names, by HEAD: a manifest's, or else a blob's, of which the
   * registry does not know the media type. With `read` by GET, and the next `open` of that manifest
   * costs no request.
   *
   * @throws {ContentNotFoundError} When there is none.
   * @throws {InvalidContentError} When the registry does not say the size of a blob.
   */
  async resolve(reference: string, options: ResolveOptions = {}): Promise<Descriptor> {
    checkOptions(options, RESOLVE_OPTIONS);
    const { read = false, signal } = options;
    const ending = signal && { signal };
    return await this.#orMissing(reference, async () => {
      try {
        const got = read && await this.#resolveByGet(reference, ending);
        if (got) return got;
        const found = await this.client.headManifest(reference, ending);
        if (!isManifestMediaType(found.mediaType)) this.#others.add(found.digest);
        return found;
      } catch (error) {
        if (!isDigest(reference) || !mayBeBlob(error)) throw error;
        return await this.#resolveBlob(reference, ending).catch((cause) => {
          throw cause instanceof NotFoundError ? error : cause;
        });
      }
    });
  }

  /** Of a type that is not known here the descriptor is not in every answer, and is asked for. */
  async #resolveByGet(ref: string, options?: StoreOptions): Promise<Descriptor | undefined> {
    const { bytes, digest, mediaType } = await this.client.getManifestBytes(ref, options);
    if (!isManifestMediaType(mediaType)) return undefined;
    this.#read.keep(digest, { bytes, mediaType });
    return { mediaType, digest, size: bytes.byteLength };
  }

  async #resolveBlob(digest: string, options?: StoreOptions): Promise<Descriptor> {
    const { size } = await this.client.statBlob(digest, options);
    return { mediaType: MEDIA_TYPES.octetStream, digest, size };
  }

  /** Whether the repository has the content; of a blob no fewer bytes than the descriptor says. */
  async exists(descriptor: Descriptor, options: StoreOptions = {}): Promise<boolean> {
    checkOptions(options, STORE_OPTIONS);
    checkArgument("descriptor", descriptor, "descriptor");
    const { digest, mediaType, size } = descriptor;
    if (!isManifestMediaType(mediaType)) {
      const found = await this.client.hasBlob(digest, { size, ...options });
      if (found) await this.#landed(digest);
      return found;
    }
    try {
      await this.client.headManifest(digest, options);
      return true;
    } catch (error) {
      if (error instanceof NotFoundError) return false;
      throw error;
    }
  }

  /**
   * The content's bytes, verified when they are read in full; a manifest, which is read whole before,
   * also with `verify: false`. What of a blob is opened so and written to another `RegistryStore` with
   * `verify: "target"` goes, on Deno, from one connection to the other without JavaScript. A transfer
   * that nothing here can watch has one stall time for all of its bytes; then it goes on the other way.
   *
   * With `offset` or `length` only that part is asked for, and it is as long as was asked. A registry
   * that knows no ranges sends the whole, and what stands before the part is read and dropped:
   * `ranges` says so once one was asked for.
   *
   * @throws {ContentNotFoundError} When the repository does not have it.
   */
  async open(descriptor: Descriptor, options: OpenOptions = {}): Promise<ReadableStream<Bytes>> {
    checkOptions(options, OPEN_OPTIONS);
    checkArgument("descriptor", descriptor, "descriptor");
    const { digest, size, mediaType } = descriptor;
    const { signal, verify = true } = options;
    const ending = signal && { signal };
    const { offset, length } = openRange(options, size);
    const whole = offset === 0 && length >= size;
    return await this.#orMissing(digest, async () => {
      if (isManifestMediaType(mediaType) || this.#others.has(digest)) {
        const get = isManifestMediaType(mediaType) ? "getManifest" : "getManifestBytes";
        const { bytes } = this.#read.take(digest) ?? await this.client[get](digest, ending);
        // What was got by its digest is verified: it can only be of another size than the descriptor says.
        if (!whole || bytes.byteLength === size) {
          return bytesStream(bytes.subarray(offset, offset + length));
        }
        const reader = pieceReader(bytesStream(bytes));
        return await verifyingStream(reader, { digest: parseDigest(digest), size });
      }
      if (!whole && (length === 0 || offset === size)) return bytesStream(EMPTY);
      // The end is named too: crane's registry refuses a range without one, or past the content.
      const range = whole ? {} : { range: { offset, length: Math.min(length, size - offset) } };
      const how = { size, verify, ...range, ...ending };
      const { stream, ranged } = await this.client.getBlob(digest, how);
      this.#ranges = ranged ?? this.#ranges;
      return stream;
    });
  }

  /**
   * Takes content: the registry has all of it afterwards, or none. With `verify: "target"` a blob is
   * not hashed on its way, and the registry's own check of its digest counts; a manifest, and a blob
   * of a few kilobytes in memory, are verified here all the same.
   *
   * @throws {BadDigestError} When the bytes have another digest, or the registry says so.
   * @throws {SizeMismatchError} When there are more or fewer bytes than the descriptor says.
   * @throws {UploadError} When the body fails, or is a stream that was read before.
   * @throws {ReferrersListError} When a manifest was written, and not put on its subject's list.
   */
  async write(descriptor: Descriptor, body: Body, options: WriteOptions = {}): Promise<void> {
    checkOptions(options, WRITE_OPTIONS);
    try {
      checkArgument("descriptor", descriptor, "descriptor");
      await this.#write(descriptor, body, options);
    } catch (error) {
      await letGo(body, error);
      throw error;
    }
  }

  async #write(
    descriptor: Descriptor,
    body: Body,
    options: WriteOptions,
    tag?: string,
  ): Promise<void> {
    const { digest, size, mediaType } = descriptor;
    const { signal, verify = "here", absent = false, manifest = false } = options;
    const ending = signal && { signal };
    const source = openBody(body, size);
    const { canonicalName } = this.client.repo;
    if (source.size !== undefined && source.size !== size) {
      throw new SizeMismatchError(
        `Cannot write ${digest} to ${canonicalName}: the body has ${source.size} bytes instead of ${size}`,
        { expected: size, actual: source.size },
      );
    }
    if (!manifest && !isManifestMediaType(mediaType)) {
      const journal = this.#journal && { journal: this.#journal };
      const started = this.#started.get(digest);
      this.#started.delete(digest);
      const going = { ...ending, ...journal, ...(started && { session: started }) };
      try {
        await this.client.putBlob(body, { digest, size, verify, absent, ...going });
      } catch (error) {
        throw (verify === "target" && badDigest(error, digest, canonicalName)) || error;
      }
      return;
    }
    const bytes = await this.#manifestOf(source, { digest: parseDigest(digest), size }, ending);
    const as = tag === undefined ? { ref: digest } : tagging(digest, tag);
    const { referrersError } = await this.client.putManifest({
      manifestData: bytes,
      mediaType,
      ...as,
      ...ending,
    });
    this.#written.keep(digest, { bytes, mediaType });
    if (referrersError !== undefined) throw referrersError;
  }

  /** A manifest's bytes, verified; a copy of those that the caller has. */
  async #manifestOf(
    source: OpenBody,
    expected: { digest: Digest; size: number },
    ending?: StoreOptions,
  ): Promise<Bytes> {
    const limit = { name: "manifestBytes", bytes: this.#manifestBytes, what: "the manifest" };
    if (source.bytes !== undefined && expected.size <= limit.bytes) {
      const bytes = new Uint8Array(source.bytes);
      const verifying = await verifier(expected);
      verifying.take(bytes);
      await verifying.finish();
      return bytes;
    }
    const reader = pieceReader(await verifyingStream(await source.open(), expected, ending));
    return await readAll(reader, limit, Math.min(expected.size, limit.bytes));
  }

  /**
   * Takes a manifest under a tag, verified, with one request.
   *
   * @throws {InvalidContentError} When it is not a manifest's descriptor.
   * @throws {TagImmutableError} When the tag names another manifest and cannot be moved.
   */
  async writeTagged(
    descriptor: Descriptor,
    bytes: Uint8Array,
    reference: string,
    options: StoreOptions = {},
  ): Promise<void> {
    checkOptions(options, STORE_OPTIONS);
    checkArgument("descriptor", descriptor, "descriptor");
    checkTag(reference);
    if (!isManifestMediaType(descriptor.mediaType)) {
      throw new InvalidContentError(
        `Cannot tag ${descriptor.digest} as ${descriptor.mediaType} is no manifest's type`,
      );
    }
    await this.#write(descriptor, bytes, options, reference);
  }

  /**
   * Names a manifest that the repository has. One of a sha512 digest keeps it where the registry
   * takes tags beside a digest (end-7b); elsewhere the tag names the sha256 digest of the same bytes.
   *
   * @throws {ContentNotFoundError} When the repository does not have it.
   */
  async tag(descriptor: Descriptor, reference: string, options: TagOptions = {}): Promise<void> {
    checkOptions(options, TAG_OPTIONS);
    checkArgument("descriptor", descriptor, "descriptor");
    checkTag(reference);
    const { digest } = descriptor;
    const { signal, present = false } = options;
    const ending = signal && { signal };
    const { bytes, mediaType } = await this.#orMissing(digest, async () => {
      const written = this.#written.get(digest);
      if (written === undefined) return await this.client.getManifest(digest, ending);
      // It may have been deleted: to put it again would bring it back.
      if (!present) await this.client.headManifest(digest, ending);
      return written;
    });
    const as = tagging(digest, reference);
    await this.client.putManifest({ manifestData: bytes, mediaType, ...as, ...ending });
  }

  /** Every tag, a page at a time. */
  tags(options: StoreOptions = {}): AsyncIterable<string> {
    checkOptions(options, STORE_OPTIONS);
    return this.client.tags(options);
  }

  /**
   * The manifests whose subject is this one, from the referrers API and from the fallback tag, as
   * {@linkcode RegistryClientV2.listReferrers} finds them.
   */
  referrers(subject: Descriptor, options: ReferrersOptions = {}): AsyncIterable<Descriptor> {
    checkOptions(options, REFERRERS_OPTIONS);
    checkArgument("subject", subject, "descriptor");
    return this.client.referrers(subject.digest, options);
  }

  /**
   * Whether the registry answers a part of a blob with that part, as the last one showed; `undefined`
   * before the first. Without ranges, several parts of a blob at once cost its size each.
   */
  get ranges(): boolean | undefined {
    return this.#ranges;
  }

  /**
   * Takes a blob from another repository of the same registry, where the registry does that. The upload
   * that it starts instead is what the next `write` of the blob goes on with.
   */
  async mount(
    descriptor: Descriptor,
    from: ContentSource,
    options: StoreOptions = {},
  ): Promise<boolean> {
    checkCall(options, STORE_OPTIONS);
    checkArgument("descriptor", descriptor, "descriptor");
    checkArgument("from", from, "source");
    if (!(from instanceof RegistryStore) || isManifestMediaType(descriptor.mediaType)) return false;
    const { repo, origin } = from.client;
    if (origin !== this.client.origin || repo.remoteName === this.client.repo.remoteName) {
      return false;
    }
    const { digest } = descriptor;
    const result = await this.client.mountBlob({ digest, from: repo.remoteName, ...options });
    if (!result.mounted) {
      this.#started.set(digest, result.session);
      return false;
    }
    // Looked at once: distribution says so of what has a sha512 digest, and does nothing.
    const way = `${repo.remoteName} ${digest.split(":", 1)[0]}`;
    const made = this.#mounts.get(way) ?? await this.#isMounted(descriptor, options);
    this.#mounts.set(way, made);
    if (made) await this.#landed(digest);
    return made;
  }

  async #isMounted(descriptor: Descriptor, options: StoreOptions): Promise<boolean> {
    try {
      return await this.exists(descriptor, options);
    } catch (error) {
      // Who may not look takes it at its word.
      if (error instanceof ForbiddenError || error instanceof UnauthorizedError) return true;
      throw error;
    }
  }

  /** Removes content, where the registry allows that; a manifest's tags go with it. */
  async delete(descriptor: Descriptor, options: StoreOptions = {}): Promise<void> {
    checkOptions(options, STORE_OPTIONS);
    checkArgument("descriptor", descriptor, "descriptor");
    const { digest, mediaType } = descriptor;
    try {
      const method = isManifestMediaType(mediaType) ? "deleteManifest" : "deleteBlob";
      await this.client[method](digest, options);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
    for (const kept of [this.#written, this.#read]) kept.take(digest);
  }

  /** What is there needs no upload: one whose process was killed may have been closed all the same. */
  async #landed(digest: string): Promise<void> {
    const { origin: registry, repo } = this.client;
    await this.#journal?.forget({ registry, repository: repo.remoteName, digest });
  }

  async #orMissing<T>(what: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (cause) {
      if (!(cause instanceof NotFoundError)) throw cause;
      const { canonicalName } = this.client.repo;
      throw new ContentNotFoundError(`Cannot find ${what} in ${canonicalName}: ${cause.message}`, {
        cause,
      });
    }
  }
}

/** How a manifest is put under a tag. By tag alone, the tag names the sha256 digest. */
function tagging(digest: string, tag: string): { ref: string; tags?: string[] } {
  return digest.startsWith("sha256:") ? { ref: tag } : { ref: digest, tags: [tag] };
}

/** Whether what a registry says of a manifest's digest leaves room for a blob's. */
function mayBeBlob(error: unknown): boolean {
  // docker-registry 2.8.2 takes any blob for a manifest, and fails with 500.
  return error instanceof NotFoundError || (error instanceof HttpError && error.statusCode === 500);
}

/** What a registry that found another digest answered, as the error of a check that is made here. */
function badDigest(error: unknown, digest: string, name: string): BadDigestError | undefined {
  const cause = error instanceof UploadError ? error.cause : error;
  if (!(cause instanceof HttpError) || !cause.codes.includes("DIGEST_INVALID")) return undefined;
  const message =
    `Cannot write ${digest} to ${name}: the registry says that the bytes have another ` +
    "digest";
  return new BadDigestError(message, { cause: error, expected: digest, actual: "" });
}
