import type { Descriptor } from "../../content/descriptor.ts";
import { type Digest, isDigest } from "../../content/digest.ts";
import type { ContentSource } from "../../content/store.ts";
import { isRepositoryName, type RepositoryName } from "../../reference/repository_name.ts";
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
interface PullThroughOptions {
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

/** What a request to a mirror is beside its path. */
interface MirrorRequest {
  /** Called when what is answered may be out of date. */
  warn?: (text: string) => void;
  /** The registry that the client takes this one for a mirror of. */
  ns?: string | undefined;
}

/** What names a registry in `ns`: a host, maybe with a port. */
const NAMESPACE = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(?::[0-9]{1,5})?$/;

/** What the names begin with under which content is kept for those who name a registry. */
const NAMESPACED = "ns__";

/**
 * A backend that fills itself from an upstream: what it does not have is fetched when it is asked
 * for, verified, and kept.
 */
export class PullThroughBackend implements RegistryBackend {
  readonly #backend: RegistryBackend;
  readonly #shared: Shared;
  readonly #request: MirrorRequest;

  /** A backend in front of an upstream. */
  constructor(options: PullThroughOptions | Shared, request: MirrorRequest = {}) {
    this.#shared = "options" in options ? options : share(options);
    this.#backend = this.#shared.options.backend;
    this.#request = request;
  }

  /**
   * The same backend for one request.
   *
   * @throws {Refusal} 400 when the request names a registry that can be none.
   */
  forRequest(request: MirrorRequest): PullThroughBackend {
    if (typeof this.#shared.options.upstream !== "function") {
      return new PullThroughBackend(this.#shared, { ...request, ns: undefined });
    }
    const { ns } = request;
    if (ns === undefined || (NAMESPACE.test(ns) && isRepositoryName(nameIn(ns)))) {
      return new PullThroughBackend(this.#shared, request);
    }
    throw badNamespace();
  }

  /** The registry that the request names, where its repository comes from an upstream chosen by it. */
  namespaceOf(repository: RepositoryName): string | undefined {
    return this.#at(repository).source && this.#request.ns;
  }

  /**
   * Checks that a repository may be changed: one that stands for an upstream's may not, unless
   * pushes are taken; nor may one that is filled for those who name a registry.
   *
   * @throws {Refusal} 405 when it may not.
   */
  checkChange(repository: RepositoryName): void {
    const { pushes, upstream } = this.#shared.options;
    const filled = typeof upstream === "function" && repository.startsWith(NAMESPACED);
    if (!filled && (pushes || this.#at(repository).source === undefined)) return;
    throw new Refusal(
      405,
      "UNSUPPORTED",
      `Cannot change ${repository}: it is filled from an upstream, and can only be pulled from`,
      { headers: { allow: "GET, HEAD" } },
    );
  }

  async hasRepository(repository: RepositoryName): Promise<boolean> {
    const { name, source } = this.#at(repository);
    // The upstream tells whether it has it with the first thing that is asked of it.
    return source !== undefined || await this.#backend.hasRepository(name);
  }

  repositories(page: PageRequest): Promise<Page<string>> {
    return this.#backend.repositories(page);
  }

  async blob(
    repository: RepositoryName,
    digest: Digest,
    options?: { verified?: boolean },
  ): Promise<StoredBlob | undefined> {
    const { name, source } = this.#at(repository);
    if (source === undefined) return await this.#backend.blob(name, digest, options);
    return await this.#orOwn(
      this.#shared.blobs.blob(name, digest, source),
      () => this.#backend.blob(name, digest, options),
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
    const { name, source } = this.#at(repository);
    const { manifests, pushed } = this.#shared;
    if (source === undefined || pushed.has(`${name}:${reference}`)) {
      const own = await this.#backend.manifest(name, reference);
      if (source === undefined || own !== undefined) return own;
    }
    return await this.#orOwn(
      isDigest(reference)
        ? manifests.byDigest(name, reference, source)
        : manifests.byTag(name, reference, source, this.#warn),
      () => this.#backend.manifest(name, reference),
    );
  }

  async putManifest(
    repository: RepositoryName,
    manifest: StoredManifest,
    tags: readonly Tag[],
  ): Promise<void> {
    await this.#backend.putManifest(repository, manifest, tags);
    if (this.#at(repository).source === undefined) return;
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
    const { name, source } = this.#at(repository);
    if (source === undefined) return await this.#backend.tags(name, page);
    return await this.#orOwn(
      this.#shared.lists.tags(name, page, source, this.#warn),
      () => this.#backend.tags(name, page),
    );
  }

  async referrers(repository: RepositoryName, subject: Digest): Promise<Descriptor[]> {
    const { name, source } = this.#at(repository);
    if (source === undefined) return await this.#backend.referrers(name, subject);
    return await this.#shared.lists.referrers(name, subject, source, this.#warn);
  }

  createUpload(repository: RepositoryName): Promise<BackendUpload> {
    return this.#backend.createUpload(repository);
  }

  upload(repository: RepositoryName, id: string): Promise<BackendUpload | undefined> {
    return this.#backend.upload(repository, id);
  }

  readonly #warn = (text: string): void => this.#request.warn?.(text);

  /** What the upstream has; where pushes are taken, a repository that it does not know is our own. */
  async #orOwn<T>(answer: Promise<T>, own: () => Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof UnknownRepository && this.#shared.options.pushes) return await own();
      throw error;
    }
  }

  /**
   * Where a repository's content comes from, and under which name it is kept here: what comes for the
   * sake of a registry that the request names must not be mixed with what others get.
   */
  #at(repository: RepositoryName): { name: RepositoryName; source: ContentSource | undefined } {
    const { ns } = this.#request;
    const { upstream } = this.#shared.options;
    const source = sourceOf(upstream, repository, ns === undefined ? {} : { ns });
    if (ns === undefined || source === undefined) return { name: repository, source };
    const name = `${nameIn(ns)}/${repository}`;
    if (isRepositoryName(name)) return { name, source };
    throw badNamespace();
  }
}

/** What the name begins with under which something is kept for the sake of a registry. */
function nameIn(ns: string): string {
  return NAMESPACED + ns.toLowerCase().replace(":", "__");
}

function badNamespace(): Refusal {
  const message = "Cannot pull: ns must be the host of a registry, such as docker.io";
  return new Refusal(400, "NAME_INVALID", message);
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
