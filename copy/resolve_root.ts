import type { Descriptor } from "../content/descriptor.ts";
import { isDigestReference } from "../content/digest.ts";
import { isManifestMediaType } from "../content/media_types.ts";
import type { ContentSource } from "../content/store.ts";
import { ContentNotFoundError } from "../errors.ts";
import { refuseDeadMediaType } from "../manifest/manifest_object.ts";
import { onSide } from "./copy_error.ts";
import { unknownManifest } from "./other_manifest.ts";

/**
 * What a reference names in a source: of several manifests the one for the platform, where it is given.
 *
 * @throws {CopyError} When there is none, and when a tag names a manifest of a type that is not known
 * here: nobody could say what it needs. What a digest names may be a blob.
 */
export async function resolveRoot(
  source: ContentSource,
  reference: string,
  signal: AbortSignal,
  platform?: string,
): Promise<Descriptor> {
  const options = { signal, read: true, ...(platform !== undefined && { platform }) };
  return await onSide("source", reference, signal, async () => {
    const root = await source.resolve(reference, options);
    const { mediaType } = root;
    if (isManifestMediaType(mediaType) || isDigestReference(reference)) return root;
    refuseDeadMediaType(mediaType);
    throw unknownManifest(mediaType);
  });
}

/** What a reference names in a store, which may be nothing. */
export async function resolveIfThere(
  store: Pick<ContentSource, "resolve">,
  reference: string,
  signal: AbortSignal,
): Promise<Descriptor | undefined> {
  try {
    return await store.resolve(reference, { signal });
  } catch (error) {
    if (error instanceof ContentNotFoundError) return undefined;
    throw error;
  }
}
