/**
 * An OCI registry client: every endpoint of the distribution specification, verified and streamed,
 * in Deno, Node, Bun, workers and browsers.
 *
 * @example
 * ```ts
 * import { RegistryClientV2 } from "@davit/registry-client";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry(); // leave it out, and the client speaks to the real registry
 * const client = new RegistryClientV2({ name: "localhost:5000/app", fetch });
 * const { digest } = await client.putBlob(new TextEncoder().encode("hello"));
 * assertEquals(await (await client.getBlob(digest)).text(), "hello");
 * ```
 *
 * @module
 */
export * from "./errors.ts";
export {
  ApiError as RegistryApiError,
  HttpError as RegistryHttpError,
} from "./integrations/docker_registry_client/errors.ts";
export type * from "./events.ts";
export * from "./registry_client_v2.ts";
export * from "./registry_store.ts";
export { connect } from "./registry_channel.ts";
export type { ConnectionOptions, RegistryClientOpts } from "./registry_client_options.ts";

export type { Body, OpenBody, ReopenableBody } from "./content/body.ts";
export type { StreamBody } from "./content/stream_body.ts";
export type { Bytes } from "./content/bytes.ts";
export { type Descriptor, type Platform } from "./content/descriptor.ts";
export { type Digest, isDigest, parseDigest } from "./content/digest.ts";
export { digestOf } from "./content/digest_of.ts";
export type { HashAlgorithm } from "./content/hasher.ts";
export type { Limits } from "./content/limits.ts";
export { isManifestMediaType, MEDIA_TYPES } from "./content/media_types.ts";
export type {
  ContentSource,
  ContentStore,
  OpenOptions,
  PartialBlob,
  ReferrersOptions,
  ResolveOptions,
  StoreOptions,
  TagOptions,
  WriteOptions,
} from "./content/store.ts";

export type { UploadJournal, UploadKey, UploadRecord } from "./content/upload_journal.ts";

export {
  familiarReference,
  formatReference,
  isOfficial,
  parseReference,
  type ParseReferenceOptions,
  type Reference,
  type ReferenceParts,
  registryOrigin,
  type RegistryOriginOptions,
  type Scheme,
} from "./reference/reference.ts";
export {
  checkRepositoryName,
  isRepositoryName,
  type RepositoryName,
} from "./reference/repository_name.ts";
export { checkTag, isTag, type Tag } from "./reference/tag.ts";
export {
  DEFAULT_INDEX_NAME,
  DEFAULT_TAG,
  parseIndex,
  parseRepo,
  parseRepoAndRef,
  parseRepoAndTag,
  type RegistryImage,
  type RegistryIndex,
  type RegistryRepo,
} from "./integrations/docker_registry_client/references.ts";

export * from "./manifest/types.ts";
export * from "./integrations/docker_registry_client/manifests.ts";
export {
  buildIndex,
  type BuildIndexOptions,
  buildManifest,
  type BuildManifestOptions,
  type BuildOptions,
  type BuiltContent,
  type BuiltImageManifest,
  EMPTY_CONFIG,
  EMPTY_CONFIG_BYTES,
} from "./manifest/build.ts";
export { childrenOf, subjectOf } from "./manifest/children.ts";
export {
  buildImageConfig,
  type ImageConfig,
  type ImageHistory,
  type ImageRunConfig,
} from "./manifest/config.ts";
export { digestFromManifestStr } from "./manifest/digest_from_manifest.ts";
export {
  type BuiltManifest,
  encodeManifest,
  type EncodeManifestOptions,
} from "./manifest/encode_manifest.ts";
export { manifestMediaType } from "./manifest/media_type_of.ts";
export {
  type ParsedManifest,
  parseManifest,
  type ParseManifestOptions,
} from "./manifest/parse_manifest.ts";
export {
  readManifest,
  type ReadManifestOptions,
  type StoredManifest,
} from "./manifest/read_manifest.ts";
export { choosePlatform, formatPlatform, parsePlatform } from "./manifest/platform.ts";
export {
  addReferrer,
  fallbackTag,
  filterReferrers,
  referrerDescriptor,
  removeReferrer,
} from "./manifest/referrers_index.ts";

export type { BlobContent, BlobRange, GetBlobOptions, HasBlobOptions } from "./endpoints/blobs.ts";
export type { ListRepositoriesOptions } from "./endpoints/catalog.ts";
export type { MountResult } from "./endpoints/mount.ts";
export type { ListOptions } from "./endpoints/pages.ts";
export type { PingOptions } from "./endpoints/ping.ts";
export type { PutBlobOptions } from "./endpoints/put_blob.ts";
export type { ListReferrersOptions, ReferrersList } from "./endpoints/referrers.ts";
export type { EndpointOptions } from "./endpoints/request.ts";
export type { ListTagsOptions } from "./endpoints/tags.ts";
export type { CompleteUploadResult, UploadSession } from "./endpoints/uploads.ts";

export type { AuthInfo } from "./auth/auth_info.ts";
export type { Credential, CredentialSource, CredentialTarget } from "./auth/credential.ts";
export { publicHostsOnly } from "./auth/host_policy.ts";
export type { TrustedRealms } from "./auth/trusted_realms.ts";
export type { AllowHost } from "./transport/allow_host.ts";
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
export type { NativeBody, Piece, PieceReader } from "./content/piece_reader.ts";
export type { DockerResponse } from "./docker_response.ts";
export type { HeaderFields } from "./transport/header_fields.ts";
export type { HostOptions, HostsOptions } from "./transport/host_options.ts";
export type { MirrorOptions } from "./transport/mirror_options.ts";
export type { ProxyOptions } from "./transport/proxy_options.ts";
export type { OnMissingRepository } from "./transport/missing_repository.ts";
export type { RetryPolicy } from "./transport/retry_policy.ts";
