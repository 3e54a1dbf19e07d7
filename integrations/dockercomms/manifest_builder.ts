import { type Bytes, encodeText } from "../../content/bytes.ts";
import type { Descriptor } from "../../content/descriptor.ts";
import { describeBytes } from "../../content/describe_bytes.ts";
import { goJson, type GoValue } from "../../manifest/go_json.ts";
import {
  ArtifactTypeBundle,
  ArtifactTypeMessage,
  ArtifactTypeReceipt,
  EmptyConfigDescriptor,
  MediaTypeManifest,
} from "./constants.ts";

/**
 * A manifest in the making; its fields can be written until `build()`.
 *
 * @example
 * ```ts
 * import { ManifestBuilder } from "@davit/registry-client/dockercomms";
 * import { assertEquals } from "@std/assert";
 *
 * const builder = new ManifestBuilder({ artifactType: "application/vnd.example" });
 * builder.annotations.by = "you";
 * const { bytes } = await builder.build();
 * assertEquals(JSON.parse(new TextDecoder().decode(bytes)).annotations, { by: "you" });
 * ```
 */
export class ManifestBuilder {
  /** The artifact's type. */
  artifactType: string;
  /** The manifest that this one is attached to. */
  subject: Descriptor | undefined;
  /** Names and values. */
  annotations: Record<string, string>;
  /** The content; `undefined` is written as `null`, an empty list as `[]`. */
  layers: Descriptor[] | undefined;

  /** A manifest of these fields; what is left out is empty. */
  constructor(
    fields: Partial<
      Pick<ManifestBuilder, "artifactType" | "subject" | "annotations" | "layers">
    > = {},
  ) {
    const { artifactType = "", subject, annotations = {}, layers } = fields;
    this.artifactType = artifactType;
    this.subject = subject;
    this.annotations = annotations;
    this.layers = layers;
  }

  /** The manifest's bytes, as Go's encoder writes them, and their descriptor. */
  async build(): Promise<{ bytes: Bytes; descriptor: Descriptor }> {
    const { artifactType, subject, annotations, layers } = this;
    const bytes = encodeText(goJson({
      schemaVersion: 2,
      artifactType: artifactType || undefined,
      config: goDescriptor(EmptyConfigDescriptor),
      layers: layers?.map(goDescriptor) ?? null,
      subject: subject && goDescriptor(subject),
      annotations: goMap(annotations),
    }));
    return { bytes, descriptor: await describeBytes(bytes, MediaTypeManifest) };
  }
}

/**
 * The manifest of a message; its layers are the chunks. The arguments are copied.
 *
 * @example
 * ```ts
 * import { MediaTypeChunkGzip, newMessageManifest } from "@davit/registry-client/dockercomms";
 * import { assertEquals } from "@std/assert";
 *
 * const digest = "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
 * const chunk = { mediaType: MediaTypeChunkGzip, digest, size: 11 };
 * const { descriptor } = await newMessageManifest({ from: "you" }, [chunk]).build();
 * assertEquals(descriptor.mediaType, "application/vnd.oci.image.manifest.v1+json");
 * ```
 */
export function newMessageManifest(
  annotations: Readonly<Record<string, string>> = {},
  layers?: readonly Descriptor[],
): ManifestBuilder {
  return new ManifestBuilder({
    artifactType: ArtifactTypeMessage,
    annotations: { ...annotations },
    layers: layers && structuredClone([...layers]),
  });
}

/**
 * The manifest of a receipt. The arguments are copied.
 *
 * @example
 * ```ts
 * import { newReceiptManifest } from "@davit/registry-client/dockercomms";
 * import { assertEquals } from "@std/assert";
 *
 * const { descriptor } = await newReceiptManifest().build();
 * assertEquals(descriptor.size, 240);
 * ```
 */
export function newReceiptManifest(
  annotations: Readonly<Record<string, string>> = {},
): ManifestBuilder {
  return new ManifestBuilder({
    artifactType: ArtifactTypeReceipt,
    annotations: { ...annotations },
  });
}

/**
 * The manifest of a Sigstore bundle for a subject, whose media type becomes the OCI manifest's. The
 * arguments are copied.
 *
 * @example
 * ```ts
 * import {
 *   ArtifactTypeBundle,
 *   newBundleManifest,
 *   newMessageManifest,
 * } from "@davit/registry-client/dockercomms";
 * import { assertEquals } from "@std/assert";
 *
 * const { descriptor: message } = await newMessageManifest().build();
 * const digest = "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
 * const layer = { mediaType: ArtifactTypeBundle, digest, size: 11 };
 * const builder = newBundleManifest(message, undefined, layer);
 * assertEquals(builder.subject, message);
 * ```
 */
export function newBundleManifest(
  subject: Descriptor,
  annotations: Readonly<Record<string, string>> | undefined,
  layer: Descriptor,
): ManifestBuilder {
  return new ManifestBuilder({
    artifactType: ArtifactTypeBundle,
    subject: { ...structuredClone(subject), mediaType: MediaTypeManifest },
    annotations: { ...annotations },
    layers: [structuredClone(layer)],
  });
}

/** A descriptor in the order of Go's struct; what is empty is left out, but for the first three. */
function goDescriptor(descriptor: Descriptor): GoValue {
  const { mediaType, digest, size, urls, annotations, data, platform, artifactType } = descriptor;
  return {
    mediaType,
    digest,
    size,
    urls: goList(urls),
    annotations: goMap(annotations),
    data: data || undefined,
    platform: platform && {
      architecture: platform.architecture,
      os: platform.os,
      "os.version": platform["os.version"] || undefined,
      "os.features": goList(platform["os.features"]),
      variant: platform.variant || undefined,
    },
    artifactType: artifactType || undefined,
  };
}

function goList(list: readonly string[] | undefined): readonly string[] | undefined {
  return list?.length ? list : undefined;
}

function goMap(map: Record<string, string> | undefined): ReadonlyMap<string, string> | undefined {
  const entries = Object.entries(map ?? {});
  return entries.length > 0 ? new Map(entries) : undefined;
}
