import { choosePlatform, type ContentSource, type Descriptor, readManifest } from "../mod.ts";

/** The descriptor that a reference names; of an index, with a platform, the image's for that. */
export async function resolvePlatform(
  source: ContentSource,
  reference: string,
  platform: string | undefined,
  signal: AbortSignal,
): Promise<Descriptor> {
  let found = await source.resolve(reference, { signal, ...(platform && { platform }) });
  while (platform !== undefined) {
    const { manifest } = await readManifest(source, found, { signal });
    if (!("manifests" in manifest)) break;
    found = choosePlatform(manifest, platform); // an image, or one more index
  }
  return found;
}
