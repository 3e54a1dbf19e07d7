import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { type Bytes, encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import type { HashAlgorithm } from "../content/hasher.ts";
import { SHAPE_MEDIA_TYPES } from "./manifest_object.ts";
import { isIndex, type Manifest } from "./types.ts";

/** Options of {@linkcode encodeManifest}. */
export interface EncodeManifestOptions {
  /**
   * The algorithm of the descriptor's digest.
   * @default {"sha256"}
   */
  digestAlgorithm?: HashAlgorithm;
}

export const ENCODE_MANIFEST_OPTIONS: OptionNames<EncodeManifestOptions> = names("digestAlgorithm");

/** A manifest that was built, ready to push. */
export interface BuiltManifest<M extends Manifest = Manifest> {
  /** The manifest's JSON: the digest is of these. */
  bytes: Bytes;
  /** The media type, digest and size, and the `artifactType` where the manifest has one. */
  descriptor: Descriptor;
  /** The manifest as a value. */
  manifest: M;
}

/**
 * The JSON and the descriptor of a manifest, members in the order they have.
 *
 * For a manifest that was changed or built: one that was read is kept, and pushed, as the bytes it
 * came in.
 *
 * @example
 * ```ts
 * import { encodeManifest } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const { descriptor } = await encodeManifest({ schemaVersion: 2, manifests: [] });
 * assertEquals(descriptor.mediaType, "application/vnd.oci.image.index.v1+json");
 * assertEquals(descriptor.size, 34);
 * ```
 */
export async function encodeManifest<M extends Manifest>(
  manifest: M,
  options: EncodeManifestOptions = {},
): Promise<BuiltManifest<M>> {
  checkArgument("manifest", manifest, "manifest");
  checkOptions(options, ENCODE_MANIFEST_OPTIONS);
  const bytes = encodeText(JSON.stringify(manifest));
  const mediaType = manifest.mediaType ?? SHAPE_MEDIA_TYPES[isIndex(manifest) ? "index" : "image"];
  const descriptor = await describeBytes(bytes, mediaType, options.digestAlgorithm);
  if ("artifactType" in manifest && manifest.artifactType) {
    descriptor.artifactType = manifest.artifactType;
  }
  return { bytes, descriptor, manifest };
}
