import { join } from "@std/path/join";
import { resolve } from "@std/path/resolve";
import type { Descriptor } from "../../content/descriptor.ts";
import type { Digest } from "../../content/digest.ts";
import { pieceReader } from "../../content/piece_reader.ts";
import { InvalidContentError, InvalidOptionError } from "../../errors.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import type { Tag } from "../../reference/tag.ts";
import { type FileSystem, isMissing, openCursor } from "../../runtime/files.ts";
import { files as machineFiles } from "../../stores/files.ts";
import { LayoutFiles } from "../../stores/layout_files.ts";
import type {
  BackendUpload,
  Page,
  PageRequest,
  RegistryBackend,
  StoredBlob,
  StoredManifest,
} from "./backend.ts";
import { findRepositories, isFolder, repositoryFolder } from "./disk_names.ts";
import { DiskRepository } from "./disk_repository.ts";
import { DiskUpload } from "./disk_upload.ts";
import { SortedNames } from "./sorted_names.ts";

/** Options of {@linkcode diskBackend}. */
export interface DiskBackendOptions {
  /**
   * Whether what was pushed is on the disk before its response is sent, so that it survives a power
   * cut. Without it pushes are faster on slow disks; a killed process loses nothing either way.
   * @default {true}
   */
  durable?: boolean;
  /**
   * After how long an upload that an earlier process left is removed, by the time of its file, in
   * milliseconds. The registry's own `uploadExpiry` ends those that it has seen itself.
   * @default {86400000}
   */
  uploadExpiry?: number;
}

/** A {@linkcode RegistryBackend} in a folder. */
export interface DiskBackend extends RegistryBackend {
  /** The folder. */
  readonly folder: string;
  /**
   * Makes the folder, and tidies up after a process that was killed: removes abandoned
   * uploads, and brings every `index.json` up to date. Only other programs depend on that.
   */
  recover(): Promise<void>;
  /** Writes what waits to be written. Call it in the end: other programs see everything then. */
  close(): Promise<void>;
}

/** A day: longer than any client waits, and short enough that no disk fills up. */
const UPLOAD_EXPIRY_MS = 24 * 60 * 60 * 1_000;

/** How many blobs' whereabouts are remembered, to share what is pushed to a second repository. */
const HOLDERS_KEPT = 10_000;

/** The folder of the uploads: no component of a repository's name starts with a dot. */
const UPLOADS = ".uploads";

const UPLOAD_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Keeps a registry in a folder: each repository is an OCI layout of its own, `<folder>/<repository>`,
 * that skopeo, oras, regctl and crane read. Blobs of several repositories are one file with several
 * names, where the disk has hard links. It survives the end of the process at any moment: what was
 * answered is there afterwards, and uploads can be resumed. One process at a time may serve a folder.
 *
 * @throws {InvalidOptionError} When an option is not what it must be.
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 *
 * @example
 * ```ts
 * import { createRegistry, diskBackend } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
 * const first = createRegistry({ backend: diskBackend(folder) });
 * await first.fetch(`http://registry.test/v2/app/blobs/uploads/?digest=${digest}`, {
 *   method: "POST",
 *   body: "hello",
 * });
 *
 * const second = createRegistry({ backend: diskBackend(folder) });
 * const response = await second.fetch(`http://registry.test/v2/app/blobs/${digest}`);
 * assertEquals(await response.text(), "hello");
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export function diskBackend(folder: string, options: DiskBackendOptions = {}): DiskBackend {
  const { durable = true, uploadExpiry = UPLOAD_EXPIRY_MS } = options;
  if (typeof folder !== "string" || folder === "") {
    throw new InvalidOptionError(
      `Cannot keep a registry as 'folder' must be a path: current value is ${
        JSON.stringify(folder)
      }`,
    );
  }
  if (!Number.isSafeInteger(uploadExpiry) || uploadExpiry < 1) {
    throw new InvalidOptionError(
      "Cannot keep a registry as 'uploadExpiry' must be an integer of at least 1: " +
        `current value is ${uploadExpiry}`,
    );
  }
  return new FolderBackend(resolve(folder), durable, uploadExpiry);
}

class FolderBackend implements DiskBackend {
  readonly folder: string;
  readonly #durable: boolean;
  readonly #uploadExpiry: number;
  readonly #system: FileSystem;
  /** Those that are there. */
  readonly #repositories = new Map<RepositoryName, DiskRepository>();
  readonly #names = new SortedNames();
  #walk: Promise<void> | undefined;
  readonly #uploads = new Map<string, DiskUpload>();
  /** A repository that has a blob, the least recently used first; it may have lost it since. */
  readonly #holders = new Map<Digest, RepositoryName>();

  constructor(folder: string, durable: boolean, uploadExpiry: number) {
    this.folder = folder;
    this.#durable = durable;
    this.#uploadExpiry = uploadExpiry;
    this.#system = machineFiles(`keep a registry in ${folder}`);
  }

  async recover(): Promise<void> {
    await this.#system.mkdir(this.folder, { recursive: true });
    await this.sweepUploads();
    const before = Date.now() - this.#uploadExpiry;
    for await (const name of findRepositories(this.#system, this.folder)) {
      await (await this.#existing(name))?.tidy(before);
    }
  }

  async close(): Promise<void> {
    for (const repository of this.#repositories.values()) await repository.tidy(0);
  }

  async hasRepository(repository: RepositoryName): Promise<boolean> {
    return await this.#existing(repository) !== undefined;
  }

  async repositories(page: PageRequest): Promise<Page<string>> {
    await this.#walked();
    return this.#names.page(page);
  }

  async blob(repository: RepositoryName, digest: Digest): Promise<StoredBlob | undefined> {
    return await (await this.#existing(repository))?.blob(digest);
  }

  async blobRepositories(digest: Digest): Promise<RepositoryName[]> {
    await this.#walked();
    const { items } = this.#names.page({ limit: Infinity });
    const having: RepositoryName[] = [];
    for (const name of items as RepositoryName[]) {
      if (await this.blob(name, digest) !== undefined) having.push(name);
    }
    return having;
  }

  async linkBlob(
    repository: RepositoryName,
    digest: Digest,
    from: RepositoryName,
  ): Promise<boolean> {
    const source = await this.#existing(from);
    if (await source?.blob(digest) === undefined) return false;
    const target = await this.#made(repository);
    const linked = await target.linkBlob(digest, source!);
    if (linked === "copy") await this.#copyBlob(repository, digest, source!);
    if (linked !== false) this.#hold(digest, repository);
    return linked !== false;
  }

  async deleteBlob(repository: RepositoryName, digest: Digest): Promise<boolean> {
    return await (await this.#existing(repository))?.deleteBlob(digest) ?? false;
  }

  async manifest(
    repository: RepositoryName,
    reference: Tag | Digest,
  ): Promise<StoredManifest | undefined> {
    return await (await this.#existing(repository))?.manifest(reference);
  }

  async putManifest(
    repository: RepositoryName,
    manifest: StoredManifest,
    tags: readonly Tag[],
  ): Promise<void> {
    await (await this.#made(repository)).putManifest(manifest, tags);
  }

  async deleteManifest(repository: RepositoryName, digest: Digest): Promise<boolean> {
    return await (await this.#existing(repository))?.deleteManifest(digest) ?? false;
  }

  async deleteTag(repository: RepositoryName, tag: Tag): Promise<boolean> {
    return await (await this.#existing(repository))?.deleteTag(tag) ?? false;
  }

  async tags(repository: RepositoryName, page: PageRequest): Promise<Page<string>> {
    return await (await this.#existing(repository))?.tags(page) ?? { items: [], more: false };
  }

  async referrers(repository: RepositoryName, subject: Digest): Promise<Descriptor[]> {
    return await (await this.#existing(repository))?.referrers(subject) ?? [];
  }

  async createUpload(repository: RepositoryName): Promise<BackendUpload> {
    const id = crypto.randomUUID();
    const path = this.#uploadPath(repository, id);
    try {
      await (await openCursor(this.#system, path, "create")).close();
    } catch (error) {
      if (!isMissing(error)) throw error;
      await this.#system.mkdir(join(path, ".."), { recursive: true });
      await (await openCursor(this.#system, path, "create")).close();
    }
    return this.#startUpload(repository, id, path, 0);
  }

  async upload(repository: RepositoryName, id: string): Promise<BackendUpload | undefined> {
    if (!UPLOAD_ID.test(id)) return undefined;
    const known = this.#uploads.get(id);
    if (known !== undefined) return known.repository === repository ? known : undefined;
    const path = this.#uploadPath(repository, id);
    try {
      const stat = await this.#system.lstat(path);
      if (!stat.isFile()) return undefined;
      return this.#uploads.get(id) ?? this.#startUpload(repository, id, path, stat.size);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async sweepUploads(): Promise<number | undefined> {
    const uploads = join(this.folder, UPLOADS);
    if (!await isFolder(this.#system, uploads)) return undefined;
    let next: number | undefined;
    for (const folder of await this.#system.readdir(uploads)) {
      if (!await isFolder(this.#system, join(uploads, folder))) continue;
      for (const id of await this.#system.readdir(join(uploads, folder))) {
        const path = join(uploads, folder, id);
        const used = this.#uploads.has(id) ? undefined : await this.#modified(path);
        if (used === undefined) continue;
        const left = Math.ceil(used + this.#uploadExpiry - Date.now());
        if (left < 0) await this.#system.rm(path, { force: true });
        else next = Math.min(next ?? Infinity, left);
      }
    }
    return next;
  }

  async #modified(path: string): Promise<number | undefined> {
    try {
      return (await this.#system.lstat(path)).mtimeMs;
    } catch (error) {
      if (isMissing(error)) return undefined; // it was closed meanwhile
      throw error;
    }
  }

  #startUpload(repository: RepositoryName, id: string, path: string, size: number): DiskUpload {
    const upload = new DiskUpload({
      repository,
      id,
      system: this.#system,
      path,
      durable: this.#durable,
      end: (upload, digest) => this.#endUpload(upload, digest),
    }, size);
    this.#uploads.set(id, upload);
    return upload;
  }

  async #endUpload({ id, path, repository, size }: DiskUpload, digest?: Digest): Promise<void> {
    this.#uploads.delete(id);
    if (digest !== undefined) {
      const holder = this.#holders.get(digest);
      const shared = holder !== undefined && holder !== repository &&
        await this.linkBlob(repository, digest, holder);
      if (!shared) await (await this.#made(repository)).putBlob(digest, path, size);
      this.#hold(digest, repository);
    }
    await this.#system.rm(path, { force: true });
  }

  /** One folder for each repository: its name's slashes stand for what no name has. */
  #uploadPath(repository: RepositoryName, id: string): string {
    return join(this.folder, UPLOADS, repository.replaceAll("/", "~"), id);
  }

  async #copyBlob(name: RepositoryName, digest: Digest, from: DiskRepository): Promise<void> {
    const blob = await from.blob(digest);
    if (blob === undefined) return;
    const upload = await this.createUpload(name);
    await upload.append(pieceReader(await blob.open(0, blob.size)), () => {});
    this.#holders.delete(digest); // a link was tried before
    await upload.finish(digest);
  }

  #hold(digest: Digest, repository: RepositoryName): void {
    this.#holders.delete(digest);
    this.#holders.set(digest, repository);
    if (this.#holders.size <= HOLDERS_KEPT) return;
    const [oldest] = this.#holders.keys();
    this.#holders.delete(oldest!);
  }

  async #existing(name: RepositoryName): Promise<DiskRepository | undefined> {
    const known = this.#repositories.get(name);
    if (known !== undefined) return await known.exists() ? known : undefined;
    const repository = await this.#open(name);
    if (!await repository?.exists()) return undefined;
    return this.#keep(name, repository!);
  }

  async #made(name: RepositoryName): Promise<DiskRepository> {
    const known = this.#repositories.get(name);
    const repository = known ?? await this.#open(name);
    if (repository === undefined) {
      throw new InvalidContentError(
        `Cannot keep ${name} in ${this.folder}: on its path something is a file, or a link`,
      );
    }
    await repository.create();
    return known ?? this.#keep(name, repository);
  }

  #keep(name: RepositoryName, repository: DiskRepository): DiskRepository {
    const known = this.#repositories.get(name);
    if (known !== undefined) return known;
    this.#repositories.set(name, repository);
    this.#names.add(name);
    return repository;
  }

  /** A repository that may be there; `undefined` when a file, or a link, is in the way. */
  async #open(name: RepositoryName): Promise<DiskRepository | undefined> {
    let path = this.folder;
    for (const component of repositoryFolder(name).split("/")) {
      path = join(path, component);
      try {
        if (!(await this.#system.lstat(path)).isDirectory()) return undefined;
      } catch (error) {
        if (isMissing(error)) break;
        throw error;
      }
    }
    const folder = join(this.folder, repositoryFolder(name));
    return new DiskRepository(new LayoutFiles(folder, { durable: this.#durable }));
  }

  async #walked(): Promise<void> {
    this.#walk ??= (async () => {
      for await (const name of findRepositories(this.#system, this.folder)) this.#names.add(name);
    })();
    try {
      await this.#walk;
    } catch (error) {
      this.#walk = undefined; // the next one tries again
      throw error;
    }
  }
}
