import { TITLE } from "../../content/content_type.ts";
import { InvalidManifestError } from "../../errors.ts";
import { type Bytes, encodeText } from "../../content/bytes.ts";
import type { Descriptor } from "../../content/descriptor.ts";
import { describeBytes } from "../../content/describe_bytes.ts";
import { digestOf } from "../../content/digest_of.ts";
import { MEDIA_TYPES } from "../../content/media_types.ts";
import type { ImageManifest, Manifest } from "../../manifest/types.ts";
import { goJson } from "../../manifest/go_json.ts";
import { ChainloopError } from "./chainloop_error.ts";

/** Who made the image: what Chainloop knows its own by. */
const AUTHORS = "org.opencontainers.image.authors";
const CHAINLOOP = "chainloop.dev";

/** Go's time before anybody set it. */
const NO_TIME = "0001-01-01T00:00:00Z";

interface ArtifactImage {
  config: Bytes;
  configDigest: string;
  manifest: Bytes;
  descriptor: Descriptor;
}

/** Builds the image of an artifact: its content, as it is, is the one layer. */
export async function artifactImage(
  layer: Descriptor,
  fileName: string,
): Promise<ArtifactImage> {
  const config = encodeText(goJson({
    architecture: "",
    created: NO_TIME,
    history: [{ created: NO_TIME }],
    os: "",
    rootfs: { type: "layers", diff_ids: [layer.digest] },
    config: {},
  }));
  const configDigest = await digestOf(config);
  const { ociManifest: mediaType, ociConfig } = MEDIA_TYPES;
  const manifest = encodeText(goJson({
    schemaVersion: 2,
    mediaType,
    config: { mediaType: ociConfig, size: config.byteLength, digest: configDigest },
    layers: [{ mediaType: layer.mediaType, size: layer.size, digest: layer.digest }],
    annotations: new Map([[AUTHORS, CHAINLOOP], [TITLE, fileName]]),
  }));
  return { config, configDigest, manifest, descriptor: await describeBytes(manifest, mediaType) };
}

/**
 * The layer of an artifact's image, and its file name.
 *
 * @throws {ChainloopError} When the image is not Chainloop's, has not one layer, or another digest.
 */
export function readImage(
  manifest: Manifest,
  digest: string,
): { layer: Descriptor; fileName: string } {
  const { annotations = {}, layers = [] } = manifest as Partial<ImageManifest>; // an index has none
  const [layer] = layers;
  if (annotations[AUTHORS] !== CHAINLOOP) throw invalidArtifact(digest, "it is not Chainloop's");
  if (layer === undefined || layers.length > 1) {
    throw invalidArtifact(digest, `it has ${layers.length} layers instead of one`);
  }
  if (layer.digest !== digest) throw invalidArtifact(digest, `its layer is ${layer.digest}`);
  return { layer, fileName: annotations[TITLE] ?? "" };
}

/** What a manifest that cannot be read says of the artifact. */
export function asInvalidArtifact(digest: string, error: unknown): unknown {
  if (!(error instanceof InvalidManifestError)) return error;
  return new ChainloopError(`invalid artifact ${digest}: ${error.message}`, {
    code: "INVALID_ARTIFACT",
    cause: error,
  });
}

/** The error for an artifact that is not as Chainloop stores one. */
export function invalidArtifact(digest: string, why: string): ChainloopError {
  return new ChainloopError(`invalid artifact ${digest}: ${why}`, { code: "INVALID_ARTIFACT" });
}
