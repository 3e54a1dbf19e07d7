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
  // Several entries may name one image, each for another platform.
  const chosen = new Set<Descriptor>(platforms.map((platform) => choosePlatform(index, platform)));
  const images = index.manifests.filter((entry) => chosen.has(entry));
  const digests = new Set(images.map(({ digest }) => digest));
  const isAbout = ({ annotations }: Descriptor) =>
    digests.has(annotations?.[REFERENCE_DIGEST] ?? "");
  return { images, attestations: index.manifests.filter(isAbout) };
}
