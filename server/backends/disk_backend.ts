import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { dirname } from "@std/path/dirname";
import { join } from "@std/path/join";
import type { Descriptor } from "../../content/descriptor.ts";
import type { Digest } from "../../content/digest.ts";
import { InvalidContentError, InvalidOptionError } from "../../errors.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import type { Tag } from "../../reference/tag.ts";
import { absolutePath } from "../../runtime/absolute_path.ts";
import { type FileSystem, hasCode, isMissing, openCursor } from "../../runtime/files.ts";
import { makeFolders } from "../../runtime/make_folders.ts";
import { inPlace, placeError } from "../../stores/disk_error.ts";
import { files as machineFiles } from "../../stores/files.ts";
import { LayoutFiles } from "../../stores/layout_files.ts";
import { VerifiedFiles } from "../../stores/verified_files.ts";
import {
  type BackendUpload,
  type Page,
  type PageRequest,
  type RegistryBackend,
  type StoredBlob,
  type StoredManifest,
  UPLOAD_EXPIRY_MS,
  UPLOAD_ID,
} from "./backend.ts";
import { blobsIn, exists, findRepositories, isFolder, repositoryFolder } from "./disk_names.ts";
import { RecentMap } from "../../content/recent.ts";
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

const DISK_BACKEND_OPTIONS: OptionNames<DiskBackendOptions> = names("durable uploadExpiry");

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

/** How many blobs' whereabouts are remembered, to share what is pushed to a second repository. */
const HOLDERS_KEPT = 10_000;

/** How many repositories are remembered of one blob: each image of a base has its layers. */
const HOLDERS_OF_ONE = 100;

/** How many folders are looked into for a repository, before a folder is taken for something else. */
const FOLDERS_LOOKED_AT = 1_000;

/** The folder of the uploads: no component of a repository's name starts with a dot. */
const UPLOADS = ".uploads";

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
  checkOptions(options, DISK_BACKEND_OPTIONS);
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
  // A worker has no working directory either.
  const system = machineFiles(`keep a registry in ${folder}`);
  return new FolderBackend(absolutePath(folder), system, durable, uploadExpiry);
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
  /** Folders of uploads that have been looked at: they are there, and no links. */
  readonly #uploadFolders = new Set<string>();
  #isStore = false;
  /** How many uploads have ended: who has looked for one meanwhile looks again. */
  #uploadsEnded = 0;
  /** Repositories that have a blob; they may have lost it since. */
  readonly #holders = new RecentMap<string, Set<RepositoryName>>(HOLDERS_KEPT);
  readonly #verified = new VerifiedFiles();

  constructor(folder: string, system: FileSystem, durable: boolean, uploadExpiry: number) {
    this.folder = folder;
    this.#durable = durable;
    this.#uploadExpiry = uploadExpiry;
    this.#system = system;
  }

  async recover(): Promise<void> {
    await this.#requireStore();
    await this.#makeFolder(this.folder);
    await this.sweepUploads();
    const before = Date.now() - this.#uploadExpiry;
    for await (const name of findRepositories(this.#system, this.folder)) {
      const repository = await this.#existing(name);
      if (repository === undefined) continue;
      await repository.tidy(before);
      const { folder } = repository.files;
      for await (const digest of blobsIn(this.#system, folder)) this.#hold(digest, name);
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

  async blob(
    repository: RepositoryName,
    digest: Digest,
    { verified }: { verified?: boolean } = {},
  ): Promise<StoredBlob | undefined> {
    const blob = await (await this.#existing(repository))?.blob(digest, verified);
    if (blob !== undefined) this.#hold(digest, repository);
    return blob;
  }

  async blobRepositories(digest: Digest): Promise<RepositoryName[]> {
    const having: RepositoryName[] = [];
    const holders = this.#holders.get(digest);
    for (const name of [...holders ?? []]) {
      if (await (await this.#existing(name))?.blob(digest) !== undefined) having.push(name);
      else holders?.delete(name);
    }
    return having;
  }

  async linkBlob(
    repository: RepositoryName,
    digest: Digest,
    from: RepositoryName,
  ): Promise<boolean> {
    const source = await this.#existing(from);
    if (await source?.blob(digest, true) === undefined) return false;
    const linked = await (await this.#made(repository)).linkBlob(digest, source!);
    if (linked) this.#hold(digest, repository);
    return linked;
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
    await this.#makeUploads(dirname(path));
    try {
      await (await openCursor(this.#system, path, "create")).close();
    } catch (error) {
      if (!isMissing(error)) throw error;
      this.#uploadFolders.clear(); // they were removed since they were made
      await this.#makeUploads(dirname(path));
      await (await openCursor(this.#system, path, "create")).close();
    }
    return this.#startUpload(repository, id, path, 0);
  }

  async upload(repository: RepositoryName, id: string): Promise<BackendUpload | undefined> {
    if (!UPLOAD_ID.test(id)) return undefined;
    const path = this.#uploadPath(repository, id);
    for (;;) {
      const known = this.#uploads.get(id);
      if (known?.ended) return undefined;
      if (known !== undefined) return known.repository === repository ? known : undefined;
      const before = this.#uploadsEnded;
      const size = await this.#uploadSize(path);
      if (this.#uploads.has(id) || this.#uploadsEnded !== before) continue;
      return size === undefined ? undefined : this.#startUpload(repository, id, path, size);
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

  /** How many bytes an upload has; `undefined` where there is none. */
  async #uploadSize(path: string): Promise<number | undefined> {
    try {
      const folders = [join(this.folder, UPLOADS), dirname(path)];
      for (const folder of folders) if (!await isFolder(this.#system, folder)) return undefined;
      const stat = await this.#system.lstat(path);
      return stat.isFile() ? stat.size : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /**
   * Makes the folder of a repository's uploads.
   *
   * @throws {InvalidContentError} When it, or the one above it, is a link or a file.
   */
  async #makeUploads(folder: string): Promise<void> {
    if (this.#uploadFolders.has(folder)) return;
    await this.#requireStore();
    for (const path of [join(this.folder, UPLOADS), folder]) {
      await this.#makeFolder(path);
      if (await isFolder(this.#system, path)) continue;
      throw new InvalidContentError(`Cannot use ${path}: it is not a folder, or a link to one`);
    }
    this.#uploadFolders.add(folder);
  }

  /** Makes a folder, whose name the disk has afterwards where pushes wait for the disk. */
  async #makeFolder(path: string): Promise<void> {
    if (await exists(this.#system, path)) return;
    const make = () => makeFolders(this.#system, path);
    const made = await inPlace(path, make) ?? path;
    if (!this.#durable) return;
    const root = new LayoutFiles(this.folder, { durable: true });
    for (let above = dirname(path);; above = dirname(above)) {
      await root.syncFolder(above);
      if (above.length <= dirname(made).length) return;
    }
  }

  /**
   * Checks that the folder is a registry's, or empty: nobody wants one among the files of something
   * else.
   *
   * @throws {InvalidContentError} When it is not.
   * @throws {StorageError} When a file is in its place, or it may not be read.
   */
  async #requireStore(): Promise<void> {
    if (this.#isStore) return;
    const names = await this.#system.readdir(this.folder).catch((error): string[] => {
      if (!hasCode(error, "ENOENT")) throw placeError(this.folder, error);
      return [];
    });
    if (names.includes("oci-layout")) {
      throw new InvalidContentError(
        `Cannot keep a registry in ${this.folder}: it is an OCI layout, and a registry is a folder ` +
          "of them, one for each repository",
      );
    }
    const plain = names.filter((name) => !name.startsWith(".") && name !== "lost+found");
    if (plain.length > 0 && !names.includes(UPLOADS) && !await this.#hasLayouts()) {
      throw new InvalidContentError(
        `Cannot keep a registry in ${this.folder}: it holds something else (${plain[0]}), and no ` +
          "repository; give an empty folder",
      );
    }
    this.#isStore = true;
  }

  async #hasLayouts(): Promise<boolean> {
    for await (const _ of findRepositories(this.#system, this.folder, FOLDERS_LOOKED_AT)) {
      return true;
    }
    return false;
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

  async #endUpload({ id, path, repository }: DiskUpload, digest?: Digest): Promise<void> {
    if (digest !== undefined && !await this.#shareBlob(repository, digest)) {
      await (await this.#made(repository)).putBlob(digest, path);
      this.#hold(digest, repository);
    }
    await this.#system.rm(path, { force: true });
    this.#uploads.delete(id);
    this.#uploadsEnded++;
  }

  /** Gives a repository the same file that another one has of a blob, where that is known to be right. */
  async #shareBlob(repository: RepositoryName, digest: Digest): Promise<boolean> {
    const holders = this.#holders.get(digest);
    if (holders === undefined || holders.has(repository)) return false;
    const target = await this.#made(repository);
    for (const holder of holders) {
      const source = await this.#existing(holder);
      if (source === undefined || !await target.shareBlob(digest, source)) continue;
      this.#hold(digest, repository);
      return true;
    }
    return false;
  }

  /** One folder for each repository: its name's slashes stand for what no name has. */
  #uploadPath(repository: RepositoryName, id: string): string {
    return join(this.folder, UPLOADS, repository.replaceAll("/", "~"), id);
  }

  #hold(digest: Digest, repository: RepositoryName): void {
    const holders = this.#holders.get(digest) ?? new Set();
    if (holders.size < HOLDERS_OF_ONE) holders.add(repository);
    this.#holders.set(digest, holders);
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
    await this.#requireStore();
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
    const options = { durable: this.#durable };
    return new DiskRepository(new LayoutFiles(folder, options, this.#verified));
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
