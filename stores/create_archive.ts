import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Bytes } from "../content/bytes.ts";
import { InvalidOptionError } from "../errors.ts";
import { type ArchiveLimits, DEFAULT_ARCHIVE_LIMITS } from "./archive_limits.ts";
import { pathOutput, spooledOutput, StreamOutput } from "./archive_output.ts";
import type { ArchiveFormat } from "./archive_source.ts";
import type { ArchiveStore } from "./archive_store.ts";
import { DockerArchiveStore } from "./docker_archive_store.ts";
import { OciArchiveStore } from "./oci_archive_store.ts";

/** Options of {@linkcode createArchive}. */
export interface CreateArchiveOptions {
  /** An OCI layout in a tar, or what `docker load` reads. */
  format: ArchiveFormat;
  /** What a compressed layer may come to, which a docker-archive holds unpacked. */
  limits?: Pick<ArchiveLimits, "maxBytes" | "maxRatio">;
}

const CREATE_ARCHIVE_OPTIONS: OptionNames<CreateArchiveOptions> = names("format limits");

/**
 * Makes a tar with images, as a store that is written to: content goes into it as it comes, one after
 * the other, and `close` writes `index.json` or `manifest.json` and publishes it.
 *
 * To a path it is written as a temporary file beside it, which takes its name at the end; until then
 * what was written can be read again, and a write that fails leaves no trace. To a stream an OCI
 * layout goes out as it is written: only manifests can be read again, and content of more than a
 * mebibyte that fails in the middle breaks the archive. What `docker load` reads goes to a temporary
 * file without a name first, as the size of what is unpacked stands before it.
 *
 * A `docker load` archive holds images alone: an index or an artifact is refused. Its layers are not
 * compressed, so that an image's manifest has another digest when it is read back. Of the names full
 * ones alone are written (`app:1.0`): with a tag alone the image has no name.
 *
 * @throws {InvalidOptionError} When the format is none of the two.
 * @throws {StorageError} When the disk is full or read-only, or the path a folder's or a device's.
 *
 * @example
 * ```ts
 * import { createArchive } from "@davit/registry-client/stores";
 * import { buildManifest } from "@davit/registry-client";
 * import { assert } from "@std/assert";
 *
 * const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
 * const bytes = new Response(readable).bytes();
 * const archive = await createArchive(writable, { format: "oci" });
 * const { descriptor, bytes: manifest } = await buildManifest({
 *   artifactType: "text/plain",
 *   layers: [],
 * });
 * await archive.write(descriptor, manifest);
 * await archive.tag(descriptor, "1.0");
 * await archive.close();
 * assert((await bytes).length % 512 === 0);
 * ```
 */
export async function createArchive(
  output: string | WritableStream<Bytes>,
  options: CreateArchiveOptions,
): Promise<ArchiveStore> {
  checkArgument("output", output, "output");
  checkArgument("options", options, "options");
  checkOptions(options, CREATE_ARCHIVE_OPTIONS);
  checkOptions(options.limits, DEFAULT_ARCHIVE_LIMITS, "limits");
  const { format } = options;
  if (format !== "oci" && format !== "docker") {
    throw new InvalidOptionError(
      `Cannot create the archive as 'format' must be "oci" or "docker": current value is ${format}`,
    );
  }
  if (format === "oci") {
    return new OciArchiveStore(
      typeof output === "string" ? await pathOutput(output) : new StreamOutput(output),
    );
  }
  return new DockerArchiveStore(
    typeof output === "string" ? await pathOutput(output) : await spooledOutput(output),
    { ...DEFAULT_ARCHIVE_LIMITS, ...options.limits },
  );
}
