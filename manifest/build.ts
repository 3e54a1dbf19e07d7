import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { InvalidOptionError } from "../errors.ts";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { checkDescriptor, type Descriptor } from "../content/descriptor.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import {
  type BuiltManifest,
  ENCODE_MANIFEST_OPTIONS,
  encodeManifest,
  type EncodeManifestOptions,
} from "./encode_manifest.ts";
import { quoted } from "./quoted.ts";
import type { DockerManifest, ImageIndex, ImageManifest } from "./types.ts";

/** The content that {@linkcode EMPTY_CONFIG} points to: the two bytes `{}`. */
export const EMPTY_CONFIG_BYTES: Bytes = encodeText("{}");

/**
 * The descriptor of the empty config, for artifacts that need none.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidance-for-an-empty-descriptor
 *
 * @example
 * ```ts
 * import { digestFromManifestStr, EMPTY_CONFIG } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(EMPTY_CONFIG.digest, await digestFromManifestStr("{}"));
 * ```
 */
export const EMPTY_CONFIG: Readonly<Descriptor> = Object.freeze({
  mediaType: MEDIA_TYPES.ociEmpty,
  digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
  size: 2,
});

/** What {@linkcode buildManifest} and {@linkcode buildIndex} have in common. */
export interface BuildOptions extends EncodeManifestOptions {
  /** The artifact's type: a media type. */
  artifactType?: string;
  /** The manifest to attach this one to. */
  subject?: Descriptor;
  /** Names and values, written in the order given; left out where there are none. */
  annotations?: Record<string, string>;
}

const BUILD_OPTIONS: OptionNames<BuildOptions> = names(
  "artifactType subject annotations",
  ENCODE_MANIFEST_OPTIONS,
);

/** Options of {@linkcode buildManifest}. */
export interface BuildManifestOptions extends BuildOptions {
  /**
   * The configuration.
   * @default {EMPTY_CONFIG} where there is an `artifactType`; else it is required
   */
  config?: Descriptor;
  /** The layers, the base first; for an artifact, its content. */
  layers: readonly Descriptor[];
  /**
   * The format: OCI's, or Docker's, which knows no artifact type, subject or annotations.
   * @default {"application/vnd.oci.image.manifest.v1+json"}
   */
  mediaType?:
    | "application/vnd.oci.image.manifest.v1+json"
    | "application/vnd.docker.distribution.manifest.v2+json";
}

const BUILD_MANIFEST_OPTIONS: OptionNames<BuildManifestOptions> = names(
  "config layers mediaType",
  BUILD_OPTIONS,
);

/** Content that a manifest needs, and that is known without a file. */
export interface BuiltContent {
  /** Its descriptor. */
  descriptor: Descriptor;
  /** Its bytes. */
  bytes: Bytes;
}

/** What {@linkcode buildManifest} answers. */
export interface BuiltImageManifest<M extends ImageManifest | DockerManifest = ImageManifest>
  extends BuiltManifest<M> {
  /**
   * What must be pushed before the manifest, beside the blobs whose descriptors were given: the empty
   * config, where the manifest has it. Else it is empty.
   */
  contents: BuiltContent[];
}

/** Options of {@linkcode buildIndex}. */
export interface BuildIndexOptions extends BuildOptions {
  /** The manifests, or further indexes. */
  manifests: readonly Descriptor[];
}

const BUILD_INDEX_OPTIONS: OptionNames<BuildIndexOptions> = names("manifests", BUILD_OPTIONS);

/**
 * Builds the manifest of an image or artifact. Equal options give equal bytes: members stand in the
 * specification's order, and a descriptor's begin with `mediaType`, `digest`, `size`.
 *
 * @example
 * ```ts
 * import { buildManifest } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const { descriptor } = await buildManifest({
 *   artifactType: "application/vnd.example.note",
 *   layers: [{
 *     mediaType: "text/plain",
 *     digest: "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
 *     size: 11,
 *   }],
 * });
 * assertEquals(descriptor.artifactType, "application/vnd.example.note");
 * ```
 *
 * @example Push a whole artifact: its layer, what the manifest needs besides, and the manifest
 * ```ts
 * import { buildManifest, RegistryClientV2 } from "@davit/registry-client";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry(); // leave it out, and the client speaks to the real registry
 * const client = new RegistryClientV2({ name: "localhost:5000/notes", scopes: ["pull", "push"], fetch });
 * const layer = await client.putBlob(new TextEncoder().encode("hello"), { mediaType: "text/plain" });
 * const artifactType = "application/vnd.example.note";
 * const { bytes, contents } = await buildManifest({ artifactType, layers: [layer] });
 * for (const content of contents) await client.putBlob(content.bytes, content.descriptor);
 * await client.putManifest({ ref: "v1", manifestData: bytes });
 *
 * const { manifest } = await client.getManifest("v1", { acceptManifestLists: false });
 * assertEquals(await (await client.getBlob(manifest.config.digest)).text(), "{}");
 * ```
 *
 * @throws {InvalidOptionError} When a descriptor or the artifact type is malformed, when the config
 * is missing or empty without an artifact type, or when Docker's format has no place for an option.
 */
export function buildManifest(
  options: BuildManifestOptions & {
    mediaType: "application/vnd.docker.distribution.manifest.v2+json";
  },
): Promise<BuiltImageManifest<DockerManifest>>;
/** Builds an OCI manifest. */
export function buildManifest(
  options: BuildManifestOptions & { mediaType?: "application/vnd.oci.image.manifest.v1+json" },
): Promise<BuiltImageManifest<ImageManifest>>;
/** Builds a manifest of either format. */
export function buildManifest(
  options: BuildManifestOptions,
): Promise<BuiltImageManifest<ImageManifest | DockerManifest>>;
export async function buildManifest(
  options: BuildManifestOptions,
): Promise<BuiltImageManifest<ImageManifest | DockerManifest>> {
  checkArgument("options", options, "options");
  checkOptions(options, BUILD_MANIFEST_OPTIONS);
  const { mediaType = MEDIA_TYPES.ociManifest, artifactType, digestAlgorithm } = options;
  checkFormat(mediaType, options);
  const { config = artifactType ? EMPTY_CONFIG : undefined } = options;
  if (config === undefined) {
    throw new InvalidOptionError(
      "Cannot build a manifest as 'config' or 'artifactType' must be given: current value is undefined",
    );
  }
  if (config.mediaType === MEDIA_TYPES.ociEmpty && !artifactType) {
    throw new InvalidOptionError(
      "Cannot build a manifest as 'artifactType' must be given where the config is the empty one: " +
        "current value is undefined",
    );
  }
  const manifest = {
    schemaVersion: 2,
    mediaType,
    ...artifactMember(options),
    config: ordered(config, "config"),
    layers: orderedList(options.layers, "layers"),
    ...trailingMembers(options),
  } as ImageManifest | DockerManifest;
  const isEmpty = ({ digest }: Descriptor) => digest === EMPTY_CONFIG.digest;
  const contents = [config, ...manifest.layers].some(isEmpty)
    ? [{ descriptor: { ...EMPTY_CONFIG }, bytes: EMPTY_CONFIG_BYTES.slice() }]
    : [];
  return { ...await encodeManifest(manifest, { digestAlgorithm }), contents };
}

/**
 * Builds an index over manifests, byte for byte the same for equal options.
 *
 * @example
 * ```ts
 * import { buildIndex, buildManifest, choosePlatform } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const { descriptor } = await buildManifest({ artifactType: "text/plain", layers: [] });
 * const platform = { os: "linux", architecture: "arm64" };
 * const { manifest } = await buildIndex({ manifests: [{ ...descriptor, platform }] });
 * assertEquals(choosePlatform(manifest, "linux/arm64").digest, descriptor.digest);
 * ```
 *
 * @throws {InvalidOptionError} When a descriptor or the artifact type is malformed.
 */
export async function buildIndex(options: BuildIndexOptions): Promise<BuiltManifest<ImageIndex>> {
  checkArgument("options", options, "options");
  checkOptions(options, BUILD_INDEX_OPTIONS);
  const manifest: ImageIndex = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    ...artifactMember(options),
    manifests: orderedList(options.manifests, "manifests"),
    ...trailingMembers(options),
  };
  return await encodeManifest(manifest, { digestAlgorithm: options.digestAlgorithm });
}

function checkFormat(mediaType: string, options: BuildManifestOptions): void {
  if (mediaType === MEDIA_TYPES.ociManifest) return;
  if (mediaType !== MEDIA_TYPES.dockerManifest) {
    throw new InvalidOptionError(
      `Cannot build a manifest as 'mediaType' must be OCI's or Docker's: current value is ${
        quoted(mediaType)
      }`,
    );
  }
  for (const name of ["artifactType", "subject", "annotations"] as const) {
    if (options[name] !== undefined) {
      throw new InvalidOptionError(
        `Cannot build a manifest as '${name}' must be left out of Docker's format: ` +
          `current value is ${quoted(options[name])}`,
      );
    }
  }
}

/** RFC 6838's names, with parameters let through: some artifact types carry a version in one. */
const MEDIA_TYPE =
  /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}(?: *;.*)?$/i;

function artifactMember({ artifactType }: BuildOptions): { artifactType?: string } {
  if (artifactType === undefined) return {};
  if (MEDIA_TYPE.test(artifactType)) return { artifactType };
  throw new InvalidOptionError(
    `Cannot build a manifest as 'artifactType' must be a media type: current value is ${
      quoted(artifactType)
    }`,
  );
}

function trailingMembers(
  { subject, annotations }: BuildOptions,
): Pick<ImageManifest, "subject" | "annotations"> {
  return {
    ...(subject !== undefined && { subject: ordered(subject, "subject") }),
    ...(annotations !== undefined && Object.keys(annotations).length > 0 &&
      { annotations: checkAnnotations(annotations) }),
  };
}

function checkAnnotations(annotations: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(annotations)) {
    if (typeof value !== "string") {
      throw new InvalidOptionError(
        `Cannot build a manifest as 'annotations' must be an object of strings: ` +
          `current value of ${quoted(name)} is ${quoted(value)}`,
      );
    }
  }
  return { ...annotations };
}

function orderedList(descriptors: readonly Descriptor[], option: string): Descriptor[] {
  if (!Array.isArray(descriptors)) {
    throw new InvalidOptionError(
      `Cannot build a manifest as '${option}' must be a list of descriptors: current value is ${
        quoted(descriptors)
      }`,
    );
  }
  return descriptors.map((descriptor, i) => ordered(descriptor, `${option}[${i}]`));
}

/** A copy with its three required members first; the others follow in the order given. */
function ordered(value: Descriptor, option: string): Descriptor {
  try {
    checkDescriptor(value, option);
  } catch (cause) {
    throw new InvalidOptionError((cause as Error).message, { cause });
  }
  const { mediaType, digest, size, ...rest } = value;
  return { mediaType, digest, size, ...rest };
}
