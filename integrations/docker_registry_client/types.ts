/**
 * The entry point `types` of `docker_registry_client`: its types, from where they live here.
 *
 * @example
 * ```ts
 * import type { RegistryClientOpts } from "@davit/registry-client/types";
 * import { RegistryClientV2 } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const options: RegistryClientOpts = { name: "alpine" };
 * assertEquals(new RegistryClientV2(options).repo.remoteName, "library/alpine");
 * ```
 *
 * @module
 */
export type { AuthInfo } from "../../auth/auth_info.ts";
export type { RegistryError } from "../../errors.ts";
export type { Manifest, TagList, TagListManifest } from "../../manifest/types.ts";
export * from "./manifests.ts";
export type { RegistryImage, RegistryIndex, RegistryRepo } from "./references.ts";
export type { RegistryClientOpts } from "../../registry_client_options.ts";
export type { ByteArray, DockerResponse } from "../../docker_response.ts";
