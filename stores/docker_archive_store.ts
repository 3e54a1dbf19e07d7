import { type Bytes, encodeText } from "../content/bytes.ts";
import { decompressed, peekCompression } from "../content/compression.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, digestEncoded, toDigest } from "../content/digest.ts";
import { createHasher } from "../content/hasher.ts";
import { isManifestMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import { verifyingStream } from "../content/verifying_stream.ts";
import {
  BadDigestError,
  ContentNotFoundError,
  InvalidContentError,
  LimitError,
} from "../errors.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import { isIndex } from "../manifest/types.ts";
import { familiarReference, parseReference } from "../reference/reference.ts";
import { isTag } from "../reference/tag.ts";
import type { ArchiveLimits } from "./archive_limits.ts";
import type { ArchiveOutput } from "./archive_output.ts";
import { type Held, TarStore } from "./archive_store.ts";
import { digestIn } from "./digest_in.ts";
import { checkLayerCount, readDiffIds } from "./docker_manifest.ts";

const CONFIG_TYPES: readonly string[] = [MEDIA_TYPES.ociConfig, MEDIA_TYPES.dockerConfig];

/** An image's manifest. */
interface Image {
  config: Descriptor;
  layers: Descriptor[];
}

/**
 * What `docker load`, skopeo and crane read: configurations, layers that are not compressed, and a
 * `manifest.json`. It holds images only. A compressed layer is unpacked, by what it begins with, and
 * has to be what the image's configuration says.
 */
export class DockerArchiveStore extends TarStore {
  /** What it becomes. */
  readonly format = "docker";
  readonly #images = new Map<Digest, Image>();
  readonly #limits: Required<ArchiveLimits>;

  /** A store of nothing yet. */
  constructor(output: ArchiveOutput, limits: Required<ArchiveLimits>) {
    super(output);
    this.#limits = limits;
  }

  protected async take(
    descriptor: Descriptor & { digest: Digest },
    reader: PieceReader,
    signal?: AbortSignal,
  ): Promise<void> {
    const { mediaType, digest, size } = descriptor;
    const isManifest = isManifestMediaType(mediaType);
    if (isManifest || CONFIG_TYPES.includes(mediaType)) {
      const { manifestBytes } = this.#limits;
      if (size > manifestBytes) {
        throw new LimitError(`Cannot write ${digest}: it is larger than manifestBytes`, {
          limit: "manifestBytes",
          maximum: manifestBytes,
        });
      }
      const bytes = await this.whole(descriptor, reader);
      signal?.throwIfAborted();
      if (isManifest) this.#images.set(digest, imageOf(descriptor, bytes));
      this.held.set(digest, { mediaType, size, bytes });
      return;
    }
    const peeked = await peekCompression(reader);
    if (peeked.compression !== "none") {
      return await this.#unpack(descriptor, peeked.reader, signal);
    }
    const held = await this.append(layerName(digest), descriptor, peeked.reader, signal);
    this.held.set(digest, held);
  }

  /** A name can be given to an image alone. */
  protected checkTagged(descriptor: Descriptor): void {
    const image = this.#images.get(digestIn(descriptor));
    if (image === undefined) throw notAnImage(descriptor, "it is no image's manifest");
    this.#diffIds(image);
  }

  protected async finish(): Promise<void> {
    if (this.#images.size === 0) {
      throw new InvalidContentError("Cannot end the docker-archive: no image was written to it");
    }
    const manifest: unknown[] = [];
    const configs = new Set<string>();
    for (const [digest, image] of this.#images) {
      const diffIds = this.#diffIds(image);
      const config = `${digestEncoded(digestIn(image.config))}.json`;
      if (!configs.has(config)) {
        configs.add(config);
        await this.appendBytes(config, this.#bytes(image.config));
      }
      const names = [...this.named].filter(([, named]) => named.digest === digest)
        .flatMap(([name]) => isTag(name) ? [] : familiarReference(parseReference(name)));
      manifest.push({
        Config: config,
        RepoTags: names.length > 0 ? names : null,
        Layers: diffIds.map(layerName),
      });
    }
    await this.appendBytes("manifest.json", encodeText(JSON.stringify(manifest)));
  }

  /** Writes what a compressed layer unpacks to, unless that is here already. */
  async #unpack(
    { mediaType, digest, size }: Descriptor & { digest: Digest },
    source: PieceReader,
    signal?: AbortSignal,
  ): Promise<void> {
    const verified = pieceReader(await verifyingStream(source, { digest, size }));
    const { reader } = await decompressed(verified, this.#limits);
    const hasher = await createHasher("sha256");
    let diffId: Digest | undefined;
    const place = await this.output.appendUnknown(async (writer) => {
      const onPiece = (piece: Bytes) => void hasher.update(piece);
      await writer.write(reader, { onPiece, ...(signal && { signal }) });
      diffId = toDigest("sha256", await hasher.digest());
      signal?.throwIfAborted();
      return this.held.has(diffId) ? undefined : layerName(diffId);
    });
    if (!this.held.has(diffId!)) {
      this.held.set(diffId!, { mediaType: MEDIA_TYPES.ociLayer, ...place });
    }
    this.held.set(digest, { mediaType, size, unpacked: diffId! });
  }

  /** The digests of an image's unpacked layers, which are in the tar. */
  #diffIds({ config, layers }: Image): Digest[] {
    const name = config.digest;
    const expected = readDiffIds(this.#bytes(config), name);
    checkLayerCount(name, layers.length, expected.length);
    return layers.map((layer, at) => {
      const held: Held = this.find(layer);
      const actual = held.unpacked ?? digestIn(layer);
      if (actual === expected[at]) return actual;
      throw new BadDigestError(
        `Cannot use the layer ${layer.digest}: it unpacks to ${actual}, and the image's ` +
          `configuration says ${expected[at]}`,
        { expected: expected[at]!, actual },
      );
    });
  }

  #bytes(config: Descriptor): Bytes {
    const { bytes } = this.find(config);
    if (bytes !== undefined) return bytes;
    throw new ContentNotFoundError(
      `Cannot use the configuration ${config.digest}: it was written as something else`,
    );
  }
}

function layerName(digest: Digest): string {
  return `${digestEncoded(digest)}.tar`;
}

function imageOf(descriptor: Descriptor, bytes: Bytes): Image {
  const { manifest } = parseManifest(bytes, { mediaType: descriptor.mediaType });
  if (isIndex(manifest)) {
    throw notAnImage(descriptor, "it is an index of several images: choose one platform");
  }
  const { config, layers } = manifest;
  if (CONFIG_TYPES.includes(config.mediaType)) return { config, layers };
  throw notAnImage(descriptor, `it is an artifact, whose configuration is ${config.mediaType}`);
}

function notAnImage({ digest }: Descriptor, why: string): InvalidContentError {
  return new InvalidContentError(
    `Cannot write ${digest} to a docker-archive, which holds images: ${why}`,
  );
}
