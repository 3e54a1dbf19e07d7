import type { Descriptor } from "../../content/descriptor.ts";
import { type Digest, isDigest } from "../../content/digest.ts";
import type { ContentSource } from "../../content/store.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import type { Tag } from "../../reference/tag.ts";
import type {
  BackendUpload,
  Page,
  PageRequest,
  RegistryBackend,
  StoredBlob,
  StoredManifest,
} from "../backends/backend.ts";
import { Refusal } from "../refusal.ts";
import { UpstreamBlobs } from "./blobs.ts";
import { UpstreamLists } from "./lists.ts";
import { UpstreamManifests } from "./manifests.ts";
import { sourceOf, UnknownRepository, type Upstream } from "./upstream.ts";

/** How a registry pulls through. */
export interface PullThroughOptions {
  /** What stands behind it. */
  upstream: Upstream;
  /** Where everything is kept. */
  backend: RegistryBackend;
  /** How long a tag or a list is good for, in milliseconds. */
  revalidateAfter: number;
  /** How long the upstream may think while there is something cached, in milliseconds. */
  patience?: number;
  /** Whether repositories with an upstream are pushed to, too. */
  pushes: boolean;
  /** The largest manifest, in bytes. */
  manifestLimit: number;
  /** The time, in milliseconds. */
  now: () => number;
  /** Called with the reason when the upstream fails. */
  onError: (error: unknown) => void;
}

interface Shared {
  readonly options: PullThroughOptions;
  readonly blobs: UpstreamBlobs;
  readonly manifests: UpstreamManifests;
  readonly lists: UpstreamLists;
  /** Tags that were pushed here: `repository:tag`. The upstream's do not replace them. */
  readonly pushed: Set<string>;
}

/**
 * A backend that fills itself from an upstream: what it does not have is fetched when it is asked
 * for, verified, and kept.
 */
export class PullThroughBackend implements RegistryBackend {
  readonly #backend: RegistryBackend;
  readonly #shared: Shared;
  readonly #warn: (text: string) => void;

  /** A backend in front of an upstream; `warn` is called when what it answers may be out of date. */
  constructor(options: PullThroughOptions | Shared, warn: (text: string) => void = () => {}) {
    this.#shared = "options" in options ? options : share(options);
    this.#backend = this.#shared.options.backend;
    this.#warn = warn;
  }

  /** The same backend for one request, whose warnings go with its response. */
  warning(warn: (text: string) => void): PullThroughBackend {
    return new PullThroughBackend(this.#shared, warn);
  }

  /**
   * Checks that a repository may be changed: one that stands for an upstream's may not, unless
   * pushes are taken.
   *
   * @throws {Refusal} 405 when it may not.
   */
  checkChange(repository: RepositoryName): void {
    if (this.#shared.options.pushes || this.#source(repository) === undefined) return;
    throw new Refusal(
      405,
      "UNSUPPORTED",
      `Cannot change ${repository}: it is filled from an upstream, and can only be pulled from`,
      { headers: { allow: "GET, HEAD" } },
    );
  }

  async hasRepository(repository: RepositoryName): Promise<boolean> {
    // The upstream tells whether it has it with the first thing that is asked of it.
    return this.#source(repository) !== undefined || await this.#backend.hasRepository(repository);
  }

  repositories(page: PageRequest): Promise<Page<string>> {
    return this.#backend.repositories(page);
  }

  async blob(
    repository: RepositoryName,
    digest: Digest,
    options?: { verified?: boolean },
  ): Promise<StoredBlob | undefined> {
    const source = this.#source(repository);
    if (source === undefined) return await this.#backend.blob(repository, digest, options);
    return await this.#orOwn(
      this.#shared.blobs.blob(repository, digest, source),
      () => this.#backend.blob(repository, digest, options),
    );
  }

  blobRepositories(digest: Digest): Promise<RepositoryName[]> {
    return this.#backend.blobRepositories(digest);
  }

  linkBlob(repository: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean> {
    return this.#backend.linkBlob(repository, digest, from);
  }

  deleteBlob(repository: RepositoryName, digest: Digest): Promise<boolean> {
    return this.#backend.deleteBlob(repository, digest);
  }

  async manifest(
    repository: RepositoryName,
    reference: Tag | Digest,
  ): Promise<StoredManifest | undefined> {
    const source = this.#source(repository);
    const { manifests, pushed } = this.#shared;
    if (source === undefined || pushed.has(`${repository}:${reference}`)) {
      const own = await this.#backend.manifest(repository, reference);
      if (source === undefined || own !== undefined) return own;
    }
    return await this.#orOwn(
      isDigest(reference)
        ? manifests.byDigest(repository, reference, source)
        : manifests.byTag(repository, reference, source, this.#warn),
      () => this.#backend.manifest(repository, reference),
    );
  }

  async putManifest(
    repository: RepositoryName,
    manifest: StoredManifest,
    tags: readonly Tag[],
  ): Promise<void> {
    await this.#backend.putManifest(repository, manifest, tags);
    if (this.#source(repository) === undefined) return;
    for (const tag of tags) this.#shared.pushed.add(`${repository}:${tag}`);
  }

  async deleteManifest(repository: RepositoryName, digest: Digest): Promise<boolean> {
    return await this.#backend.deleteManifest(repository, digest);
  }

  async deleteTag(repository: RepositoryName, tag: Tag): Promise<boolean> {
    this.#shared.pushed.delete(`${repository}:${tag}`);
    return await this.#backend.deleteTag(repository, tag);
  }

  async tags(repository: RepositoryName, page: PageRequest): Promise<Page<string>> {
    const source = this.#source(repository);
    if (source === undefined) return await this.#backend.tags(repository, page);
    return await this.#orOwn(
      this.#shared.lists.tags(repository, page, source, this.#warn),
      () => this.#backend.tags(repository, page),
    );
  }

  async referrers(repository: RepositoryName, subject: Digest): Promise<Descriptor[]> {
    const source = this.#source(repository);
    if (source === undefined) return await this.#backend.referrers(repository, subject);
    return await this.#shared.lists.referrers(repository, subject, source, this.#warn);
  }

  createUpload(repository: RepositoryName): Promise<BackendUpload> {
    return this.#backend.createUpload(repository);
  }

  upload(repository: RepositoryName, id: string): Promise<BackendUpload | undefined> {
    return this.#backend.upload(repository, id);
  }

  /** What the upstream has; where pushes are taken, a repository that it does not know is our own. */
  async #orOwn<T>(answer: Promise<T>, own: () => Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof UnknownRepository && this.#shared.options.pushes) return await own();
      throw error;
    }
  }

  #source(repository: RepositoryName): ContentSource | undefined {
    return sourceOf(this.#shared.options.upstream, repository);
  }
}

function share(options: PullThroughOptions): Shared {
  const { backend } = options;
  const blobs = new UpstreamBlobs(backend, options);
  return {
    options,
    blobs,
    manifests: new UpstreamManifests(backend, blobs, options),
    lists: new UpstreamLists(backend, options),
    pushed: new Set(),
  };
}
