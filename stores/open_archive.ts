import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { ApiError, InvalidArchiveError, InvalidOptionError } from "../errors.ts";
import { type ArchiveBytes, archiveBytes, type ArchiveInput } from "./archive_bytes.ts";
import { ArchiveIndex, belowTop } from "./archive_index.ts";
import { type ArchiveLimits, DEFAULT_ARCHIVE_LIMITS } from "./archive_limits.ts";
import type { ArchiveFormat, ArchiveSource } from "./archive_source.ts";
import { DockerArchive } from "./docker_archive.ts";
import { OciArchive } from "./oci_archive.ts";

/** Options of {@linkcode openArchive}. */
export interface OpenArchiveOptions {
  /**
   * What to read it as, where it is both, as what Docker has saved since its version 25.
   * @default {"docker" where there is a `manifest.json`, else "oci"}
   */
  format?: ArchiveFormat;
  /** How much is read before it is given up. */
  limits?: ArchiveLimits;
  /** Ends the opening; it then throws the signal's reason. */
  signal?: AbortSignal;
}

const OPEN_ARCHIVE_OPTIONS: OptionNames<OpenArchiveOptions> = names("format limits signal");

/**
 * Opens a tar with images: an OCI layout, or what `docker save` makes. It is read in place, whole or a
 * part, by several readers at once, and never unpacked. Compressed with gzip or zstd, or a stream, it
 * goes to a temporary file first, which has no name and is gone with `close` or with the process.
 *
 * An image of `docker save` that has no manifest gets one, always the same for the same files:
 * {@linkcode ArchiveSource.madeManifests}.
 *
 * @throws {InvalidArchiveError} When it is no such tar, is broken or cut.
 * @throws {UnsafePathError} When a name in it leads out of it.
 * @throws {ContentNotFoundError} When there is no such file.
 * @throws {LimitError} When it has more of anything than the limits.
 * @throws {UnsupportedRuntimeError} When it needs zstd, and this is Node before 22.15 or a browser.
 *
 * @example
 * ```ts
 * import { createArchive, openArchive } from "@davit/registry-client/stores";
 * import { buildManifest } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile({ suffix: ".tar" });
 * const { descriptor, bytes } = await buildManifest({ artifactType: "text/plain", layers: [] });
 * const made = await createArchive(path, { format: "oci" });
 * await made.write(descriptor, bytes);
 * await made.tag(descriptor, "1.0");
 * await made.close();
 *
 * const archive = await openArchive(path);
 * assertEquals((await archive.resolve("1.0")).digest, descriptor.digest);
 * await archive.close();
 * await Deno.remove(path);
 * ```
 */
export async function openArchive(
  input: ArchiveInput,
  options: OpenArchiveOptions = {},
): Promise<ArchiveSource> {
  checkOptions(options, OPEN_ARCHIVE_OPTIONS);
  checkOptions(options.limits, DEFAULT_ARCHIVE_LIMITS, "limits");
  const { format, signal } = options;
  if (format !== undefined && format !== "oci" && format !== "docker") {
    throw new InvalidOptionError(
      `Cannot open the archive as 'format' must be "oci" or "docker": current value is ${format}`,
    );
  }
  const limits = { ...DEFAULT_ARCHIVE_LIMITS, ...options.limits };
  signal?.throwIfAborted();
  try {
    return await openBytes(await archiveBytes(input, limits, signal), format, limits, signal);
  } catch (cause) {
    if (typeof input !== "string" || !(cause instanceof InvalidArchiveError)) throw cause;
    throw new InvalidArchiveError(`Cannot open ${input}: ${cause.message}`, { cause });
  }
}

async function openBytes(
  bytes: ArchiveBytes,
  format: ArchiveFormat | undefined,
  limits: Required<ArchiveLimits>,
  signal: AbortSignal | undefined,
): Promise<ArchiveSource> {
  const close = () => bytes.close();
  try {
    const index = await ArchiveIndex.read(bytes, limits, signal);
    const has = (name: string) => index.find(name) !== undefined;
    const isDocker = has("manifest.json");
    if (format === "oci" || (format === undefined && !isDocker && has("index.json"))) {
      return await OciArchive.read(index, limits, close);
    }
    if (!isDocker) throw new InvalidArchiveError(`Cannot read the archive: ${missing(index)}`);
    const layout = has("index.json") ? await layoutInside(index, limits) : undefined;
    return await DockerArchive.read(index, layout, limits, close);
  } catch (error) {
    await close();
    throw error;
  }
}

/** `manifest.json` says what is there; a broken layout beside it changes nothing. */
async function layoutInside(
  index: ArchiveIndex,
  limits: Required<ArchiveLimits>,
): Promise<OciArchive | undefined> {
  try {
    return await OciArchive.read(index, limits, () => Promise.resolve());
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

/** What a tar without `manifest.json` is instead. */
function missing(index: ArchiveIndex): string {
  const names = new Set([...index.names()].map((name) => name.split("/")[0]!));
  if (names.has("index.json")) return "it has no manifest.json: it is an OCI layout";
  if (names.has("oci-layout") || names.has("blobs")) {
    return "it is an OCI layout that has no index.json";
  }
  if (names.has("repositories")) {
    return "it has no manifest.json: Docker before 1.10 saved it; load it there and save it again";
  }
  if (["bin", "etc", "usr"].some((name) => names.has(name))) {
    return "it has no manifest.json: it is a file system, as `docker export` makes it, and no image";
  }
  return `it has neither manifest.json nor index.json${belowTop(index)}`;
}
