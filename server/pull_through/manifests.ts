import type { Bytes } from "../../content/bytes.ts";
import { type Digest, hashAlgorithm, isDigest } from "../../content/digest.ts";
import { digestOf } from "../../content/digest_of.ts";
import { isManifestMediaType } from "../../content/media_types.ts";
import { pieceReader, readAll } from "../../content/piece_reader.ts";
import type { ContentSource } from "../../content/store.ts";
import { BadDigestError } from "../../errors.ts";
import { childrenOf } from "../../manifest/children.ts";
import { parseManifest } from "../../manifest/parse_manifest.ts";
import { isIndex } from "../../manifest/types.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import type { Tag } from "../../reference/tag.ts";
import type { RegistryBackend, StoredManifest } from "../backends/backend.ts";
import { readManifest } from "../read_manifest.ts";
import { Refusal } from "../refusal.ts";
import type { UpstreamBlobs } from "./blobs.ts";
import { Flights, RecentMap } from "../../content/recent.ts";
import { Revalidation, type RevalidationOptions } from "./revalidation.ts";
import { ask, UnknownRepository, UpstreamRefusal } from "./upstream.ts";

/** Manifests whose blobs have been remembered: a digest is some 100 bytes. */
const MANIFESTS_READ = 10_000;

/** Options of {@linkcode UpstreamManifests}. */
interface UpstreamManifestsOptions extends RevalidationOptions {
  /** Whether manifests and tags are pushed here too. */
  pushes: boolean;
  /** The largest manifest, in bytes. */
  manifestLimit: number;
}

/** Manifests that come from an upstream when they are asked for. */
export class UpstreamManifests {
  readonly #backend: RegistryBackend;
  readonly #blobs: UpstreamBlobs;
  readonly #options: UpstreamManifestsOptions;
  readonly #tags: Revalidation<StoredManifest>;
  readonly #flights = new Flights<StoredManifest | undefined>();
  readonly #read = new RecentMap<string, true>(MANIFESTS_READ);

  /** Manifests that a backend keeps. */
  constructor(backend: RegistryBackend, blobs: UpstreamBlobs, options: UpstreamManifestsOptions) {
    this.#backend = backend;
    this.#blobs = blobs;
    this.#options = options;
    this.#tags = new Revalidation(options);
  }

  /** What a digest names: it never changes, so that the upstream is asked for it once. */
  async byDigest(
    repository: RepositoryName,
    digest: Digest,
    source: ContentSource,
  ): Promise<StoredManifest | undefined> {
    const cached = await this.#backend.manifest(repository, digest);
    if (cached !== undefined) {
      this.#remember(repository, cached);
      return cached;
    }
    return await this.#flights.run(
      `${repository}@${digest}`,
      () => this.#fetch(repository, digest, source),
    );
  }

  /** What a tag names at the upstream: asked for again after a time. */
  async byTag(
    repository: RepositoryName,
    tag: Tag,
    source: ContentSource,
    warn: (text: string) => void,
  ): Promise<StoredManifest | undefined> {
    const cached = await this.#backend.manifest(repository, tag);
    if (cached !== undefined) this.#remember(repository, cached);
    return await this.#tags.answer(`${repository}:${tag}`, { kept: cached }, async (signal) => {
      let unknown: UnknownRepository | undefined;
      const named = await ask(() => source.resolve(tag, { ...(signal && { signal }) }))
        .catch((error) => {
          if (!(error instanceof UnknownRepository)) throw error;
          unknown = error;
        });
      if (named !== undefined && named.digest === cached?.digest) return cached;
      const manifest = isDigest(named?.digest)
        ? await this.byDigest(repository, named.digest, source)
        : undefined;
      if (manifest !== undefined) {
        await this.#backend.putManifest(repository, manifest, [tag]);
        return manifest;
      }
      if (this.#options.pushes) return cached; // it may have been pushed here
      await this.#backend.deleteTag(repository, tag);
      if (unknown !== undefined) throw unknown;
      return undefined;
    }, warn);
  }

  async #fetch(
    repository: RepositoryName,
    digest: Digest,
    source: ContentSource,
  ): Promise<StoredManifest | undefined> {
    const { manifestLimit } = this.#options;
    // What an index says of it is not used: it may say another type than the manifest itself.
    const descriptor = await ask(() => source.resolve(digest));
    if (descriptor === undefined) return undefined;
    const isKnown = isManifestMediaType(descriptor.mediaType);
    if (!isKnown && descriptor.size > manifestLimit) return undefined; // a blob
    const manifest = await ask(async () => {
      const bytes = await readAll(pieceReader(await source.open(descriptor)), {
        name: "manifestLimit",
        bytes: manifestLimit,
        what: "the upstream's manifest",
      });
      await verify(digest, bytes);
      const known = isKnown
        ? facts(bytes, digest, descriptor.mediaType)
        : factsByBody(bytes, digest);
      return known && { digest, bytes, ...known };
    });
    if (manifest === undefined) return undefined;
    await this.#backend.putManifest(repository, manifest, []);
    this.#remember(repository, manifest);
    return manifest;
  }

  #remember(repository: RepositoryName, { digest, bytes, contentType }: StoredManifest): void {
    const key = `${repository}@${digest}`;
    if (this.#read.get(key)) return;
    this.#read.set(key, true);
    try {
      const { manifest } = parseManifest(bytes, { mediaType: contentType });
      if (isIndex(manifest)) return;
      for (const child of childrenOf(manifest)) this.#blobs.remember(repository, child);
    } catch {
      // Of another type, pushed here: nothing is known of what it needs.
    }
  }
}

async function verify(digest: Digest, bytes: Bytes): Promise<void> {
  const actual = await digestOf(bytes, hashAlgorithm(digest));
  if (actual === digest) return;
  throw new BadDigestError(
    `Cannot verify ${digest}: the upstream's bytes have the digest ${actual}`,
    { expected: digest, actual },
  );
}

/**
 * The same where the upstream says no type of manifests: of static servers and old caches, and of
 * types that are not known here. Its bytes say what it is; `undefined` where that is no manifest.
 */
function factsByBody(bytes: Bytes, digest: Digest): ReturnType<typeof facts> | undefined {
  try {
    const { contentType, referrer } = readManifest(bytes, digest, null);
    return { contentType, ...(referrer && { referrer }) };
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** What a registry must know of it; that it is refused here is the upstream's fault. */
function facts(
  bytes: Bytes,
  digest: Digest,
  mediaType: string,
): Pick<StoredManifest, "contentType" | "referrer"> {
  try {
    const { contentType, referrer } = readManifest(bytes, digest, mediaType);
    return { contentType, ...(referrer && { referrer }) };
  } catch (cause) {
    throw new UpstreamRefusal(cause);
  }
}
