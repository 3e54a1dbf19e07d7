import { join } from "@std/path/join";
import { Turns } from "../content/turns.ts";
import { StorageError, UploadError } from "../errors.ts";
import {
  cursorOver,
  type FileCursor,
  type FileSystem,
  openRandomFile,
  type RandomFile,
  temporaryFolder,
} from "../runtime/files.ts";
import { diskError, inPlace, onDisk } from "./disk_error.ts";
import { files } from "./files.ts";

/** Only this user may read what is in a folder that all share. */
const PRIVATE_MODE = 0o600;

const SHARED_MODE = 0o666; // less the process's umask, as for any new file

/** A new file that several read and write at once, each from its own place. */
export class SharedFile {
  /** Where the file is, or was when it was made. */
  readonly path: string;
  readonly #name: string;
  readonly #system: FileSystem;
  readonly #file: RandomFile;
  /** One call at a time, as they share the file's position. */
  readonly #turns = new Turns();
  #closing: Promise<void> | undefined;

  private constructor(system: FileSystem, path: string, name: string, file: RandomFile) {
    this.#system = system;
    this.path = path;
    this.#name = name;
    this.#file = file;
  }

  /** A file at a path where there is none; messages call it by the name that it will have. */
  static async create(path: string, name: string): Promise<SharedFile> {
    const system = files(`write ${path}`);
    const file = await inPlace(name, () => openRandomFile(system, path, "create", SHARED_MODE));
    return new SharedFile(system, path, name, file);
  }

  /** A file without a name: the system frees it when it is closed, and when the process ends. */
  static async temporary(what: string): Promise<SharedFile> {
    const system = files(what);
    const path = join(temporaryFolder() ?? ".", `davit-${crypto.randomUUID()}`);
    const made = await inPlace(path, () => openRandomFile(system, path, "create", PRIVATE_MODE));
    const file = new SharedFile(system, path, path, made);
    // Where a file in use keeps its name, closing removes it.
    await system.rm(path, { force: true }).catch(() => {});
    return file;
  }

  /** Reads and writes from a place on. To close it closes nothing. */
  cursor(start: number): FileCursor {
    const nothing = () => Promise.resolve();
    return cursorOver({
      read: (view, position) => this.#locked(() => this.#file.read(view, position)),
      write: (bytes, position) => this.#locked(() => this.#file.write(bytes, position)),
      sync: nothing,
      close: nothing,
    }, start);
  }

  /** Cuts it to a size. */
  async truncate(size: number): Promise<void> {
    await this.#locked(() => this.#file.truncate(size));
  }

  /** Gives the file another name, in place of the file that has it. */
  async rename(path: string): Promise<void> {
    await inPlace(path, () => this.#system.rename(this.path, path));
  }

  /** Closes the file. */
  close(): Promise<void> {
    const close = () => onDisk("write", this.#name, () => this.#file.close());
    return this.#closing ??= this.#turns.take(close);
  }

  /** Closes the file, and removes it where it still has its name. */
  async remove(): Promise<void> {
    await this.close();
    await onDisk("write", this.path, () => this.#system.rm(this.path, { force: true }));
  }

  #locked<T>(run: () => Promise<T>): Promise<T> {
    return this.#turns.take(run).catch((error) => {
      const cause = diskError("write", this.#name, error);
      if (cause instanceof StorageError) throw cause;
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new UploadError(`Cannot use ${this.#name}: ${message}`, { cause });
    });
  }
}
