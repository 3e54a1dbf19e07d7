import type { Bytes } from "../../content/bytes.ts";
import type { Descriptor } from "../../content/descriptor.ts";
import { type Digest, isDigest } from "../../content/digest.ts";
import type { PieceReader } from "../../content/piece_reader.ts";
import { InternalError } from "../../errors.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import type { Tag } from "../../reference/tag.ts";
import { PieceList } from "../../stores/piece_list.ts";
import {
  type BackendUpload,
  endedUpload,
  type Page,
  type PageRequest,
  type RegistryBackend,
  type StoredBlob,
  type StoredManifest,
} from "./backend.ts";
import { SortedNames } from "./sorted_names.ts";

interface Repository {
  readonly blobs: Set<Digest>;
  readonly manifests: Map<Digest, StoredManifest>;
  readonly tags: Map<Tag, Digest>;
  readonly tagNames: SortedNames;
  /** The referrers of a digest, by their own. */
  readonly referrers: Map<Digest, Map<Digest, Descriptor>>;
}

interface SharedBlob {
  readonly list: PieceList;
  readonly repositories: Set<RepositoryName>;
}

/** A registry's content in memory. Every change is atomic. */
export class MemoryBackend implements RegistryBackend {
  readonly #blobs = new Map<Digest, SharedBlob>();
  readonly #repositories = new Map<RepositoryName, Repository>();
  readonly #names = new SortedNames();
  readonly #uploads = new Map<string, MemoryUpload>();

  hasRepository(repository: RepositoryName): Promise<boolean> {
    return Promise.resolve(this.#repositories.has(repository));
  }

  repositories(page: PageRequest): Promise<Page<string>> {
    return Promise.resolve(this.#names.page(page));
  }

  blob(repository: RepositoryName, digest: Digest): Promise<StoredBlob | undefined> {
    const list = this.#repositories.get(repository)?.blobs.has(digest)
      ? this.#blobs.get(digest)?.list
      : undefined;
    return Promise.resolve(
      list && {
        size: list.size,
        open: (offset, length) => Promise.resolve(list.stream(offset, length)),
      },
    );
  }

  blobRepositories(digest: Digest): Promise<RepositoryName[]> {
    return Promise.resolve([...(this.#blobs.get(digest)?.repositories ?? [])]);
  }

  linkBlob(repository: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean> {
    const blob = this.#blobs.get(digest);
    if (!blob?.repositories.has(from)) return Promise.resolve(false);
    this.#link(repository, digest, blob);
    return Promise.resolve(true);
  }

  deleteBlob(repository: RepositoryName, digest: Digest): Promise<boolean> {
    const there = this.#repositories.get(repository)?.blobs.delete(digest) ?? false;
    const blob = this.#blobs.get(digest);
    blob?.repositories.delete(repository);
    if (blob?.repositories.size === 0) this.#blobs.delete(digest);
    return Promise.resolve(there);
  }

  manifest(
    repository: RepositoryName,
    reference: Tag | Digest,
  ): Promise<StoredManifest | undefined> {
    const held = this.#repositories.get(repository);
    const digest = isDigest(reference) ? reference : held?.tags.get(reference);
    return Promise.resolve(digest && held?.manifests.get(digest));
  }

  putManifest(
    repository: RepositoryName,
    manifest: StoredManifest,
    tags: readonly Tag[],
  ): Promise<void> {
    const held = this.#repository(repository);
    const { digest, referrer } = manifest;
    held.manifests.set(digest, manifest);
    if (referrer !== undefined) {
      const others = held.referrers.get(referrer.subject) ?? new Map<Digest, Descriptor>();
      held.referrers.set(referrer.subject, others.set(digest, referrer.descriptor));
    }
    for (const tag of tags) {
      if (!held.tags.has(tag)) held.tagNames.add(tag);
      held.tags.set(tag, digest);
    }
    return Promise.resolve();
  }

  deleteManifest(repository: RepositoryName, digest: Digest): Promise<boolean> {
    const held = this.#repositories.get(repository);
    const manifest = held?.manifests.get(digest);
    if (held === undefined || manifest === undefined) return Promise.resolve(false);
    held.manifests.delete(digest);
    if (manifest.referrer !== undefined) {
      held.referrers.get(manifest.referrer.subject)?.delete(digest);
    }
    for (const [tag, named] of [...held.tags]) {
      if (named !== digest) continue;
      held.tags.delete(tag);
      held.tagNames.delete(tag);
    }
    return Promise.resolve(true);
  }

  deleteTag(repository: RepositoryName, tag: Tag): Promise<boolean> {
    const held = this.#repositories.get(repository);
    held?.tagNames.delete(tag);
    return Promise.resolve(held?.tags.delete(tag) ?? false);
  }

  tags(repository: RepositoryName, page: PageRequest): Promise<Page<string>> {
    const names = this.#repositories.get(repository)?.tagNames;
    return Promise.resolve(names?.page(page) ?? { items: [], more: false });
  }

  referrers(repository: RepositoryName, subject: Digest): Promise<Descriptor[]> {
    const all = this.#repositories.get(repository)?.referrers.get(subject)?.values() ?? [];
    return Promise.resolve([...all].sort((a, b) => a.digest < b.digest ? -1 : 1));
  }

  createUpload(repository: RepositoryName): Promise<BackendUpload> {
    const upload = new MemoryUpload(repository, (digest) => {
      this.#uploads.delete(upload.id);
      if (digest === undefined) return;
      upload.list.trim();
      this.#link(
        repository,
        digest,
        this.#blobs.get(digest) ?? { list: upload.list, repositories: new Set() },
      );
    });
    this.#uploads.set(upload.id, upload);
    return Promise.resolve(upload);
  }

  upload(repository: RepositoryName, id: string): Promise<BackendUpload | undefined> {
    const upload = this.#uploads.get(id);
    return Promise.resolve(upload?.repository === repository ? upload : undefined);
  }

  #link(repository: RepositoryName, digest: Digest, blob: SharedBlob): void {
    this.#repository(repository).blobs.add(digest);
    blob.repositories.add(repository);
    this.#blobs.set(digest, blob);
  }

  #repository(name: RepositoryName): Repository {
    let repository = this.#repositories.get(name);
    if (repository === undefined) {
      repository = {
        blobs: new Set(),
        manifests: new Map(),
        tags: new Map(),
        tagNames: new SortedNames(),
        referrers: new Map(),
      };
      this.#repositories.set(name, repository);
      this.#names.add(name);
    }
    return repository;
  }
}

class MemoryUpload implements BackendUpload {
  readonly id: string = crypto.randomUUID();
  readonly list = new PieceList();
  #writing = false;
  #ended = false;

  constructor(
    readonly repository: RepositoryName,
    readonly end: (digest?: Digest) => void,
  ) {}

  get size(): number {
    return this.list.size;
  }

  async append(
    reader: PieceReader,
    onPiece: (piece: Bytes) => void,
    maximum?: number,
  ): Promise<boolean> {
    this.#requireOpen();
    this.#writing = true;
    try {
      return await this.list.fill(reader, onPiece, maximum);
    } finally {
      this.#writing = false;
    }
  }

  open(): Promise<ReadableStream<Bytes>> {
    return Promise.resolve(this.list.stream());
  }

  read(offset: number, length: number): Promise<ReadableStream<Bytes>> {
    return Promise.resolve(this.list.stream(offset, length));
  }

  async finish(digest: Digest): Promise<void> {
    this.#requireOpen();
    this.#ended = true;
    await Promise.resolve(this.end(digest));
  }

  async cancel(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await Promise.resolve(this.end());
  }

  /** What somebody still writes to must not become a blob. */
  #requireOpen(): void {
    if (this.#ended) throw endedUpload();
    if (this.#writing) throw new InternalError("Cannot use the upload: it is being written to");
  }
}
