import type { Bytes } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import {
  type Digest,
  digestEncoded,
  digestOf,
  hashAlgorithm,
  isDigest,
} from "../content/digest.ts";
import type { ArchiveLimits } from "../content/limits.ts";
import { isManifestMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import type { OpenOptions, ReferrersOptions, StoreOptions } from "../content/store.ts";
import {
  ApiError,
  BadDigestError,
  ContentNotFoundError,
  InvalidArchiveError,
  SizeMismatchError,
} from "../errors.ts";
import { childrenOf, subjectOf } from "../manifest/children.ts";
import { manifestMediaType } from "../manifest/media_type_of.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import { filterReferrers, referrerDescriptor } from "../manifest/referrers_index.ts";
import { isIndex, type Manifest } from "../manifest/types.ts";
import { type ArchiveContent, openContent } from "./archive_content.ts";
import type { ArchiveIndex } from "./archive_index.ts";
import { chooseImage, nameOf, namesOf, withoutNames } from "./archive_names.ts";
import type { ArchiveResolveOptions, ArchiveSource } from "./archive_source.ts";
import { digestIn } from "./digest_in.ts";

/** Tags that other manifests are attached under: `sha256-<hex>`, `sha256-<hex>.sig`. */
const ATTACHED_TAG = /^sha(?:256|512)-[0-9a-f]{64,128}(?:\.[\w-]+)?$/;

/** How many indexes stand in each other at most. */
const MAX_INDEXES = 16;

/** An OCI layout in a tar, read in place. */
export class OciArchive implements ArchiveSource {
  /** What it is read as. */
  readonly format = "oci";
  /** None: every manifest is the archive's own. */
  readonly madeManifests: ReadonlySet<string> = new Set();
  readonly #index: ArchiveIndex;
  readonly #entries: readonly Descriptor[];
  readonly #limits: Required<ArchiveLimits>;
  readonly #close: () => Promise<void>;
  #referrers: Promise<Map<string, Descriptor[]>> | undefined;

  private constructor(
    index: ArchiveIndex,
    entries: readonly Descriptor[],
    limits: Required<ArchiveLimits>,
    close: () => Promise<void>,
  ) {
    this.#index = index;
    this.#entries = entries;
    this.#limits = limits;
    this.#close = close;
  }

  /**
   * Reads `oci-layout` and `index.json`.
   *
   * @throws {InvalidArchiveError} When they are missing, broken, or of another version.
   */
  static async read(
    index: ArchiveIndex,
    limits: Required<ArchiveLimits>,
    close: () => Promise<void>,
  ): Promise<OciArchive> {
    const layout = await text(index, "oci-layout", limits);
    if (layout !== undefined) checkLayout(layout);
    const bytes = await text(index, "index.json", limits);
    if (bytes === undefined) {
      throw new InvalidArchiveError("Cannot read the OCI archive: it has no index.json");
    }
    let manifest: Manifest;
    try {
      ({ manifest } = parseManifest(bytes));
    } catch (cause) {
      throw new InvalidArchiveError(
        `Cannot read index.json of the archive: ${(cause as Error).message}`,
        { cause },
      );
    }
    if (!isIndex(manifest)) {
      throw new InvalidArchiveError("Cannot read index.json of the archive: it is no index");
    }
    return new OciArchive(index, manifest.manifests, limits, close);
  }

  /** The descriptor that a reference names. */
  async resolve(reference: string, options: ArchiveResolveOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    if (isDigest(reference)) return await this.#resolveDigest(reference);
    const entries = reference === "" ? await this.#images() : this.#entries;
    const images = entries.map((entry) => ({
      entry,
      key: entry.digest,
      names: namesOf(entry),
      platform: entry.platform,
    }));
    const { entry } = chooseImage(images, reference, "the archive", options.platform);
    return await this.#checked(withoutNames(entry));
  }

  /** Whether the content is here. */
  exists(descriptor: Descriptor, options: StoreOptions = {}): Promise<boolean> {
    return new Promise((resolve) => {
      options.signal?.throwIfAborted();
      resolve(this.content(digestIn(descriptor)) !== undefined);
    });
  }

  /** The content's bytes, verified when they are read in full. */
  async open(descriptor: Descriptor, options: OpenOptions = {}): Promise<ReadableStream<Bytes>> {
    options.signal?.throwIfAborted();
    return await openContent(this.#find(digestIn(descriptor)), descriptor, options);
  }

  /** Every tag, as it is written. */
  async *tags(options: StoreOptions = {}): AsyncGenerator<string> {
    const tags = new Set(this.#entries.flatMap((entry) => nameOf(entry) ?? []));
    for (const tag of [...tags].sort()) {
      options.signal?.throwIfAborted();
      yield await Promise.resolve(tag);
    }
  }

  /** The manifests of `index.json` whose subject is this one. */
  async *referrers(
    subject: Descriptor,
    { artifactType, signal }: ReferrersOptions = {},
  ): AsyncGenerator<Descriptor> {
    const all = await (this.#referrers ??= this.#readReferrers());
    for (const referrer of filterReferrers(all.get(digestIn(subject)) ?? [], artifactType)) {
      signal?.throwIfAborted();
      yield structuredClone(referrer);
    }
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
    let level: readonly Descriptor[] = this.#entries;
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
    const entry = this.#entries.find((entry) => entry.digest === digest);
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

  /** What `""` may mean: not what is attached to another manifest. */
  async #images(): Promise<Descriptor[]> {
    const images: Descriptor[] = [];
    for (const entry of this.#entries) {
      const tag = nameOf(entry);
      if (tag !== undefined && !ATTACHED_TAG.test(tag)) images.push(entry);
      else if (tag === undefined) {
        const manifest = await this.#manifest(entry);
        if (!manifest || !subjectOf(manifest)) images.push(entry);
      }
    }
    // Something attached may be all there is.
    return images.length === 0 ? [...this.#entries] : images;
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

  async #readReferrers(): Promise<Map<string, Descriptor[]>> {
    const all = new Map<string, Descriptor[]>();
    const seen = new Set<string>();
    for (const entry of this.#entries) {
      if (seen.has(entry.digest)) continue;
      seen.add(entry.digest);
      const manifest = await this.#manifest(entry);
      const subject = manifest && subjectOf(manifest)?.digest;
      if (subject === undefined) continue;
      const { mediaType, digest, size } = entry;
      const others = all.get(subject) ?? [];
      others.push(referrerDescriptor(manifest!, { mediaType, digest, size }));
      all.set(subject, others);
    }
    return all;
  }
}

/** Where an OCI layout has a blob. */
export function blobName(digest: Digest): string {
  return `blobs/${hashAlgorithm(digest)}/${digestEncoded(digest)}`;
}

async function text(
  index: ArchiveIndex,
  name: string,
  limits: Required<ArchiveLimits>,
): Promise<Bytes | undefined> {
  const entry = index.find(name);
  return entry && await index.bytes(entry, { name: "indexBytes", bytes: limits.indexBytes });
}

function checkLayout(bytes: Bytes): void {
  let version: unknown;
  try {
    version = JSON.parse(new TextDecoder().decode(bytes))?.imageLayoutVersion;
  } catch (cause) {
    throw new InvalidArchiveError("Cannot read oci-layout of the archive: it is not JSON", {
      cause,
    });
  }
  if (typeof version === "string" && /^1\.\d+\.\d+$/.test(version)) return;
  throw new InvalidArchiveError(
    `Cannot read the OCI archive: its layout version is ${JSON.stringify(version)}, not 1.0.0`,
  );
}
