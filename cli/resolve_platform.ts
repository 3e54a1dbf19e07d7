import { type ContentSource, type Descriptor, readManifest } from "../mod.ts";

/** The descriptor that a reference names; of an index, with a platform, the image's for that. */
export async function resolvePlatform(
  source: ContentSource,
  reference: string,
  platform: string | undefined,
  signal: AbortSignal,
): Promise<Descriptor> {
  if (platform === undefined) return await source.resolve(reference, { signal });
  const found = await source.resolve(reference, { signal, platform });
  return (await readManifest(source, found, { signal, platform })).descriptor;
}
