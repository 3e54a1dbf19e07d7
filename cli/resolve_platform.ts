import { choosePlatform, type ContentSource, type Descriptor, readManifest } from "../mod.ts";

/** The descriptor that a reference names; of an index, with a platform, the image's for that. */
export async function resolvePlatform(
  source: ContentSource,
  reference: string,
  platform: string | undefined,
  signal: AbortSignal,
): Promise<Descriptor> {
  const found = await source.resolve(reference, { signal, ...(platform && { platform }) });
  if (platform === undefined) return found;
  const { manifest } = await readManifest(source, found, { signal });
  return "manifests" in manifest ? choosePlatform(manifest, platform) : found;
}
