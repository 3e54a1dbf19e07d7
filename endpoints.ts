/**
 * The endpoints of the distribution specification as functions, for programs that bundle only what
 * they use. `RegistryClientV2` has them all as methods.
 *
 * @example
 * ```ts
 * import { connect, getBlob, putBlob } from "@davit/registry-client/endpoints";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry();
 * const channel = connect("http://localhost:5000", { fetch });
 * const { digest } = await putBlob(channel, "app", new TextEncoder().encode("hello"));
 * assertEquals(await (await getBlob(channel, "app", digest)).text(), "hello");
 * ```
 *
 * @module
 */
export { connect } from "./registry_channel.ts";
export type { ConnectionOptions } from "./registry_client_options.ts";

export {
  type BlobContent,
  type BlobRange,
  deleteBlob,
  type FetchedBlob,
  getBlob,
  type GetBlobOptions,
  hasBlob,
  type HasBlobOptions,
  headBlob,
  statBlob,
} from "./endpoints/blobs.ts";
export {
  listRepositories,
  type ListRepositoriesOptions,
  repositories,
} from "./endpoints/catalog.ts";
export {
  deleteManifest,
  getManifest,
  type GetManifestOptions,
  headManifest,
  putManifest,
  type PutManifestOptions,
  type PutManifestResult,
} from "./endpoints/manifests.ts";
export type { FetchedManifest, FetchManifestOptions } from "./endpoints/manifest_requests.ts";
export { mountBlob, type MountOptions, type MountResult } from "./endpoints/mount.ts";
export type { ListOptions } from "./endpoints/pages.ts";
export { ping, type PingOptions } from "./endpoints/ping.ts";
export { putBlob, type PutBlobOptions } from "./endpoints/put_blob.ts";
export {
  listReferrers,
  type ListReferrersOptions,
  referrers,
  type ReferrersList,
  supportsReferrers,
} from "./endpoints/referrers.ts";
export type { EndpointOptions } from "./endpoints/request.ts";
export { listTags, type ListTagsOptions, tagPages, tags } from "./endpoints/tags.ts";
export {
  cancelBlobUpload,
  completeBlobUpload,
  type CompleteUploadResult,
  getBlobUploadStatus,
  postBlob,
  startBlobUpload,
  type StartUploadOptions,
  uploadBlobChunk,
  type UploadSession,
} from "./endpoints/uploads.ts";

export type {
  Action,
  Anonymity,
  Channel,
  ChannelRequest,
  ChannelResponse,
  Clock,
  HostPurpose,
  Intent,
  RegistryCapabilities,
  Send,
} from "./transport/channel.ts";
export type { HeaderFields } from "./transport/header_fields.ts";
export type { RetryPolicy } from "./transport/retry_policy.ts";
export type { Body, OpenBody, ReopenableBody } from "./content/body.ts";
export type { Bytes } from "./content/bytes.ts";
export type { Descriptor, Platform } from "./content/descriptor.ts";
export type { Digest } from "./content/digest.ts";
export type { HashAlgorithm } from "./content/hasher.ts";
export type { Limits } from "./content/limits.ts";
export type { NativeBody, Piece, PieceReader } from "./content/piece_reader.ts";
export type { RateLimit } from "./errors.ts";
export type * from "./events.ts";
export type * from "./manifest/types.ts";
export type * from "./integrations/docker_registry_client/manifests.ts";
export type { ParsedManifest } from "./manifest/parse_manifest.ts";
