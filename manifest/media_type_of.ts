import { manifestObject, manifestShape, SHAPE_MEDIA_TYPES } from "./manifest_object.ts";

/**
 * The media type to push a manifest under: its own `mediaType`, whatever that is, else the OCI type
 * that its members make it.
 *
 * @example
 * ```ts
 * import { manifestMediaType } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode('{"schemaVersion":2,"manifests":[]}');
 * assertEquals(manifestMediaType(bytes), "application/vnd.oci.image.index.v1+json");
 * ```
 *
 * @throws {InvalidManifestError} When the bytes are not a JSON object, are schema 1, or have no
 * `mediaType` and neither layers nor manifests.
 * @throws {ManifestVerificationError} When they have no `mediaType`, and both; or state a name twice.
 */
export function manifestMediaType(bytes: Uint8Array): string {
  return objectMediaType(manifestObject(bytes));
}

/** {@linkcode manifestMediaType} for an object that was read already. */
export function objectMediaType(object: Record<string, unknown>): string {
  const { mediaType } = object;
  if (typeof mediaType === "string" && mediaType !== "") return mediaType;
  return SHAPE_MEDIA_TYPES[manifestShape(object)];
}
