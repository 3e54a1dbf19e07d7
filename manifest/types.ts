import type { Descriptor, Platform } from "../content/descriptor.ts";

/**
 * An OCI image manifest: one image, or one artifact.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
 */
export interface ImageManifest {
  /** Always 2. */
  schemaVersion: 2;
  /** The manifest's own media type; some writers leave it out. */
  mediaType?: "application/vnd.oci.image.manifest.v1+json";
  /** The artifact's type; stands wherever the config is the empty one. */
  artifactType?: string;
  /** The configuration. */
  config: Descriptor;
  /** The layers, the base first; for an artifact, its content. */
  layers: Descriptor[];
  /** The manifest that this one is attached to. */
  subject?: Descriptor;
  /** Arbitrary names and values. */
  annotations?: Record<string, string>;
}

/**
 * An OCI image index: manifests for several platforms, or any other list of manifests.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md
 */
export interface ImageIndex {
  /** Always 2. */
  schemaVersion: 2;
  /** The index's own media type; some writers leave it out. */
  mediaType?: "application/vnd.oci.image.index.v1+json";
  /** The artifact's type, where the index is an artifact. */
  artifactType?: string;
  /** The manifests, or further indexes. */
  manifests: Descriptor[];
  /** The manifest that this index is attached to. */
  subject?: Descriptor;
  /** Arbitrary names and values. */
  annotations?: Record<string, string>;
}

/**
 * Docker's image manifest, version 2 schema 2.
 *
 * @see https://distribution.github.io/distribution/spec/manifest-v2-2/
 */
export interface DockerManifest {
  /** Always 2. */
  schemaVersion: 2;
  /** The manifest's own media type. */
  mediaType: "application/vnd.docker.distribution.manifest.v2+json";
  /** The configuration. */
  config: Descriptor;
  /** The layers, the base first. */
  layers: Descriptor[];
  /** Docker's format knows none; some tools write them all the same. */
  annotations?: Record<string, string>;
}

/** An entry of Docker's manifest list: its platform is always there. */
export interface PlatformDescriptor extends Descriptor {
  /** What the image runs on. */
  platform: Platform;
}

/**
 * Docker's manifest list: one image for several platforms.
 *
 * @see https://distribution.github.io/distribution/spec/manifest-v2-2/#manifest-list
 */
export interface DockerManifestList {
  /** Always 2. */
  schemaVersion: 2;
  /** The list's own media type. */
  mediaType: "application/vnd.docker.distribution.manifest.list.v2+json";
  /** The manifests, each with its platform. */
  manifests: PlatformDescriptor[];
  /** Docker's format knows none; some tools write them all the same. */
  annotations?: Record<string, string>;
}

/**
 * Everything a registry keeps under a tag. {@linkcode isImage} and {@linkcode isIndex} tell the
 * two kinds apart.
 */
export type Manifest = DockerManifest | DockerManifestList | ImageManifest | ImageIndex;

/**
 * Whether a manifest is an index over other manifests, OCI's or Docker's.
 *
 * @example
 * ```ts
 * import { buildIndex, isIndex } from "@davit/registry-client";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const { manifest } = await buildIndex({ manifests: [] });
 * assert(isIndex(manifest));
 * assertEquals(manifest.manifests.length, 0);
 * ```
 */
export function isIndex(manifest: Manifest): manifest is ImageIndex | DockerManifestList {
  return "manifests" in Object(manifest);
}

/**
 * Whether a manifest is that of one image or artifact, OCI's or Docker's.
 *
 * @example
 * ```ts
 * import { buildManifest, isImage } from "@davit/registry-client";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const { manifest } = await buildManifest({ artifactType: "text/plain", layers: [] });
 * assert(isImage(manifest));
 * assertEquals(manifest.config.size, 2);
 * ```
 */
export function isImage(manifest: Manifest): manifest is ImageManifest | DockerManifest {
  return "layers" in Object(manifest);
}

/** What Google's registries tell of one manifest beside the tags. */
export interface TagListManifest {
  /** The image's size in bytes, as decimal digits. */
  imageSizeBytes: string;
  /** The topmost layer; empty or absent for what is not a schema 1 image. */
  layerId?: string;
  /** The manifest's media type. */
  mediaType: string;
  /** The tags that name it. */
  tag: string[];
  /** When the image was made: milliseconds since 1970, as decimal digits. */
  timeCreatedMs: string;
  /** When it was pushed: milliseconds since 1970, as decimal digits. */
  timeUploadedMs: string;
}

/** The tags of a repository. */
export interface TagList {
  /** The repository's name. */
  name: string;
  /** Every tag. */
  tags: string[];
  /** The repositories below this one: Google's registries only. */
  child?: string[];
  /** Digests, and what is known of each manifest: Google's registries only. */
  manifest?: Record<string, TagListManifest>;
}
