import { dirname } from "@std/path/dirname";
import { join } from "@std/path/join";
import { resolve } from "@std/path/resolve";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { type Digest, digestEncoded, hashAlgorithm } from "../content/digest.ts";
import type { HashAlgorithm } from "../content/hasher.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import { verifier } from "../content/verifying_stream.ts";
import { ContentNotFoundError, InvalidContentError } from "../errors.ts";
import {
  type FileCursor,
  type FileStat,
  type FileSystem,
  hasCode,
  isMissing,
  openCursor,
} from "../runtime/files.ts";
import { files } from "./files.ts";
import { PieceWriter } from "./piece_writer.ts";

/**
 * What is not whole yet, in the layout's own folder so that a rename can publish it; the name starts
 * with a dot, and no other program looks into it.
 */
const PARTIAL = ".partial";

/** What `link` fails with where a file cannot have two names: another disk, or no such disk at all. */
const NO_LINK = ["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "EACCES"];

/** What happens to the disk's own memory. */
export interface LayoutFilesOptions {
  /** Whether a call resolves only once the disk has its change, not the system's memory alone. */
  durable: boolean;
}

/**
 * The files of an OCI layout. Only regular files with content-addressed names are read or written,
 * in folders that are no links; what has such a name is whole: it was verified under another one.
 */
export class LayoutFiles {
  /** The folder's absolute path. */
  readonly folder: string;
  /** Whether changes wait for the disk. */
  readonly durable: boolean;
  readonly #system: FileSystem;
  /** Folders inside this one that have been looked at: they are there, and no links. */
  readonly #folders = new Set<string>();

  /**
   * The files of a folder, which need not be there yet.
   *
   * @throws {UnsupportedRuntimeError} In a browser or a worker.
   */
  constructor(folder: string, options: LayoutFilesOptions) {
    this.#system = files(`open the layout ${folder}`);
    this.folder = resolve(folder);
    this.durable = options.durable;
  }

  /** Where a blob is. A checked digest's characters leave no way out of the folder. */
  path(digest: Digest): string {
    return join(this.#blobs(digest), digestEncoded(digest));
  }

  /** The size of a blob; `undefined` where there is none, or something else in its place. */
  async size(digest: Digest): Promise<number | undefined> {
    if (!await this.#hasBlobsOf(digest)) return undefined;
    const stat = await this.#lstat(this.path(digest));
    return stat?.isFile() ? stat.size : undefined;
  }

  /**
   * Opens a blob at an offset.
   *
   * @throws {ContentNotFoundError} When it is not here.
   */
  async open(digest: Digest, offset = 0): Promise<FileCursor> {
    try {
      return await openCursor(this.#system, this.path(digest), "read", offset);
    } catch (cause) {
      if (!isMissing(cause)) throw cause;
      throw new ContentNotFoundError(
        `Cannot open ${digest}: ${this.folder} does not have it`,
        { cause },
      );
    }
  }

  /** A small blob; `undefined` where there is none. */
  async read(digest: Digest): Promise<Bytes | undefined> {
    if (await this.size(digest) === undefined) return undefined;
    try {
      return await this.#system.readFile(this.path(digest)) as Bytes;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /**
   * Verifies what a reader has, and makes it visible.
   *
   * @throws {BadDigestError} When the bytes have another digest.
   * @throws {SizeMismatchError} When there are more or fewer bytes.
   */
  async write(
    digest: Digest,
    size: number,
    reader: PieceReader,
    signal?: AbortSignal,
  ): Promise<void> {
    const tap = await verifier({ digest, size });
    await this.#write(async (file) => {
      const options = { onPiece: (piece: Bytes) => tap.take(piece), ...(signal && { signal }) };
      await new PieceWriter(file).write(reader, options);
      tap.finish();
    }, async (temporary) => {
      signal?.throwIfAborted();
      await this.publish(temporary, digest);
    });
  }

  /** Fills a new file, waits for the disk where that is asked for, and then gives the file its name. */
  async #write(
    fill: (file: FileCursor) => Promise<void>,
    rename: (temporary: string) => Promise<void>,
  ): Promise<void> {
    const temporary = join(await this.partials(), crypto.randomUUID());
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
      await this.#system.rm(temporary, { force: true });
      throw error;
    }
  }

  /** The folder for what is not whole yet; it is there afterwards. */
  async partials(): Promise<string> {
    return await this.#makeFolder(PARTIAL);
  }

  /** Makes a file; the folder may have been removed since it was looked at. */
  async create(path: string): Promise<FileCursor> {
    try {
      return await openCursor(this.#system, path, "create");
    } catch (error) {
      if (!isMissing(error)) throw error;
      this.#folders.clear();
      await this.partials();
      return await openCursor(this.#system, path, "create");
    }
  }

  /** Gives a verified file its content-addressed name; its bytes have been synced where they must. */
  async publish(temporary: string, digest: Digest): Promise<void> {
    const path = this.path(digest);
    let folder = await this.makeBlobs(hashAlgorithm(digest));
    try {
      await this.#system.rename(temporary, path).catch(async (error) => {
        if (!isMissing(error)) throw error;
        this.#folders.clear(); // they were removed since they were looked at
        folder = await this.makeBlobs(hashAlgorithm(digest));
        await this.#system.rename(temporary, path);
      });
    } catch (error) {
      // Windows does not replace a file that is being read; it holds the same bytes.
      if (await this.size(digest) === undefined) throw error;
      await this.#system.rm(temporary, { force: true });
      return;
    }
    if (this.durable) await this.syncFolder(folder);
  }

  /**
   * Gives a blob of another layout a name here.
   *
   * @returns `false` where the disk cannot do that, and `undefined` where that one does not have it.
   */
  async link(from: LayoutFiles, digest: Digest): Promise<boolean | undefined> {
    if (await from.size(digest) === undefined) return undefined;
    const folder = await this.makeBlobs(hashAlgorithm(digest));
    const path = this.path(digest);
    try {
      await this.#system.link(from.path(digest), path);
    } catch (error) {
      if (hasCode(error, "EEXIST")) return await this.size(digest) !== undefined;
      if (isMissing(error)) return undefined;
      if (hasCode(error, ...NO_LINK)) return false;
      throw error;
    }
    if (this.durable) await this.syncFolder(folder);
    return true;
  }

  /** Removes a blob; `false` where there is none. */
  async remove(digest: Digest): Promise<boolean> {
    if (await this.size(digest) === undefined) return false;
    try {
      await this.#system.rm(this.path(digest));
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    if (this.durable) await this.syncFolder(this.#blobs(digest));
    return true;
  }

  /** What stands at a name in the folder: a regular file, or nothing. */
  async stat(name: string): Promise<FileStat | undefined> {
    const stat = await this.#lstat(join(this.folder, name));
    if (stat === undefined || stat.isFile()) return stat;
    throw new InvalidContentError(
      `Cannot read ${join(this.folder, name)}: it is not a regular file`,
    );
  }

  /** The text of a file in the folder; `undefined` where there is none. */
  async readText(name: string): Promise<string | undefined> {
    if (await this.stat(name) === undefined) return undefined;
    return new TextDecoder().decode(await this.#system.readFile(join(this.folder, name)));
  }

  /** Writes a file whole: a reader sees all of the old one, or all of the new one. */
  async replace(name: string, parts: Generator<string> | readonly string[]): Promise<void> {
    await this.#write(async (file) => {
      for (const text of parts) await file.write(encodeText(text));
    }, (temporary) => this.#system.rename(temporary, join(this.folder, name)));
    if (this.durable) await this.syncFolder(this.folder);
  }

  /** Adds text to a small file at its end, which is known; answers the new end. */
  async append(name: string, position: number, text: string): Promise<number> {
    const path = join(this.folder, name);
    const isNew = await this.stat(name) === undefined;
    const bytes = encodeText(text);
    const file = isNew
      ? await this.create(path)
      : await openCursor(this.#system, path, "update", position);
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
    await this.#system.rm(join(this.folder, name), { force: true });
  }

  /** Removes what is not whole and has not been written to since a time, in milliseconds. */
  async sweep(before: number): Promise<void> {
    const folder = join(this.folder, PARTIAL);
    if (!(await this.#lstat(folder))?.isDirectory()) return;
    for (const name of await this.#system.readdir(folder)) {
      const path = join(folder, name);
      const stat = await this.#lstat(path);
      if (stat?.isFile() && stat.mtimeMs < before) await this.#system.rm(path, { force: true });
    }
  }

  /** Waits until the disk has the names in a folder. */
  async syncFolder(folder: string): Promise<void> {
    let handle;
    try {
      handle = await this.#system.open(folder, "r");
      await handle.sync();
    } catch (error) {
      // Windows opens no folders, and some disks sync none: their names are as safe as they get.
      if (!hasCode(error, "EPERM", "EISDIR", "EACCES", "EINVAL", "ENOTSUP", "EBADF")) throw error;
    } finally {
      await handle?.close();
    }
  }

  #blobs(digest: Digest): string {
    return join(this.folder, "blobs", digest.slice(0, digest.indexOf(":")));
  }

  async #hasBlobsOf(digest: Digest): Promise<boolean> {
    const algorithm = digest.slice(0, digest.indexOf(":"));
    return await this.#hasFolder("blobs") && await this.#hasFolder(`blobs/${algorithm}`);
  }

  /** Makes the folder of the blobs of an algorithm, and answers its path. */
  async makeBlobs(algorithm: HashAlgorithm = "sha256"): Promise<string> {
    await this.#makeFolder("blobs");
    return await this.#makeFolder(`blobs/${algorithm}`);
  }

  async #makeFolder(name: string): Promise<string> {
    const path = join(this.folder, name);
    if (await this.#hasFolder(name)) return path;
    const made = await this.#system.mkdir(path, { recursive: true });
    if (this.durable) await this.#syncAbove(path, made);
    await this.#hasFolder(name);
    return path;
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
    const stat = await this.#lstat(path);
    if (stat === undefined) return false;
    if (!stat.isDirectory()) {
      throw new InvalidContentError(`Cannot use ${path}: it is not a folder, or a link to one`);
    }
    this.#folders.add(name);
    return true;
  }

  async #lstat(path: string): Promise<FileStat | undefined> {
    try {
      return await this.#system.lstat(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}
