import type { Descriptor } from "../../content/descriptor.ts";
import { type Digest, isDigest } from "../../content/digest.ts";
import { MEDIA_TYPES } from "../../content/media_types.ts";
import type { ContentSource } from "../../content/store.ts";
import { isTag } from "../../reference/tag.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import type { Page, PageRequest, RegistryBackend } from "../backends/backend.ts";
import { SortedNames } from "../backends/sorted_names.ts";
import { RecentMap } from "../../content/recent.ts";
import { Revalidation, type RevalidationOptions } from "./revalidation.ts";
import { ask, UnknownRepository } from "./upstream.ts";

/** Lists that are kept: one of 10,000 tags is about a megabyte. */
const LISTS_KEPT = 100;

/** How many of a backend's own tags are read at a time. */
const OWN_PAGE = 1_000;

/** A repository that neither side has: nothing to list. */
function nothingIfUnknown(error: unknown): undefined {
  if (!(error instanceof UnknownRepository)) throw error;
}

/** The lists of an upstream: kept for a time, since a client reads them a page at a time. */
export class UpstreamLists {
  readonly #backend: RegistryBackend;
  readonly #pushes: boolean;
  readonly #tagAges: Revalidation<SortedNames>;
  readonly #tags = new RecentMap<string, SortedNames>(LISTS_KEPT);
  readonly #referrerAges: Revalidation<readonly Descriptor[]>;
  readonly #referrers = new RecentMap<string, readonly Descriptor[]>(LISTS_KEPT);

  /** Lists beside those of a backend. */
  constructor(backend: RegistryBackend, options: RevalidationOptions & { pushes: boolean }) {
    this.#backend = backend;
    this.#pushes = options.pushes;
    this.#tagAges = new Revalidation(options);
    this.#referrerAges = new Revalidation(options);
  }

  /**
   * The upstream's tags, and where pushes are taken the backend's own.
   *
   * @throws {UnknownRepository} When the upstream does not have the repository.
   */
  async tags(
    repository: RepositoryName,
    page: PageRequest,
    source: ContentSource,
    warn: (text: string) => void,
  ): Promise<Page<string>> {
    if (source.tags === undefined) return await this.#backend.tags(repository, page);
    const kept = this.#tags.get(repository);
    const fallback = kept ?? await this.#ownTags(repository);
    const names = await this.#tagAges.answer(repository, { kept, fallback }, async (signal) => {
      const list = await ask(async () => {
        const list = new SortedNames();
        for await (const tag of source.tags!({ ...(signal && { signal }) })) {
          if (isTag(tag)) list.add(tag); // Artifactory lists digests, Nexus nulls
        }
        return list;
      }).catch(nothingIfUnknown);
      if (list === undefined) {
        this.#tags.delete(repository);
        throw new UnknownRepository();
      }
      this.#tags.set(repository, list);
      return list;
    }, warn);
    const other = names?.page(page) ?? { items: [], more: false };
    if (!this.#pushes) return other;
    const own = await this.#backend.tags(repository, page);
    const items = [...new Set([...own.items, ...other.items])].sort();
    return {
      items: items.slice(0, page.limit),
      more: own.more || other.more || items.length > page.limit,
    };
  }

  /** The upstream's referrers and the backend's own, in the order of their digests. */
  async referrers(
    repository: RepositoryName,
    subject: Digest,
    source: ContentSource,
    warn: (text: string) => void,
  ): Promise<Descriptor[]> {
    const own = await this.#backend.referrers(repository, subject);
    if (source.referrers === undefined) return own;
    const key = `${repository}@${subject}`;
    const kept = this.#referrers.get(key);
    const fallback = kept ?? (own.length > 0 ? own : undefined);
    const listed = await this.#referrerAges.answer(key, { kept, fallback }, async (signal) => {
      const descriptor = await this.#subject(repository, subject);
      const list = await ask(async () => {
        const list: Descriptor[] = [];
        const referrers = source.referrers!(descriptor, { ...(signal && { signal }) });
        for await (const referrer of referrers) {
          if (isDigest(referrer.digest)) list.push(referrer);
        }
        return list;
      }).catch(nothingIfUnknown) ?? [];
      this.#referrers.set(key, list);
      return list;
    }, warn) ?? [];
    const all = new Map([...listed, ...own].map((descriptor) => [descriptor.digest, descriptor]));
    return [...all.values()].sort((a, b) => a.digest < b.digest ? -1 : 1);
  }

  /** Sources find referrers by the subject's digest; the rest is what is known of it. */
  async #subject(repository: RepositoryName, digest: Digest): Promise<Descriptor> {
    const manifest = await this.#backend.manifest(repository, digest);
    return {
      mediaType: manifest?.contentType ?? MEDIA_TYPES.ociManifest,
      digest,
      size: manifest?.bytes.byteLength ?? 0,
    };
  }

  /** The tags that the backend has, where it has some: what is left when the upstream is down. */
  async #ownTags(repository: RepositoryName): Promise<SortedNames | undefined> {
    const names = new SortedNames();
    let page = await this.#backend.tags(repository, { limit: OWN_PAGE });
    if (page.items.length === 0) return undefined;
    for (;;) {
      for (const tag of page.items) names.add(tag);
      if (!page.more) return names;
      page = await this.#backend.tags(repository, { after: page.items.at(-1)!, limit: OWN_PAGE });
    }
  }
}
