import type { Bytes } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, hashAlgorithm, parseDigest } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { isManifestMediaType } from "../content/media_types.ts";
import type { ReferrersOptions } from "../content/store.ts";
import { ApiError } from "../errors.ts";
import { childrenOf, subjectOf } from "../manifest/children.ts";
import { manifestObject } from "../manifest/manifest_object.ts";
import { settleManifest } from "../manifest/parse_manifest.ts";
import { filterReferrers, readReferrers, referrerDescriptor } from "../manifest/referrers_index.ts";
import type { Manifest } from "../manifest/types.ts";
import type { LayoutSource } from "./read_index.ts";

/** How many manifests are read at once. */
const READS_AT_ONCE = 16;

/** What is known of a manifest, whose digest says that it never changes. */
interface KnownManifest {
  /** The digest of what it is attached to. */
  readonly subject: string | undefined;
  /** It, as it stands in a list of referrers. */
  readonly referrer: Descriptor;
  /** The manifests that it is made of. */
  readonly children: readonly Descriptor[];
}

/** What manifests are read from. */
type LayoutBlobs = Pick<LayoutSource, "size" | "read">;

/** The manifests of a layout: each is read, verified and parsed once. */
export class LayoutManifests {
  readonly #files: LayoutBlobs;
  readonly #known = new Map<string, KnownManifest>();

  /** The manifests among a layout's blobs. */
  constructor(files: LayoutBlobs) {
    this.#files = files;
  }

  /** A manifest's bytes, verified; `undefined` for what is too large to be one, or not here. */
  async read(digest: Digest): Promise<Bytes | undefined> {
    const size = await this.#files.size(digest);
    if (size === undefined || size > DEFAULT_LIMITS.manifestBytes) return undefined;
    const bytes = await this.#files.read(digest);
    return bytes && await digestOf(bytes, hashAlgorithm(digest)) === digest ? bytes : undefined;
  }

  /** What a manifest says; `undefined` where it is none, or cannot be read. */
  async know({ mediaType, digest, size }: Descriptor): Promise<KnownManifest | undefined> {
    if (!isManifestMediaType(mediaType)) return undefined;
    const key = `${digest} ${mediaType}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    try {
      const bytes = await this.read(parseDigest(digest));
      if (bytes === undefined) return undefined;
      const object = manifestObject(bytes);
      // One broken entry of a list of referrers hides none of the others.
      if ("manifests" in object) object.manifests = readReferrers(object.manifests, () => {});
      settleManifest(object, { mediaType });
      const manifest = object as unknown as Manifest;
      const found = {
        subject: subjectOf(manifest)?.digest,
        referrer: referrerDescriptor(manifest, { mediaType, digest, size }),
        children: childrenOf(manifest).filter((child) => isManifestMediaType(child.mediaType)),
      };
      this.#known.set(key, found);
      return found;
    } catch (error) {
      if (error instanceof ApiError) return undefined;
      throw error;
    }
  }

  /**
   * The manifests attached to one, among those listed and what they are made of: some programs keep
   * referrers in an index of their own, under the fallback tag.
   */
  async *referrers(
    listed: readonly Descriptor[],
    subject: string,
    { artifactType, signal }: ReferrersOptions = {},
  ): AsyncGenerator<Descriptor> {
    const left = [...listed];
    const seen = new Set<string>();
    for (let at = 0; at < left.length;) {
      signal?.throwIfAborted();
      const some = left.slice(at, at + READS_AT_ONCE);
      at += some.length;
      const unseen = some.filter(({ digest }) => !seen.has(digest) && seen.add(digest));
      for (const known of await Promise.all(unseen.map((each) => this.know(each)))) {
        if (known === undefined) continue;
        for (const child of known.children) left.push(child);
        if (known.subject !== subject) continue;
        const { referrer } = known;
        if (await this.#files.size(referrer.digest as Digest) === referrer.size) {
          yield* filterReferrers([structuredClone(referrer)], artifactType);
        }
      }
    }
  }
}
