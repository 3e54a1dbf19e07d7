import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Bytes } from "../content/bytes.ts";
import type { Descriptor, Platform } from "../content/descriptor.ts";
import { parseDigest } from "../content/digest.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { pieceReader, readAll } from "../content/piece_reader.ts";
import { type ContentSource, STORE_OPTIONS, type StoreOptions } from "../content/store.ts";
import { verifyingStream } from "../content/verifying_stream.ts";
import { SizeMismatchError } from "../errors.ts";
import { namedFailure } from "./named_failure.ts";
import { parseManifest } from "./parse_manifest.ts";
import { isIndex, type Manifest } from "./types.ts";

/** Manifests are read into memory. */
const LIMIT = {
  name: "manifestBytes",
  bytes: DEFAULT_LIMITS.manifestBytes,
  what: "the manifest",
};

/** Options of {@linkcode readManifest}. */
export interface ReadManifestOptions extends StoreOptions {
  /**
   * Whether the size must be the descriptor's. Lists of referrers have had wrong ones in them: there
   * the digest decides.
   * @default {false}
   */
  exactSize?: boolean;
  /** Follow an index, and indexes in it, to the one image for this platform: `"linux/arm64"`. */
  platform?: string | Platform;
}

const READ_MANIFEST_OPTIONS: OptionNames<ReadManifestOptions> = names(
  "exactSize platform",
  STORE_OPTIONS,
);

/** A manifest as it was read from a store. */
export interface StoredManifest {
  /** What names it: of an image in an index, the index's entry. */
  descriptor: Descriptor;
  /** What it says. */
  manifest: Manifest;
  /** Its bytes: the digest is theirs. */
  bytes: Bytes;
  /** How many there are. */
  size: number;
}

/**
 * A manifest of a store, verified here whatever the store does.
 *
 * @throws {ContentNotFoundError} When the store does not have it.
 * @throws {BadDigestError} When its bytes have another digest.
 * @throws {SizeMismatchError} When its size is another one, with `exactSize`.
 * @throws {InvalidManifestError} When it is no manifest.
 * @throws {ManifestVerificationError} When it says two things.
 * @throws {ContentNotFoundError} When an index has no image for the `platform`.
 * @throws {LimitError} When that is behind more than 16 indexes, one in the other.
 *
 * @example
 * ```ts
 * import { buildManifest, isIndex, readManifest } from "@davit/registry-client";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryStore();
 * const built = await buildManifest({ artifactType: "text/plain", layers: [] });
 * await store.write(built.descriptor, built.bytes);
 *
 * const { manifest, bytes } = await readManifest(store, built.descriptor);
 * assertEquals(isIndex(manifest), false);
 * assertEquals(bytes, built.bytes);
 * ```
 */
export async function readManifest(
  store: ContentSource,
  descriptor: Descriptor,
  options: ReadManifestOptions = {},
): Promise<StoredManifest> {
  checkOptions(options, READ_MANIFEST_OPTIONS);
  checkArgument("store", store, "source");
  checkArgument("descriptor", descriptor, "descriptor");
  const { exactSize = false, platform, signal } = options;
  const ending = signal && { signal };
  const read = async (found: Descriptor) => {
    const bytes = await readVerified(store, found, { ...ending });
    try {
      const { manifest } = parseManifest(bytes, { descriptor: found });
      return { descriptor: found, manifest, bytes, size: bytes.byteLength };
    } catch (error) {
      throw namedFailure(error, found.digest);
    }
  };
  const readSized = async (named: Descriptor) => {
    try {
      return await read(named);
    } catch (error) {
      if (exactSize || !(error instanceof SizeMismatchError)) throw error;
      const { size } = await store.resolve(named.digest, ending);
      if (size === named.size) throw error;
      return await read({ ...named, size });
    }
  };
  const found = await readSized(descriptor);
  if (platform === undefined || !isIndex(found.manifest)) return found;
  const { followPlatform } = await import("./choosing.ts"); // few name one
  return await followPlatform(found, platform, (digest = descriptor.digest) => digest, readSized);
}

/** The bytes of a manifest, of whatever type, verified here. */
export async function readVerified(
  store: ContentSource,
  descriptor: Descriptor,
  options: StoreOptions,
): Promise<Bytes> {
  const { digest, size } = descriptor;
  const reader = pieceReader(await store.open(descriptor, { ...options, verify: false }));
  const stream = await verifyingStream(reader, { digest: parseDigest(digest), size }, options);
  return await readAll(pieceReader(stream), LIMIT, Math.min(size, LIMIT.bytes));
}

/** The descriptor itself, or what a tag or digest names. */
export async function resolved(
  store: ContentSource,
  named: Descriptor | string,
  options: StoreOptions,
  name: string,
): Promise<Descriptor> {
  if (typeof named === "string") return await store.resolve(named, options);
  checkArgument(name, named, "named");
  return named;
}
