import type { Descriptor } from "../content/descriptor.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { pieceReader, readAll } from "../content/piece_reader.ts";
import type { ContentSource, StoreOptions } from "../content/store.ts";
import { SizeMismatchError } from "../errors.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import type { Manifest } from "../manifest/types.ts";

/** Manifests are read into memory. */
const LIMIT = {
  name: "manifestBytes",
  bytes: DEFAULT_LIMITS.manifestBytes,
  what: "the manifest",
};

/**
 * A manifest of a store, verified, and its size. Lists of referrers have had wrong sizes in them: the digest
 * decides.
 *
 * @throws {ContentNotFoundError} When the store does not have it.
 * @throws {InvalidManifestError} When it is no manifest.
 * @throws {ManifestVerificationError} When it says two things.
 */
export async function readManifest(
  store: ContentSource,
  descriptor: Descriptor,
  options: StoreOptions = {},
): Promise<{ manifest: Manifest; size: number }> {
  const read = async (found: Descriptor) => {
    const bytes = await readAll(pieceReader(await store.open(found, options)), LIMIT);
    const { manifest } = parseManifest(bytes, { descriptor: found });
    return { manifest, size: bytes.byteLength };
  };
  try {
    return await read(descriptor);
  } catch (error) {
    if (!(error instanceof SizeMismatchError)) throw error;
    const { size } = await store.resolve(descriptor.digest, options);
    if (size === descriptor.size) throw error;
    return await read({ ...descriptor, size });
  }
}

/** The descriptor itself, or what a tag or digest names. */
export async function resolved(
  store: ContentSource,
  named: Descriptor | string,
  options: StoreOptions = {},
): Promise<Descriptor> {
  return typeof named === "string" ? await store.resolve(named, options) : named;
}
