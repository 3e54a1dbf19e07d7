import type { Descriptor, Platform } from "../../../content/descriptor.ts";
import { MEDIA_TYPES } from "../../../content/media_types.ts";
import type { MediaType } from "./media_type.ts";

/** An index over manifests. */
export interface IndexV1 {
  /** Always 2. */
  schemaVersion: number;
  /** The index's own media type. */
  mediaType: string;
  /** The artifact's type, where the index is an artifact. */
  artifactType?: string;
  /** The manifests. `platform` is typed as present, as in the original; it may be absent. */
  manifests: (Descriptor & { platform: Platform })[];
  /** The manifest that this index is attached to. */
  subject?: Descriptor;
  /** Arbitrary names and values. */
  annotations?: Record<string, string>;
}

/** The manifest of an image or artifact. */
export interface ManifestV1 {
  /** Always 2. */
  schemaVersion: number;
  /** The manifest's own media type; some writers leave it out. */
  mediaType?: string;
  /** The artifact's type. */
  artifactType?: string;
  /** The configuration. */
  config: Descriptor;
  /** The layers; for an artifact, its content. */
  layers: Descriptor[];
  /** The manifest that this one is attached to. */
  subject?: Descriptor;
  /** Arbitrary names and values. */
  annotations?: Record<string, string>;
}

/** The media type of an index. */
export const indexV1: MediaType<IndexV1> = MEDIA_TYPES.ociIndex;

/** The media type of an image's or artifact's manifest. */
export const manifestV1: MediaType<ManifestV1> = MEDIA_TYPES.ociManifest;
