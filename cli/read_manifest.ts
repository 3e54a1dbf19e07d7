import {
  choosePlatform,
  type ContentSource,
  type Descriptor,
  LimitError,
  type ParsedManifest,
  parseManifest,
} from "../mod.ts";

/** Above any manifest: registries need not take more than 4 MiB. */
const MAX_MANIFEST_BYTES = 8 * 1024 * 1024;

/** A manifest out of any store, verified. */
export async function readManifest(
  source: ContentSource,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<ParsedManifest> {
  if (descriptor.size > MAX_MANIFEST_BYTES) {
    throw new LimitError(
      `Cannot read ${descriptor.digest}: ${descriptor.size} bytes are no manifest`,
      { limit: "manifestBytes", maximum: MAX_MANIFEST_BYTES },
    );
  }
  const stream = await source.open(descriptor, { signal });
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return parseManifest(bytes, { mediaType: descriptor.mediaType });
}

/** The descriptor that a reference names; of an index, with a platform, the image's for that. */
export async function resolvePlatform(
  source: ContentSource,
  reference: string,
  platform: string | undefined,
  signal: AbortSignal,
): Promise<Descriptor> {
  const found = await source.resolve(reference, { signal });
  if (platform === undefined) return found;
  const { manifest } = await readManifest(source, found, signal);
  return "manifests" in manifest ? choosePlatform(manifest, platform) : found;
}
