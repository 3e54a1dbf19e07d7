import type { DockerResponse } from "./docker_response.ts";
import type { Body } from "./content/body.ts";
import type { Bytes } from "./content/bytes.ts";
import { checkOptions, moreOptions, type OptionNames } from "./content/check_options.ts";
import type { Platform } from "./content/descriptor.ts";
import type { StreamBody } from "./content/stream_body.ts";
import { ENDPOINT_OPTIONS, type EndpointOptions } from "./endpoints/request.ts";
import { LIST_TAGS_OPTIONS, type ListTagsOptions } from "./endpoints/tags.ts";
import {
  START_UPLOAD_OPTIONS,
  type StartUploadOptions,
  type UploadSession,
} from "./endpoints/uploads.ts";
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

/** Their names. */
export const GET_MANIFEST_OPTS: OptionNames<GetManifestOpts> = {
  ref: 1,
  platform: 1,
  acceptManifestLists: 1,
  acceptOCIManifests: 1,
  followRedirects: 1,
  ...ENDPOINT_OPTIONS,
};

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

/** Their names. */
export const PUT_MANIFEST_OPTS: OptionNames<PutManifestOpts> = {
  manifestData: 1,
  ref: 1,
  schemaVersion: 1,
  mediaType: 1,
  tags: 1,
  ...ENDPOINT_OPTIONS,
};

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

/** Their names. */
export const BLOB_UPLOAD_OPTS: OptionNames<BlobUploadOpts> = {
  digest: 1,
  stream: 1,
  contentLength: 1,
  contentType: 1,
  ...ENDPOINT_OPTIONS,
};

/** Options of `startBlobUpload`. */
export interface StartBlobUploadOpts extends StartUploadOptions {
  /** A blob that another repository of the registry may have. */
  mount?: { digest: string; from?: string };
  /** The digest of a whole blob that goes along as `data`. */
  digest?: string;
  /** The bytes of the whole blob. */
  data?: Uint8Array;
}

/** Their names. */
export const START_BLOB_UPLOAD_OPTS: OptionNames<StartBlobUploadOpts> = {
  mount: 1,
  digest: 1,
  data: 1,
  ...START_UPLOAD_OPTIONS,
};

/** Options of the methods about one upload. */
export interface UploadRef extends EndpointOptions {
  /** The upload, as the last method about it answered it. */
  session: UploadSession;
}

/** Their names. */
export const UPLOAD_REF: OptionNames<UploadRef> = { session: 1, ...ENDPOINT_OPTIONS };

/** Options of `uploadBlobChunk`. */
export interface UploadChunkOpts extends UploadRef {
  /** The chunk's bytes; at least one. */
  data: Uint8Array;
}

/** Their names. */
export const UPLOAD_CHUNK_OPTS: OptionNames<UploadChunkOpts> = { data: 1, ...UPLOAD_REF };

/** Options of `completeBlobUpload`. */
export interface CompleteUploadOpts extends UploadRef {
  /** The digest of the whole blob. */
  digest: string;
  /** The last bytes, where there are some. */
  data?: Uint8Array;
}

/** Their names. */
export const COMPLETE_UPLOAD_OPTS: OptionNames<CompleteUploadOpts> = {
  digest: 1,
  data: 1,
  ...UPLOAD_REF,
};

/** Options of `ping` and the methods of its kind. */
export interface LoginOpts extends EndpointOptions {
  /** The scope to ask a token for. @default {the repository's, with the client's `scopes`} */
  scope?: string;
  /** A response of `ping`, when there is one already. */
  pingRes?: Response;
}

/** Their names. */
export const LOGIN_OPTS: OptionNames<LoginOpts> = { scope: 1, pingRes: 1, ...ENDPOINT_OPTIONS };

/** Options of `listTags`. */
export interface ListTagsOpts extends ListTagsOptions {
  /** The older name of `last`. */
  startingAfter?: string;
}

/** Their names. */
export const LIST_TAGS_OPTS: OptionNames<ListTagsOpts> = { startingAfter: 0, ...LIST_TAGS_OPTIONS };

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

/** What a method is about, and its options: `("v1", {signal})`, `({ref: "v1", signal})`, a descriptor. */
export function about<K extends string, T extends object>(
  name: K,
  given: string | (T & Record<K, string>),
  options: T,
): [string, T] {
  // What is no string and no object is for the check of a digest or reference to refuse.
  if (typeof given !== "object" || given === null) return [given, options];
  if ("mediaType" in given && "digest" in given) return [given.digest as string, options];
  if (!(name in given)) checkOptions(given, { [name]: 1 });
  const rest = moreOptions<Record<string, unknown>>(given, options as Record<string, unknown>);
  delete rest[name];
  return [given[name], rest as T];
}
