import type { Descriptor } from "../../content/descriptor.ts";
import { EMPTY_CONFIG } from "../../manifest/build.ts";

/** The type of a message: its layers are chunks of a tar. */
export const ArtifactTypeMessage = "application/vnd.dockercomms.message.v1";
/** The type of a receipt for a message. */
export const ArtifactTypeReceipt = "application/vnd.dockercomms.receipt.v1";
/** The type of a Sigstore bundle. */
export const ArtifactTypeBundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
/** The media type of every manifest here: OCI's image manifest. */
export const MediaTypeManifest = "application/vnd.oci.image.manifest.v1+json";
/** The media type of a chunk that gzip compressed. */
export const MediaTypeChunkGzip = "application/vnd.dockercomms.chunk.v1.tar+gzip";
/** The media type of a chunk that Zstandard compressed. */
export const MediaTypeChunkZstd = "application/vnd.dockercomms.chunk.v1.tar+zstd";
/** The media type of the config that every manifest here has. */
export const MediaTypeEmptyConfig = "application/vnd.oci.empty.v1+json";
/** The media type of a Sigstore bundle. */
export const MediaTypeBundleConfig: typeof ArtifactTypeBundle = ArtifactTypeBundle;

/** The descriptor of the config that every manifest here has, the blob `{}`: frozen. */
export const EmptyConfigDescriptor: Readonly<Descriptor> = EMPTY_CONFIG;
