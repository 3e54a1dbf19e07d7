/**
 * The client of lesomnus' OCI client, by its own names, on davit's endpoints, authentication and
 * transport. Its media types are in `@davit/registry-client/oci-client/media-types`.
 *
 * @example
 * ```ts
 * import { ClientV2, Codes } from "@davit/registry-client/oci-client";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const client = new ClientV2("ghcr.io", { transport: createRegistry().fetch });
 * const tags = await client.repo("you/app").tags.list().unwrapOr((res, errors) => {
 *   assertEquals(res.status, 404);
 *   return errors.some(({ code }) => code === Codes.NameUnknown) ? "no such repository" : "?";
 * });
 * assertEquals(tags, "no such repository");
 * ```
 *
 * @module
 */
export type { CallOptions } from "./answers.ts";
export { BlobsApiV2, type Existence } from "./blobs.ts";
export { BlobsV2Upload, type UploadEndpoints } from "./blobs_upload.ts";
export { Chunk, type Data } from "./chunk.ts";
export { type ClientInit, ClientV2, type Extension } from "./client.ts";
export { Codes } from "./codes.ts";
export { Digest, HashAlgorithm, type Hasher } from "./digest.ts";

/** Extensions that come along. */
export * as ext from "./ext.ts";
export { ReferrersApiV2, TagsApiV2 } from "./lists.ts";
export { ManifestsApiV2, type OpaqueManifest } from "./manifests.ts";
export { type MediaType, mediaType } from "./media_types/media_type.ts";
export type { IndexV1 } from "./media_types/oci_image.ts";
export { Range } from "./range.ts";
export { Ref, type Reference } from "./ref.ts";
export { RepoV2 } from "./repo.ts";
export { ResError } from "./res_error.ts";
export {
  type ErrorEntry,
  type Req,
  type Result,
  result,
  type Unwrap,
  type Unwrapped,
} from "./result.ts";
