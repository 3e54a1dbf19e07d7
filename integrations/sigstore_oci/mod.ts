/**
 * The names, options and answers of the npm package `@sigstore/oci`: attaches signatures and
 * attestations to images, and finds the credentials that `docker login` left.
 *
 * @example
 * ```ts ignore
 * import { attachArtifactToImage, getRegistryCredentials } from "@davit/registry-client/sigstore-oci";
 *
 * const imageName = "ghcr.io/you/app";
 * await attachArtifactToImage({
 *   artifact: Buffer.from(JSON.stringify(bundle)),
 *   mediaType: bundle.mediaType,
 *   imageName,
 *   imageDigest: "sha256:…",
 *   credentials: getRegistryCredentials(imageName),
 * });
 * ```
 *
 * @module
 */
export { attachArtifactToImage, attachArtifactToImages } from "./attach_artifact.ts";
export { getImageDigest } from "./image_digest.ts";
export { OCIError } from "./oci_error.ts";
export type {
  ArtifactOptions,
  AttachArtifactOptions,
  AttachArtifactsOptions,
  AttachOutcome,
  Credentials,
  DavitOptions,
  Descriptor,
  FetchOptions,
  GetImageDigestOptions,
  ImageOptions,
  RetryOptions,
} from "./options.ts";
export { getRegistryCredentials } from "./registry_credentials.ts";
