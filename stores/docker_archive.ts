import type { Bytes } from "../content/bytes.ts";
import { type Compression, decompressed } from "../content/compression.ts";
import type { Descriptor } from "../content/descriptor.ts";
import {
  type Digest,
  digestEncoded,
  hashAlgorithm,
  isDigestReference,
  toDigest,
} from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import { hashPieces } from "../content/hash_pieces.ts";
import { createHasher } from "../content/hasher.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
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
import { ApiError, BadDigestError, ContentNotFoundError, InvalidArchiveError } from "../errors.ts";
import { buildManifest } from "../manifest/build.ts";
import { isIndex } from "../manifest/types.ts";
import { type ArchiveContent, memoryContent, openContent } from "./archive_content.ts";
import type { ArchiveEntry, ArchiveIndex } from "./archive_index.ts";
import type { ArchiveLimits } from "./archive_limits.ts";
import type { ArchiveSource } from "./archive_source.ts";
import { checkCall } from "../content/check_call.ts";
import { digestIn } from "./digest_in.ts";
import {
  checkLayerCount,
  type DockerImage,
  readDiffIds,
  readDockerManifest,
} from "./docker_manifest.ts";
import { iterate } from "./iterate.ts";
import { LayoutEntries } from "./layout_entries.ts";
import type { OciArchive } from "./oci_archive.ts";
import { noSuchEntry, onlyImage, resolveEntry } from "./resolve_entry.ts";

const LAYER_TYPES: Record<Compression, string> = {
  none: MEDIA_TYPES.ociLayer,
  gzip: MEDIA_TYPES.ociLayerGzip,
  zstd: MEDIA_TYPES.ociLayerZstd,
};

/** A layer of an image: where it is, and what it is. */
interface Layer {
  entry: ArchiveEntry;
  descriptor: Descriptor;
}

/**
 * What `docker save` and others make: `manifest.json` says which file is whose configuration and
 * layer. The bytes of both are kept. Where the tar holds an OCI layout too, and it has a manifest of the very
 * same files, that one is the image's; else one is made, always the same for the same files: OCI's,
 * without annotations.
 */
export class DockerArchive implements ArchiveSource {
  /** What it is read as. */
  readonly format = "docker";
  /** Digests of the manifests that were made here. */
  readonly madeManifests: Set<string> = new Set();
  readonly #index: ArchiveIndex;
  readonly #images: readonly DockerImage[];
  readonly #layout: OciArchive | undefined;
  readonly #limits: Required<ArchiveLimits>;
  readonly #close: () => Promise<void>;
  readonly #made = new Map<DockerImage, Promise<Descriptor>>();
  readonly #layers = new Map<string, Promise<Layer>>();
  #all: Promise<void> | undefined;
  readonly #content = new Map<string, ArchiveContent & { mediaType: string }>();

  private constructor(
    index: ArchiveIndex,
    images: readonly DockerImage[],
    layout: OciArchive | undefined,
    limits: Required<ArchiveLimits>,
    close: () => Promise<void>,
  ) {
    this.#index = index;
    this.#images = images;
    this.#layout = layout;
    this.#limits = limits;
    this.#close = close;
  }

  /**
   * Reads `manifest.json`.
   *
   * @throws {InvalidArchiveError} When it is broken.
   */
  static async read(
    index: ArchiveIndex,
    layout: OciArchive | undefined,
    limits: Required<ArchiveLimits>,
    close: () => Promise<void>,
  ): Promise<DockerArchive> {
    const entry = index.find("manifest.json")!; // looked for before it is read as one
    const bytes = await index.bytes(entry, { name: "indexBytes", bytes: limits.indexBytes });
    return new DockerArchive(index, readDockerManifest(bytes), layout, limits, close);
  }

  /** The descriptor of the image that a reference names. */
  async resolve(reference: string, options: ResolveOptions = {}): Promise<Descriptor> {
    checkCall(options, RESOLVE_OPTIONS);
    if (isDigestReference(reference)) {
      const content = await this.#find(reference);
      if (content !== undefined) {
        return { mediaType: content.mediaType, digest: reference, size: content.size };
      }
      if (this.#layout !== undefined) return await this.#layout.resolve(reference, options);
    }
    const { platform } = options;
    const named = { entries: entriesOf(this.#images), where: "the archive", platform };
    const entry = reference === "" ? await onlyImage(named) : resolveEntry(reference, named);
    if (entry === undefined) throw noSuchEntry(reference, named);
    return structuredClone(await this.#manifestOf(this.#images[Number(entry.digest.slice(1))]!));
  }

  /** Whether the content is here. */
  async exists(descriptor: Descriptor, options: StoreOptions = {}): Promise<boolean> {
    checkCall(options, STORE_OPTIONS);
    const digest = digestIn(descriptor);
    return (await this.#find(digest) ?? this.#layout?.content(digest)) !== undefined;
  }

  /** The content's bytes, verified when they are read in full: a layer's by its DiffID. */
  async open(descriptor: Descriptor, options: OpenOptions = {}): Promise<ReadableStream<Bytes>> {
    checkCall(options, OPEN_OPTIONS);
    const digest = digestIn(descriptor);
    const content = await this.#find(digest) ?? this.#layout?.content(digest);
    if (content !== undefined) return await openContent(content, descriptor, options);
    throw new ContentNotFoundError(`Cannot open ${digest}: the archive does not have it`);
  }

  /** Every name, as it is written. */
  async *tags(options: StoreOptions = {}): AsyncGenerator<string> {
    checkCall(options, STORE_OPTIONS);
    const names = new Set(this.#images.flatMap((image) => image.names));
    yield* iterate([...names].sort(), options.signal);
  }

  /** The manifests of the OCI layout inside, where there is one, whose subject is this one. */
  async *referrers(
    subject: Descriptor,
    options: ReferrersOptions = {},
  ): AsyncGenerator<Descriptor> {
    checkCall(options, REFERRERS_OPTIONS);
    digestIn(subject);
    if (this.#layout !== undefined) yield* this.#layout.referrers(subject, options);
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    await this.#close();
  }

  /** What is known by now; else what all images have. */
  async #find(digest: Digest): Promise<(ArchiveContent & { mediaType: string }) | undefined> {
    if (!this.#content.has(digest)) await (this.#all ??= this.#readAll());
    return this.#content.get(digest);
  }

  async #readAll(): Promise<void> {
    for (const image of this.#images) {
      try {
        await this.#manifestOf(image);
      } catch (error) {
        // One image may be broken, and another have what is asked for.
        if (!(error instanceof ApiError)) throw error;
      }
    }
  }

  #manifestOf(image: DockerImage): Promise<Descriptor> {
    let made = this.#made.get(image);
    if (made === undefined) this.#made.set(image, made = this.#readImage(image));
    return made;
  }

  async #readImage(image: DockerImage): Promise<Descriptor> {
    const entry = this.#entry(image.config, "configuration");
    const limit = { name: "manifestBytes", bytes: this.#limits.manifestBytes };
    const bytes = await this.#index.bytes(entry, limit);
    const config: Descriptor = {
      mediaType: MEDIA_TYPES.ociConfig,
      digest: await configDigest(entry, bytes),
      size: bytes.byteLength,
    };
    const diffIds = readDiffIds(bytes, entry.name);
    checkLayerCount(entry.name, image.layers.length, diffIds.length);
    const entries = image.layers.map((path) => this.#entry(path, "layer"));
    const layers: Layer[] = [];
    for (const [at, entry] of entries.entries()) {
      layers.push(await this.#layer(entry, diffIds[at]!));
    }
    this.#hold(config, memoryContent(bytes));
    for (const { entry, descriptor } of layers) {
      this.#hold(descriptor, {
        size: entry.size,
        open: (offset, length) => this.#index.open(entry, offset, length),
      });
    }
    return await this.#keptManifest(config, layers) ?? await this.#makeManifest(config, layers);
  }

  /** A manifest of the layout inside with this configuration, and the very same layers. */
  async #keptManifest(config: Descriptor, layers: Layer[]): Promise<Descriptor | undefined> {
    for await (const { descriptor, manifest } of this.#layout?.manifests() ?? []) {
      if (isIndex(manifest) || manifest.config.digest !== config.digest) continue;
      const isSame = manifest.layers.length === layers.length &&
        manifest.layers.every(({ digest }, at) => digest === layers[at]!.descriptor.digest);
      if (isSame) return descriptor;
    }
    return undefined;
  }

  async #makeManifest(config: Descriptor, layers: Layer[]): Promise<Descriptor> {
    const { descriptor, bytes } = await buildManifest({
      config,
      layers: layers.map((layer) => layer.descriptor),
    });
    this.#hold(descriptor, memoryContent(bytes));
    this.madeManifests.add(descriptor.digest);
    return descriptor;
  }

  #hold({ mediaType, digest }: Descriptor, content: ArchiveContent): void {
    this.#content.set(digest, { ...content, mediaType });
  }

  #entry(path: string, what: string): ArchiveEntry {
    const entry = this.#index.find(path);
    if (entry !== undefined) return entry;
    throw new InvalidArchiveError(
      `Cannot read the image: its ${what} ${JSON.stringify(path)} is not in the archive`,
    );
  }

  #layer(entry: ArchiveEntry, diffId: Digest): Promise<Layer> {
    const key = `${entry.offset} ${diffId}`;
    let layer = this.#layers.get(key);
    if (layer === undefined) this.#layers.set(key, layer = this.#readLayer(entry, diffId));
    return layer;
  }

  /** A layer that is not compressed has its DiffID as its digest: whoever reads it verifies it. */
  async #readLayer(entry: ArchiveEntry, diffId: Digest): Promise<Layer> {
    const { size } = entry;
    const whole = await this.#index.open(entry, 0, size);
    const hasher = await createHasher("sha256");
    const counted = {
      async read() {
        const piece = await whole.read();
        if (piece.value !== undefined) hasher.update(piece.value);
        return piece;
      },
      cancel: (reason?: unknown) => whole.cancel(reason),
    };
    try {
      const { compression, reader } = await decompressed(counted, this.#limits);
      const mediaType = LAYER_TYPES[compression];
      if (compression === "none") return { entry, descriptor: { mediaType, digest: diffId, size } };
      const { digest: actual } = await hashPieces(reader, hashAlgorithm(diffId));
      if (actual !== diffId) throw wrongLayer(entry, diffId, actual);
      return {
        entry,
        descriptor: { mediaType, digest: toDigest("sha256", await hasher.digest()), size },
      };
    } catch (cause) {
      if (!(cause instanceof InvalidArchiveError)) throw cause;
      throw new InvalidArchiveError(
        `Cannot read the layer ${JSON.stringify(entry.name)}: ${cause.message}`,
        { cause },
      );
    } finally {
      await whole.cancel().catch(() => {});
    }
  }
}

/** The images by their names: `@1` is the second one, as skopeo counts, or the first one like it. */
function entriesOf(images: readonly DockerImage[]): LayoutEntries {
  const keys = images.map(({ config, layers }) => JSON.stringify([config, layers]));
  const entries = new LayoutEntries();
  for (const [at, { names }] of images.entries()) {
    const digest = `@${keys.indexOf(keys[at]!)}`;
    const descriptor = { mediaType: MEDIA_TYPES.ociManifest, digest, size: 0 };
    entries.apply({ list: descriptor });
    for (const name of names) entries.apply({ tag: name, descriptor });
  }
  return entries;
}

/** What files are called by their digests: in an OCI layout, by Docker and skopeo, and by crane. */
const DIGEST_NAME = /^(?:blobs\/sha(?:256|512)\/|sha256:)?((?:[0-9a-f]{64}){1,2})(?:\.json)?$/;

/** A configuration's digest is the image's ID. Where its name is a digest, it must be that one. */
async function configDigest({ name }: ArchiveEntry, bytes: Bytes): Promise<Digest> {
  const [, hex] = DIGEST_NAME.exec(name) ?? [];
  const algorithm = hex?.length === 128 ? "sha512" : "sha256";
  const actual = await digestOf(bytes, algorithm);
  if (hex === undefined || hex === digestEncoded(actual)) return actual;
  throw new BadDigestError(
    `Cannot read the configuration ${JSON.stringify(name)}: its bytes have the digest ${actual}; ` +
      "they are damaged, or were changed, and the file's name was not",
    { expected: `${algorithm}:${hex}`, actual },
  );
}

function wrongLayer({ name }: ArchiveEntry, expected: Digest, actual: Digest): BadDigestError {
  return new BadDigestError(
    `Cannot use the layer ${JSON.stringify(name)}: it unpacks to ${actual}, and the image's ` +
      `configuration says ${expected}`,
    { expected, actual },
  );
}
