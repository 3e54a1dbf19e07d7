import type { Descriptor, Platform } from "../content/descriptor.ts";
import { LimitError } from "../errors.ts";
import { choosePlatform } from "./platform.ts";
import { isIndex, type Manifest } from "./types.ts";

/** The choice among an index's images: loaded with the first that is made. */
export { choosePlatform };

/** Real indexes lead two deep. */
const MAX_INDEXES = 16;

/**
 * Follows an index, and indexes in it, to the one image for a platform; an error calls the index by the
 * name.
 *
 * @throws {ContentNotFoundError} When an index has no image for the platform.
 * @throws {LimitError} When it follows more than 16 indexes, one in the other.
 */
export async function followPlatform<T extends { manifest: Manifest }>(
  found: T,
  platform: string | Platform,
  name: (digest?: string) => string,
  fetch: (descriptor: Descriptor) => Promise<T>,
): Promise<T> {
  let called = name();
  for (let indexes = 1; isIndex(found.manifest); indexes++) {
    if (indexes > MAX_INDEXES) {
      throw new LimitError(
        `Cannot follow ${name()}: over ${MAX_INDEXES} indexes are in one another`,
        { limit: "indexes", maximum: MAX_INDEXES },
      );
    }
    const descriptor = choosePlatform(found.manifest, platform, `the index ${called}`);
    called = name(descriptor.digest);
    found = await fetch(descriptor);
  }
  return found;
}
