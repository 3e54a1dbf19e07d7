/** A media type that knows what its JSON holds. */
export type MediaType<T = unknown> = string & { readonly "~holds"?: T };

/**
 * A media type of your own; the example is there for its type alone.
 *
 * @example
 * ```ts
 * import { type MediaType, mediaType } from "@davit/registry-client/oci-client/media-types";
 * import { assertEquals } from "@std/assert";
 *
 * const note: MediaType<{ text: string }> = mediaType({ text: "" }, "application/vnd.example.note");
 * assertEquals(note as string, "application/vnd.example.note");
 * ```
 */
export function mediaType<T>(_example: T, value: string): MediaType<T> {
  return value as MediaType<T>;
}
