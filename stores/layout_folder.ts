import { dirname } from "@std/path/dirname";
import { join } from "@std/path/join";
import { encodeText } from "../content/bytes.ts";
import { InvalidContentError } from "../errors.ts";
import {
  type FileCursor,
  type FileStat,
  type FileSystem,
  hasCode,
  isMissing,
  openCursor,
} from "../runtime/files.ts";
import { absolutePath } from "../runtime/absolute_path.ts";
import { makeFolders } from "../runtime/make_folders.ts";
import { diskError, goneError, onDisk, onDiskCursor, placeError } from "./disk_error.ts";
import { files } from "./files.ts";
import { LAYOUT_FILE } from "./read_index.ts";
import { PARTIAL, temporaryName } from "./partial_names.ts";

/** How often something is tried where other processes remove its empty folder at that moment. */
const MAKE_TRIES = 50;

/** What helps where a build tool has filled a folder with links. */
export const FOLLOW_LINKS = "cp -rL makes a copy of the folder that has files in their places";

/** What happens to the disk's own memory. */
export interface LayoutFilesOptions {
  /** Whether a call resolves only once the disk has its change, not the system's memory alone. */
  durable: boolean;
}

/**
 * The folder of an OCI layout, and the small files in it. Links are not followed in it, and a file
 * is never changed in its place: a new one is written, and takes its name.
 */
export class LayoutFolder {
  /** The folder's absolute path. */
  readonly folder: string;
  /** What may be done about an index that is damaged. */
  readonly repair: string =
    `; restore it, or begin anew without it and ${LAYOUT_FILE}: copied again, ` +
    "what it named finds the blobs that are there";
  /** Whether changes wait for the disk. */
  readonly durable: boolean;
  /** The machine's files. */
  readonly system: FileSystem;
  /** Folders inside this one that have been looked at: they are there, and no links. */
  readonly #folders = new Set<string>();
  /** How many use the folder for what is not whole yet. */
  #users = 0;

  /**
   * A folder, which need not be there yet.
   *
   * @throws {UnsupportedRuntimeError} In a browser or a worker.
   */
  constructor(folder: string, options: LayoutFilesOptions) {
    this.system = files(`open the layout ${folder}`);
    this.folder = absolutePath(folder);
    this.durable = options.durable;
  }

  /** Whether the folder is there. */
  async isThere(): Promise<boolean> {
    return await this.lstat(this.folder) !== undefined;
  }

  /** What stands at a name in the folder: a regular file, or nothing. */
  async stat(name: string): Promise<FileStat | undefined> {
    const stat = await this.lstat(join(this.folder, name));
    if (stat === undefined || stat.isFile()) return stat;
    throw new InvalidContentError(
      `Cannot read ${join(this.folder, name)}: it is no file, or a link: ${FOLLOW_LINKS}`,
    );
  }

  /** The text of a file in the folder; `undefined` where there is none. */
  async readText(name: string): Promise<string | undefined> {
    if (await this.stat(name) === undefined) return undefined;
    const path = join(this.folder, name);
    const bytes = await onDisk("read", path, () => this.system.readFile(path));
    return new TextDecoder().decode(bytes);
  }

  /** Writes a file whole: a reader sees all of the old one, or all of the new one. */
  async replace(name: string, parts: Generator<string> | readonly string[]): Promise<void> {
    const path = join(this.folder, name);
    await this.writeTemporary(async (file) => {
      for (const text of parts) await file.write(encodeText(text));
    }, async (temporary) => {
      await this.system.rename(temporary, path).catch((error) => {
        throw goneError(path, error);
      });
    });
    if (this.durable) await this.syncFolder(this.folder);
  }

  /** Adds text to a small file at its end, which is known; answers the new end. */
  async append(name: string, position: number, text: string): Promise<number> {
    const path = join(this.folder, name);
    const isNew = await this.stat(name) === undefined;
    const bytes = encodeText(text);
    const file = isNew ? await this.create(path) : onDiskCursor(
      path,
      await onDisk("write", path, () => openCursor(this.system, path, "update", position)),
    );
    try {
      await file.write(bytes);
      if (this.durable) await file.sync();
    } finally {
      await file.close();
    }
    if (isNew && this.durable) await this.syncFolder(this.folder);
    return (isNew ? 0 : position) + bytes.byteLength;
  }

  /** Removes a file of the folder, where there is one. */
  async removeFile(name: string): Promise<void> {
    const path = join(this.folder, name);
    await onDisk("write", path, () => this.system.rm(path, { force: true }));
  }

  /** Fills a new file, waits for the disk where that is asked for, and then lets it be named. */
  async writeTemporary(
    fill: (file: FileCursor) => Promise<void>,
    rename: (temporary: string) => Promise<void>,
  ): Promise<void> {
    const temporary = join(await this.partials(), temporaryName());
    const file = await this.create(temporary);
    try {
      try {
        await fill(file);
        if (this.durable) await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary);
    } catch (error) {
      await this.drop(temporary);
      throw error;
    }
  }

  /** Removes what is of no use any more; what cannot be removed is swept later. */
  async drop(temporary: string): Promise<void> {
    await this.system.rm(temporary, { force: true }).catch(() => {});
  }

  /** The folder for what is not whole yet; it is there afterwards. */
  async partials(): Promise<string> {
    return await this.makeFolder(PARTIAL);
  }

  /** The names of what is not whole yet. */
  async partialNames(): Promise<string[]> {
    const path = join(this.folder, PARTIAL);
    if (!this.#folders.has(PARTIAL) && !(await this.lstat(path))?.isDirectory()) return [];
    try {
      return await this.system.readdir(path);
    } catch (error) {
      if (isMissing(error)) return [];
      throw diskError("read", path, error);
    }
  }

  /** Makes a file; errors of its disk name it. */
  async create(path: string): Promise<FileCursor> {
    const file = await this.inPartials(path, () => openCursor(this.system, path, "create"));
    return onDiskCursor(path, file);
  }

  /** Makes something; the folder for it may have been removed since it was looked at. */
  async inPartials<T>(path: string, make: () => T | Promise<T>): Promise<T> {
    return await retried(path, make, async () => {
      this.forgetFolders();
      await this.partials();
    });
  }

  /** Begins a use of the folder for what is not whole yet: {@linkcode tidy} ends it. */
  use(): void {
    this.#users++;
  }

  /**
   * Ends a use of the folder for what is not whole yet; the last one removes it, where there is nothing
   * in it.
   */
  async tidy(): Promise<void> {
    if (--this.#users > 0) return;
    if (!this.#folders.delete(PARTIAL) && !await this.#hasFolder(PARTIAL)) return;
    this.#folders.delete(PARTIAL);
    await this.system.rmdir(join(this.folder, PARTIAL)).catch(() => {}); // there is something in it
  }

  /** Waits until the disk has the names in a folder. */
  async syncFolder(folder: string): Promise<void> {
    let handle;
    try {
      handle = await this.system.open(folder, "r");
      await handle.sync();
    } catch (error) {
      // Windows opens no folders, and some disks sync none: their names are as safe as they get.
      if (!hasCode(error, "EPERM", "EISDIR", "EACCES", "EINVAL", "ENOTSUP", "EBADF")) {
        throw diskError("write", folder, error);
      }
    } finally {
      await handle?.close();
    }
  }

  /** Makes a folder inside this one, and answers its path. */
  protected async makeFolder(name: string): Promise<string> {
    const path = join(this.folder, name);
    if (await this.#hasFolder(name)) return path;
    const mkdir = () => makeFolders(this.system, path);
    // Deno's says EEXIST where the folder was there, and is not any more.
    const hasRaced = (error: unknown) => isMissing(error) || hasCode(error, "EEXIST");
    const made = await retried(path, mkdir, undefined, hasRaced);
    // What is not whole need not outlive a power cut, but the layout's own folder must.
    if (this.durable && (name !== PARTIAL || made !== path)) await this.#syncAbove(path, made);
    await this.#hasFolder(name);
    return path;
  }

  /** Folders are looked at again: one of them was removed. */
  protected forgetFolders(): void {
    this.#folders.clear();
  }

  /** What stands at a path, without following it where it is a link. */
  protected async lstat(path: string): Promise<FileStat | undefined> {
    try {
      return await this.system.lstat(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw diskError("read", path, error);
    }
  }

  /** Whether all these folders are there; they stand one in the other. */
  protected async hasFolders(...names: string[]): Promise<boolean> {
    for (const name of names) if (!await this.#hasFolder(name)) return false;
    return true;
  }

  /** Waits until the disk has a new folder's name, and those of the folders above that came with it. */
  async #syncAbove(path: string, made = path): Promise<void> {
    const last = dirname(made);
    for (let above = dirname(path);; above = dirname(above)) {
      await this.syncFolder(above);
      if (above.length <= last.length) return;
    }
  }

  /** @throws {InvalidContentError} When it is there, and not a folder of this one's own. */
  async #hasFolder(name: string): Promise<boolean> {
    if (this.#folders.has(name)) return true;
    const path = join(this.folder, name);
    const stat = await this.lstat(path);
    if (stat === undefined) return false;
    if (!stat.isDirectory()) {
      throw new InvalidContentError(`Cannot use ${path}: it is not a folder, or a link to one`);
    }
    this.#folders.add(name);
    return true;
  }
}

/**
 * Makes something, again where it fails since another process has just removed its folder: so does
 * Node's `mkdir` of a folder that was there a moment before.
 */
async function retried<T>(
  path: string,
  make: () => T | Promise<T>,
  again: () => Promise<unknown> = () => Promise.resolve(),
  hasRaced = isMissing,
): Promise<T> {
  for (let tries = MAKE_TRIES;; tries--) {
    try {
      return await make();
    } catch (error) {
      if (!hasRaced(error)) throw diskError("write", path, error);
      if (tries === 0) throw placeError(path, error);
      await again();
    }
  }
}
