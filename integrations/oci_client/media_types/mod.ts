/**
 * Media types that know what their JSON holds, for `as` of a manifest of
 * `@davit/registry-client/oci-client`: the names of lesomnus' OCI client.
 *
 * @example
 * ```ts
 * import { cncf, oci, vnd } from "@davit/registry-client/oci-client/media-types";
 * import { assertEquals } from "@std/assert";
 *
 * const manifest: oci.image.ManifestV1 = {
 *   schemaVersion: 2,
 *   mediaType: oci.image.manifestV1,
 *   config: { ...oci.empty, mediaType: cncf.helm.configV1 },
 *   layers: [],
 * };
 * assertEquals(manifest.mediaType, "application/vnd.oci.image.manifest.v1+json");
 * assertEquals(vnd.oci.image.indexV1, oci.image.indexV1);
 * ```
 *
 * @module
 */
export { type MediaType, mediaType } from "./media_type.ts";

/** Media types of the CNCF's projects. */
export * as cncf from "./cncf.ts";

/** Media types of the OCI. */
export * as oci from "./oci.ts";

/** The same under the original's own spelling. */
export * as vnd from "./vnd.ts";
