/**
 * The entry point `common` of `docker_registry_client`: its names, from where they live here.
 *
 * @example
 * ```ts
 * import { parseRepoAndRef } from "@davit/registry-client/common";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseRepoAndRef("busybox").canonicalRef, "docker.io/busybox:latest");
 * ```
 *
 * @module
 */
export * from "./references.ts";
export { digestFromManifestStr } from "../../manifest/digest_from_manifest.ts";
export {
  MEDIATYPE_MANIFEST_LIST_V2,
  MEDIATYPE_MANIFEST_V2,
  MEDIATYPE_OCI_MANIFEST_INDEX_V1,
  MEDIATYPE_OCI_MANIFEST_V1,
} from "./manifests.ts";
