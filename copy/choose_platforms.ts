import type { Descriptor } from "../content/descriptor.ts";
import { choosePlatform } from "../manifest/platform.ts";
import type { DockerManifestList, ImageIndex } from "../manifest/types.ts";

/** BuildKit marks an attestation with the digest of the image that it is about. */
const REFERENCE_DIGEST = "vnd.docker.reference.digest";

/** What was chosen of an index. */
export interface ChosenPlatforms {
  /** The images, each once, in the index's order. */
  images: Descriptor[];
  /** The attestations of these, which stand in the index beside them. */
  attestations: Descriptor[];
}

/**
 * The entries of an index for some platforms, each as containerd chooses it, and the attestations that
 * belong to them.
 *
 * @throws {ContentNotFoundError} When the index has none for a platform.
 */
export function choosePlatforms(
  index: ImageIndex | DockerManifestList,
  platforms: readonly string[],
): ChosenPlatforms {
  const chosen = new Set(platforms.map((platform) => choosePlatform(index, platform).digest));
  const about = (entry: Descriptor) => entry.annotations?.[REFERENCE_DIGEST];
  return {
    images: index.manifests.filter((entry) =>
      chosen.has(entry.digest) && about(entry) === undefined
    ),
    attestations: index.manifests.filter((entry) => chosen.has(about(entry) ?? "")),
  };
}
