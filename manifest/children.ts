import { checkArgument } from "../content/check_argument.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { isIndex, type Manifest } from "./types.ts";

/**
 * What a manifest is made of: an image's config and layers, in this order, or an index's manifests.
 * The subject is no part of it: see {@linkcode subjectOf}.
 *
 * @example
 * ```ts
 * import { buildManifest, childrenOf, EMPTY_CONFIG } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const { manifest } = await buildManifest({ artifactType: "text/plain", layers: [] });
 * assertEquals(childrenOf(manifest), [EMPTY_CONFIG]);
 * ```
 */
export function childrenOf(manifest: Manifest): Descriptor[] {
  checkArgument("manifest", manifest, "manifest");
  return isIndex(manifest) ? [...manifest.manifests] : [manifest.config, ...manifest.layers];
}

/**
 * The manifest that this one is attached to; Docker's formats have none.
 *
 * @example
 * ```ts
 * import { buildManifest, subjectOf } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const image = await buildManifest({ artifactType: "text/plain", layers: [] });
 * const { manifest } = await buildManifest({
 *   artifactType: "application/spdx+json",
 *   layers: [],
 *   subject: image.descriptor,
 * });
 * assertEquals(subjectOf(manifest)?.digest, image.descriptor.digest);
 * ```
 */
export function subjectOf(manifest: Manifest): Descriptor | undefined {
  checkArgument("manifest", manifest, "manifest");
  return "subject" in manifest ? manifest.subject : undefined;
}
