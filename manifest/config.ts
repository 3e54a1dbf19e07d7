import { type Bytes, encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";

/** How a container of the image is run, as far as the image says. */
export interface ImageRunConfig {
  /** The user, `name` or `uid`, with `:group` where it is stated. */
  User?: string;
  /** Ports such as `80/tcp`. */
  ExposedPorts?: Record<string, Record<string, never>>;
  /** Variables as `NAME=value`. */
  Env?: string[];
  /** The program, and its first arguments. */
  Entrypoint?: string[];
  /** Further arguments; the program too, where there is no entry point. */
  Cmd?: string[];
  /** Folders for data that the container writes. */
  Volumes?: Record<string, Record<string, never>>;
  /** The folder to start in. */
  WorkingDir?: string;
  /** Arbitrary names and values. */
  Labels?: Record<string, string>;
  /** The signal that asks the program to end, such as `SIGTERM`. */
  StopSignal?: string;
}

/** How one layer came to be. */
export interface ImageHistory {
  /** When, as RFC 3339 has it. */
  created?: string;
  /** Who made it. */
  author?: string;
  /** The command. */
  created_by?: string;
  /** A remark. */
  comment?: string;
  /** Whether the step made no layer. */
  empty_layer?: boolean;
}

/**
 * An image's configuration: what its manifest's `config` points to.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md
 */
export interface ImageConfig {
  /** When the image was made, as RFC 3339 has it. */
  created?: string;
  /** Who made it. */
  author?: string;
  /** The processor, as Go names it. */
  architecture: string;
  /** The operating system, as Go names it. */
  os: string;
  /** The operating system's version. */
  "os.version"?: string;
  /** Features that the operating system must have. */
  "os.features"?: string[];
  /** The processor's variant. */
  variant?: string;
  /** How a container is run. */
  config?: ImageRunConfig;
  /** The layers' contents. */
  rootfs: {
    /** Always `layers`. */
    type: "layers";
    /** The digests of the layers, uncompressed, the base first. */
    diff_ids: string[];
  };
  /** How the layers came to be, the first one first. */
  history?: ImageHistory[];
}

/**
 * The JSON of an image's configuration, members in the order they have, and its descriptor.
 *
 * @example
 * ```ts
 * import { buildImageConfig, buildManifest } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const config = await buildImageConfig({
 *   architecture: "amd64",
 *   os: "linux",
 *   rootfs: { type: "layers", diff_ids: [] },
 * });
 * const { manifest } = await buildManifest({ config: config.descriptor, layers: [] });
 * assertEquals(manifest.config.size, config.bytes.byteLength);
 * ```
 */
export async function buildImageConfig(
  config: ImageConfig,
): Promise<{ bytes: Bytes; descriptor: Descriptor }> {
  const bytes = encodeText(JSON.stringify(config));
  return { bytes, descriptor: await describeBytes(bytes, MEDIA_TYPES.ociConfig) };
}
