/** The names under which `docker_registry_client` exports manifests and their media types. */
import type { Descriptor } from "../../content/descriptor.ts";
import { MEDIA_TYPES } from "../../content/media_types.ts";
import type {
  DockerManifest,
  DockerManifestList,
  ImageIndex,
  ImageManifest,
} from "../../manifest/types.ts";

/** The media type of Docker's image manifest. */
export const MEDIATYPE_MANIFEST_V2: "application/vnd.docker.distribution.manifest.v2+json" =
  MEDIA_TYPES.dockerManifest;
/** The media type of Docker's manifest list. */
export const MEDIATYPE_MANIFEST_LIST_V2:
  "application/vnd.docker.distribution.manifest.list.v2+json" = MEDIA_TYPES.dockerManifestList;
/** The media type of OCI's image manifest. */
export const MEDIATYPE_OCI_MANIFEST_V1: "application/vnd.oci.image.manifest.v1+json" =
  MEDIA_TYPES.ociManifest;
/** The media type of OCI's image index. */
export const MEDIATYPE_OCI_MANIFEST_INDEX_V1: "application/vnd.oci.image.index.v1+json" =
  MEDIA_TYPES.ociIndex;

/** Docker's image manifest. */
export type ManifestV2 = DockerManifest;
/** A descriptor in Docker's image manifest. */
export type ManifestV2Descriptor = Descriptor;
/** Docker's manifest list. */
export type ManifestV2List = DockerManifestList;
/** OCI's image manifest. */
export type ManifestOCI = ImageManifest;
/** A descriptor in OCI's image manifest. */
export type ManifestOCIDescriptor = Descriptor;
/** OCI's image index. */
export type ManifestOCIIndex = ImageIndex;
