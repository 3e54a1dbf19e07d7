import type { Bytes } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, digestEncoded, hashAlgorithm, isDigestReference } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import { isManifestMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import {
  OPEN_OPTIONS,
  type OpenOptions,
  REFERRERS_OPTIONS,
  type ReferrersOptions,
  RESOLVE_OPTIONS,
  type ResolveOptions,
  STORE_OPTIONS,
  type StoreOptions,
} from "../content/store.ts";
import {
  ApiError,
  BadDigestError,
  ContentNotFoundError,
  InvalidArchiveError,
  InvalidContentError,
  SizeMismatchError,
} from "../errors.ts";
import { childrenOf } from "../manifest/children.ts";
import { manifestMediaType } from "../manifest/media_type_of.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import { isIndex, type Manifest } from "../manifest/types.ts";
import { type ArchiveContent, openContent } from "./archive_content.ts";
import { type ArchiveIndex, belowTop } from "./archive_index.ts";
import type { ArchiveLimits } from "./archive_limits.ts";
import type { ArchiveSource } from "./archive_source.ts";
import { checkCall } from "../content/check_call.ts";
import { digestIn } from "./digest_in.ts";
import { nameOf, withoutNames } from "./entry_names.ts";
import { iterate } from "./iterate.ts";
import { LayoutEntries } from "./layout_entries.ts";
import { LayoutManifests } from "./layout_manifests.ts";
import { INDEX, type LayoutSource, readIndex } from "./read_index.ts";
import { noSuchEntry, onlyImage, resolveEntry } from "./resolve_entry.ts";

/** How many indexes stand in each other at most. */
const MAX_INDEXES = 16;

/** An OCI layout in a tar, read in place. */
export class OciArchive implements ArchiveSource {
  /** What it is read as. */
  readonly format = "oci";
  /** None: every manifest is the archive's own. */
  readonly madeManifests: ReadonlySet<string> = new Set();
  readonly #index: ArchiveIndex;
  readonly #entries: LayoutEntries;
  readonly #manifests: LayoutManifests;
  readonly #limits: Required<ArchiveLimits>;
  readonly #close: () => Promise<void>;

  private constructor(
    index: ArchiveIndex,
    entries: LayoutEntries,
    manifests: LayoutManifests,
    limits: Required<ArchiveLimits>,
    close: () => Promise<void>,
  ) {
    this.#index = index;
    this.#entries = entries;
    this.#manifests = manifests;
    this.#limits = limits;
    this.#close = close;
  }

  /**
   * Reads `oci-layout` and `index.json`. An entry that cannot be read keeps no other one from it.
   *
   * @throws {InvalidArchiveError} When they are missing, broken, or of another version.
   */
  static async read(
    index: ArchiveIndex,
    limits: Required<ArchiveLimits>,
    close: () => Promise<void>,
  ): Promise<OciArchive> {
    if (index.find(INDEX) === undefined) {
      const why = index.find("manifest.json") === undefined
        ? belowTop(index)
        : ": it is a docker-archive";
      throw new InvalidArchiveError(`Cannot read the OCI archive: it has no index.json${why}`);
    }
    const source = layoutSource(index, limits);
    try {
      const entries = new LayoutEntries((await readIndex(source)).entries);
      return new OciArchive(index, entries, new LayoutManifests(source), limits, close);
    } catch (cause) {
      if (!(cause instanceof InvalidContentError)) throw cause;
      throw new InvalidArchiveError(cause.message, { cause });
    }
  }

  /** The descriptor that a reference names. */
  async resolve(reference: string, options: ResolveOptions = {}): Promise<Descriptor> {
    checkCall(options, RESOLVE_OPTIONS);
    if (isDigestReference(reference)) return await this.#resolveDigest(reference);
    const { platform } = options;
    const named = { entries: this.#entries, where: "the archive", platform };
    const entry = reference === ""
      ? await onlyImage(named, this.#manifests)
      : resolveEntry(reference, named);
    if (entry === undefined) throw noSuchEntry(reference, named);
    return await this.#checked(withoutNames(entry));
  }

  /** Whether the content is here. */
  exists(descriptor: Descriptor, options: StoreOptions = {}): Promise<boolean> {
    return new Promise((resolve) => {
      checkCall(options, STORE_OPTIONS);
      resolve(this.content(digestIn(descriptor)) !== undefined);
    });
  }

  /** The content's bytes, verified when they are read in full. */
  async open(descriptor: Descriptor, options: OpenOptions = {}): Promise<ReadableStream<Bytes>> {
    checkCall(options, OPEN_OPTIONS);
    return await openContent(this.#find(digestIn(descriptor)), descriptor, options);
  }

  /** Every tag, as it is written. */
  async *tags(options: StoreOptions = {}): AsyncGenerator<string> {
    checkCall(options, STORE_OPTIONS);
    const tags = new Set(this.#entries.all().flatMap((entry) => nameOf(entry) ?? []));
    yield* iterate([...tags].sort(), options.signal);
  }

  /** The manifests of `index.json`, and of indexes in it, whose subject is this one. */
  async *referrers(
    subject: Descriptor,
    options: ReferrersOptions = {},
  ): AsyncGenerator<Descriptor> {
    checkCall(options, REFERRERS_OPTIONS);
    yield* this.#manifests.referrers(this.#entries.all(), digestIn(subject), options);
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    await this.#close();
  }

  /** A blob; `undefined` where there is none. */
  content(digest: Digest): ArchiveContent | undefined {
    const entry = this.#index.find(blobName(digest));
    return entry && {
      size: entry.size,
      open: (offset, length) => this.#index.open(entry, offset, length),
    };
  }

  /** Every image manifest that `index.json` leads to, also through indexes, as far as they are here. */
  async *manifests(): AsyncGenerator<{ descriptor: Descriptor; manifest: Manifest }> {
    const seen = new Set<string>();
    let level: readonly Descriptor[] = this.#entries.all();
    for (let depth = 0; level.length > 0 && depth < MAX_INDEXES; depth++) {
      const next: Descriptor[] = [];
      for (const descriptor of level) {
        if (seen.has(descriptor.digest)) continue;
        seen.add(descriptor.digest);
        const manifest = await this.#manifest(descriptor);
        if (manifest === undefined) continue;
        if (isIndex(manifest)) next.push(...childrenOf(manifest));
        else yield { descriptor: withoutNames(descriptor), manifest };
      }
      level = next;
    }
  }

  #find(digest: Digest): ArchiveContent {
    const content = this.content(digest);
    if (content !== undefined) return content;
    throw new ContentNotFoundError(`Cannot open ${digest}: the archive does not have it`);
  }

  async #resolveDigest(digest: Digest): Promise<Descriptor> {
    const entry = this.#entries.listed(digest);
    if (entry !== undefined) return await this.#checked(withoutNames(entry));
    const { size } = this.#find(digest);
    let mediaType: string = MEDIA_TYPES.octetStream;
    if (size <= this.#limits.manifestBytes) {
      const bytes = await this.#read({ mediaType, digest, size });
      try {
        mediaType = manifestMediaType(bytes);
      } catch {
        // It is no manifest.
      }
    }
    return await this.#checked({ mediaType, digest, size });
  }

  async #checked(descriptor: Descriptor): Promise<Descriptor> {
    if (isManifestMediaType(descriptor.mediaType)) {
      parseManifest(await this.#read(descriptor), { descriptor });
    }
    return descriptor;
  }

  /** A small blob, verified. */
  async #read(descriptor: Descriptor): Promise<Bytes> {
    const digest = digestIn(descriptor);
    const entry = this.#index.find(blobName(digest));
    if (entry === undefined) {
      throw new ContentNotFoundError(`Cannot open ${digest}: the archive does not have it`);
    }
    if (entry.size !== descriptor.size) {
      throw new SizeMismatchError(
        `Cannot open ${digest}: it has ${entry.size} bytes, and the descriptor says ` +
          `${descriptor.size}`,
        { expected: descriptor.size, actual: entry.size },
      );
    }
    const limit = { name: "manifestBytes", bytes: this.#limits.manifestBytes };
    const bytes = await this.#index.bytes(entry, limit);
    const actual = await digestOf(bytes, hashAlgorithm(digest));
    if (actual === digest) return bytes;
    throw new BadDigestError(`Cannot verify ${digest}: its bytes have the digest ${actual}`, {
      expected: digest,
      actual,
    });
  }

  /** A manifest that is here and can be read. */
  async #manifest(descriptor: Descriptor): Promise<Manifest | undefined> {
    if (!isManifestMediaType(descriptor.mediaType)) return undefined;
    try {
      return parseManifest(await this.#read(descriptor), { descriptor }).manifest;
    } catch (error) {
      if (error instanceof ApiError) return undefined;
      throw error;
    }
  }
}

/** Where an OCI layout has a blob. */
export function blobName(digest: Digest): string {
  return `blobs/${hashAlgorithm(digest)}/${digestEncoded(digest)}`;
}

function layoutSource(index: ArchiveIndex, limits: Required<ArchiveLimits>): LayoutSource {
  const read = async (name: string, limit: "indexBytes" | "manifestBytes") => {
    const entry = index.find(name);
    return entry && await index.bytes(entry, { name: limit, bytes: limits[limit] });
  };
  return {
    folder: "the archive",
    repair: "",
    size: (digest) => Promise.resolve(index.find(blobName(digest))?.size),
    read: (digest) => read(blobName(digest), "manifestBytes"),
    readText: async (name) => {
      const bytes = await read(name, "indexBytes");
      return bytes && new TextDecoder().decode(bytes);
    },
  };
}
