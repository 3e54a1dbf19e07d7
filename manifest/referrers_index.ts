import { InvalidContentError } from "../errors.ts";
import { checkArgument } from "../content/check_argument.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { parseDigest } from "../content/digest.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { settleDescriptor } from "./check_fields.ts";
import type { ImageIndex, Manifest } from "./types.ts";
import { isIndex } from "./types.ts";

/** The fallback tag cuts a digest's two parts to these lengths, so that it is a valid tag. */
const TAG_ALGORITHM_LENGTH = 32;
const TAG_ENCODED_LENGTH = 64;

/**
 * The tag under which registries without a referrers API keep the index of what is attached to a
 * manifest.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema
 *
 * @example
 * ```ts
 * import { fallbackTag } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const hex = "0123456789abcdef".repeat(4);
 * assertEquals(fallbackTag(`sha256:${hex}`), `sha256-${hex}`);
 * ```
 *
 * @throws {InvalidDigestError} When the text is not a digest.
 */
export function fallbackTag(digest: string): string {
  const [algorithm, encoded] = parseDigest(digest).split(":") as [string, string];
  const tag = `${algorithm.slice(0, TAG_ALGORITHM_LENGTH)}-${encoded.slice(0, TAG_ENCODED_LENGTH)}`;
  return tag.replace(/[^a-zA-Z0-9._-]/g, "-");
}

/**
 * A manifest's entry in the list of its subject's referrers: the artifact type is its own, else its
 * config's media type; all its annotations come with it.
 *
 * @example
 * ```ts
 * import { buildManifest, referrerDescriptor } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const { manifest, descriptor } = await buildManifest({
 *   artifactType: "application/spdx+json",
 *   layers: [],
 *   annotations: { "org.example.by": "me" },
 * });
 * assertEquals(referrerDescriptor(manifest, descriptor).annotations, { "org.example.by": "me" });
 * ```
 */
export function referrerDescriptor(manifest: Manifest, descriptor: Descriptor): Descriptor {
  checkArgument("manifest", manifest, "manifest");
  checkArgument("descriptor", descriptor, "descriptor");
  const own = "artifactType" in manifest ? manifest.artifactType : undefined;
  const artifactType = own || (isIndex(manifest) ? undefined : manifest.config.mediaType);
  const annotations = "annotations" in manifest ? manifest.annotations : undefined;
  return {
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    ...(artifactType && { artifactType }),
    ...(annotations && Object.keys(annotations).length > 0 && { annotations: { ...annotations } }),
  };
}

/**
 * The index with one referrer more; without an index, a new one. When the referrer is in it already
 * this answers the very index that was given, so `===` tells that nothing need be written.
 *
 * @example
 * ```ts
 * import { addReferrer, EMPTY_CONFIG } from "@davit/registry-client";
 * import { assertEquals, assertStrictEquals } from "@std/assert";
 *
 * const index = addReferrer(undefined, EMPTY_CONFIG);
 * assertEquals(index.manifests, [EMPTY_CONFIG]);
 * assertStrictEquals(addReferrer(index, EMPTY_CONFIG), index);
 * ```
 */
export function addReferrer(index: ImageIndex | undefined, referrer: Descriptor): ImageIndex {
  checkArgument("referrer", referrer, "descriptor");
  if (index === undefined) {
    return { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [{ ...referrer }] };
  }
  checkArgument("index", index, "index");
  if (index.manifests.some(({ digest }) => digest === referrer.digest)) return index;
  return { ...index, manifests: [...index.manifests, { ...referrer }] };
}

/**
 * The index without a referrer; when it is not in it, the very index that was given.
 *
 * @example
 * ```ts
 * import { addReferrer, EMPTY_CONFIG, removeReferrer } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const index = addReferrer(undefined, EMPTY_CONFIG);
 * assertEquals(removeReferrer(index, EMPTY_CONFIG.digest).manifests, []);
 * ```
 */
export function removeReferrer(index: ImageIndex, digest: string): ImageIndex {
  checkArgument("index", index, "index");
  const manifests = index.manifests.filter((entry) => entry.digest !== digest);
  return manifests.length === index.manifests.length ? index : { ...index, manifests };
}

/**
 * The referrers of one type, or a copy of all where no type is given.
 *
 * @example
 * ```ts
 * import { EMPTY_CONFIG, filterReferrers } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(filterReferrers([EMPTY_CONFIG], "application/spdx+json"), []);
 * ```
 */
export function filterReferrers(
  referrers: readonly Descriptor[],
  artifactType?: string,
): Descriptor[] {
  checkArgument("referrers", referrers, "list");
  return [...referrers].filter((entry) => !artifactType || entry.artifactType === artifactType);
}

/**
 * The entries of a list of referrers as some writer left it: `null` is an empty list, a `null` among
 * annotations is left out, and `skip` is called for each entry that is no descriptor.
 *
 * @param of Whose list it is, for messages.
 * @throws {InvalidContentError} When it is no list.
 */
export function readReferrers(
  list: unknown,
  skip: (reason: string) => void,
  of?: string,
): Descriptor[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) {
    const whose = of === undefined ? "" : ` of ${of}`;
    throw new InvalidContentError(`Cannot read the referrers${whose}: manifests is not a list`);
  }
  return list.flatMap((entry, at) => {
    try {
      return [settleDescriptor(entry, `referrer ${at}`)];
    } catch (error) {
      skip((error as Error).message);
      return [];
    }
  });
}

/**
 * Whether an entry's artifact type says what it is: not where it is missing or empty, or a type that
 * registries and tools give to any artifact.
 */
export function saysItsType({ artifactType }: Descriptor): boolean {
  const { ociConfig, ociEmpty } = MEDIA_TYPES;
  return !!artifactType && artifactType !== ociConfig && artifactType !== ociEmpty;
}
