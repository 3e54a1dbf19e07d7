import type { DockerResponse } from "./docker_response.ts";
import type { Body } from "./content/body.ts";
import type { Bytes } from "./content/bytes.ts";
import type { Platform } from "./content/descriptor.ts";
import type { StreamBody } from "./content/stream_body.ts";
import type { EndpointOptions } from "./endpoints/request.ts";
import type { ListTagsOptions } from "./endpoints/tags.ts";
import type { StartUploadOptions, UploadSession } from "./endpoints/uploads.ts";
import type { Manifest } from "./manifest/types.ts";

/** Options of `getManifest`. */
export interface GetManifestOpts extends EndpointOptions {
  /** A tag or a digest. */
  ref: string;
  /** Follow an index to the one image for this platform: `"linux/arm64"`. */
  platform?: string | Platform;
  /** Whether an index is accepted. @default {the client's `acceptManifestLists`, true} */
  acceptManifestLists?: boolean;
  /** Whether OCI manifests are accepted. @default {the client's `acceptOCIManifests`, true} */
  acceptOCIManifests?: boolean;
  /** Whether redirects are followed. @default {true} */
  followRedirects?: boolean;
}

/** Options of `getManifest` that rule an index out. */
export type OneImageOpts = { platform: string | Platform } | { acceptManifestLists: false };

/** Options of the methods about one manifest. */
export interface ManifestRef extends EndpointOptions {
  /** A tag or a digest. */
  ref: string;
}

/** Options of `putManifest`. */
export interface PutManifestOpts extends EndpointOptions {
  /** The manifest to the byte: `buildManifest` and `encodeManifest` make it. */
  manifestData: Uint8Array;
  /** A tag, or the digest of the bytes. */
  ref: string;
  /** Always 2. @default {2} */
  schemaVersion?: number;
  /** The media type to put it under. @default {the manifest's own} */
  mediaType?: string;
  /** Tags for a manifest that is put under its digest. @default {[]} */
  tags?: readonly string[];
}

/** Options of the methods about one blob: a descriptor is taken too. */
export interface BlobRef extends EndpointOptions {
  /** The blob's digest. */
  digest: string;
}

/** Options of `blobUpload`. */
export interface BlobUploadOpts extends BlobRef {
  /** The bytes. */
  stream: Body | StreamBody;
  /** How many bytes. */
  contentLength: number;
  /** Not looked at: a registry stores no media type of a blob. */
  contentType?: string;
}

/** Options of `startBlobUpload`. */
export interface StartBlobUploadOpts extends StartUploadOptions {
  /** A blob that another repository of the registry may have. */
  mount?: { digest: string; from?: string };
  /** The digest of a whole blob that goes along as `data`. */
  digest?: string;
  /** The bytes of the whole blob. */
  data?: Uint8Array;
}

/** Options of the methods about one upload. */
export interface UploadRef extends EndpointOptions {
  /** The upload, as the last method about it answered it. */
  session: UploadSession;
}

/** Options of `uploadBlobChunk`. */
export interface UploadChunkOpts extends UploadRef {
  /** The chunk's bytes; at least one. */
  data: Uint8Array;
}

/** Options of `completeBlobUpload`. */
export interface CompleteUploadOpts extends UploadRef {
  /** The digest of the whole blob. */
  digest: string;
  /** The last bytes, where there are some. */
  data?: Uint8Array;
}

/** Options of `ping` and the methods of its kind. */
export interface LoginOpts extends EndpointOptions {
  /** The scope to ask a token for. @default {the repository's, with the client's `scopes`} */
  scope?: string;
  /** A response of `ping`, when there is one already. */
  pingRes?: Response;
}

/** Options of `listTags`. */
export interface ListTagsOpts extends ListTagsOptions {
  /** The older name of `last`. */
  startingAfter?: string;
}

/** A manifest as `getManifest` answers it. */
export interface ManifestResult<M extends Manifest = Manifest> {
  /** The response; its body is the manifest's bytes. */
  resp: DockerResponse;
  /** The manifest. */
  manifest: M;
  /** The manifest to the byte: what its digest is made of. */
  bytes: Bytes;
  /** Its media type. */
  mediaType: string;
  /** Its digest. */
  digest: string;
}
