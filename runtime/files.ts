import { builtin } from "./builtin.ts";

/** The part of `node:fs/promises` that davit uses, spelled out: its types are not everybody's. */
export interface FileSystem {
  /** Opens a file. */
  open(path: string, flags: string, mode?: number): Promise<FileHandle>;
  /** Gives a file another name, in place of the one that has it. */
  rename(from: string, to: string): Promise<void>;
  /** Gives a file one more name; fails with the code `EEXIST` where that name is taken. */
  link(from: string, to: string): Promise<void>;
  /** Removes a file or a folder. */
  rm(path: string, options?: { force?: boolean; recursive?: boolean }): Promise<void>;
  /** Removes a folder that is empty. */
  rmdir(path: string): Promise<void>;
  /** Everything in a file. */
  readFile(path: string): Promise<Uint8Array>;
  /** Writes a file, in place of what it held. */
  writeFile(path: string, text: string, options?: { mode?: number }): Promise<void>;
  /** Sets when a file was read and written last, in seconds since 1970. */
  utimes(path: string, read: number, written: number): Promise<void>;
  /** The names in a folder. */
  readdir(path: string): Promise<string[]>;
  /** What a file is; fails with the code `ENOENT` where there is none. */
  stat(path: string): Promise<FileStat>;
  /** What stands at a path, without following it where it is a symbolic link. */
  lstat(path: string): Promise<FileStat>;
  /** Makes a folder in one that is there. */
  mkdir(path: string, options?: { mode?: number }): Promise<unknown>;
  /** The path without symbolic links. */
  realpath(path: string): Promise<string>;
}

/** What a file is. */
export interface FileStat {
  /** Its size in bytes. */
  readonly size: number;
  /** When it was last written, in milliseconds since 1970. */
  readonly mtimeMs: number;
  /** When anything about it last changed, its names included, in milliseconds since 1970. */
  readonly ctimeMs: number;
  /** What tells it from every other file of the disk; 0 where the system has no such thing. */
  readonly ino: number;
  /** Whether it is a regular file. */
  isFile(): boolean;
  /** Whether it is a folder. */
  isDirectory(): boolean;
}

/** An open file. Offsets and lengths are bytes. */
export interface FileHandle {
  /** Reads into a part of a buffer, from a position of the file. */
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }>;
  /** Writes a part of a buffer, at a position of the file. */
  write(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesWritten: number }>;
  /** What the file is. */
  stat(): Promise<FileStat>;
  /** Cuts it to a size, or fills it up with zeros. */
  truncate(size: number): Promise<void>;
  /** Waits until the disk has what was written. */
  sync(): Promise<void>;
  /** Closes it. */
  close(): Promise<void>;
}

/** A file that is read or written from one place on, in one go. */
export interface FileCursor {
  /** Reads into a buffer; answers how many bytes, 0 at the end. */
  read(view: Uint8Array): Promise<number>;
  /** Writes all bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Waits until the disk has what was written. */
  sync(): Promise<void>;
  /** Closes it. */
  close(): Promise<void>;
  /**
   * All from the position to the file's end, which the runtime moves into a request by itself; as long
   * as nothing was read.
   */
  readonly rest?: {
    /** How many bytes there are. */
    readonly size: number;
    /** Takes it; the stream closes the file. */
    take(): ReadableStream<Uint8Array>;
  };
}

/** What a {@linkcode FileCursor} is for: reading, writing a new file, or writing one that is there. */
export type CursorMode = "read" | "create" | "update";

/** Whether an error of the file system says that there is, or can be, no such file or folder. */
export function isMissing(error: unknown): boolean {
  return hasCode(error, "ENOENT", "ENOTDIR", "ENAMETOOLONG");
}

/** Whether an error of the file system has one of these codes. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as { code?: string } | undefined)?.code ?? "");
}

/** The machine's files; `undefined` where there are none, in a browser or a worker. */
export function fileSystem(): FileSystem | undefined {
  return builtin<FileSystem>("fs/promises");
}

interface DenoFile {
  read(view: Uint8Array): Promise<number | null>;
  readSync(view: Uint8Array): number | null;
  write(bytes: Uint8Array): Promise<number>;
  seek(offset: number, whence: 0): Promise<number>;
  stat(): Promise<{ size: number }>;
  statSync(): { size: number };
  truncate(size: number): Promise<void>;
  sync(): Promise<void>;
  close(): void;
  readonly readable: ReadableStream<Uint8Array>;
}

interface DenoOptions {
  read?: boolean;
  write?: boolean;
  createNew?: boolean;
  mode?: number;
}

interface DenoOpen {
  open(path: string, options: DenoOptions): Promise<DenoFile>;
}

const NODE_FLAGS: Record<CursorMode, string> = { read: "r", create: "wx", update: "r+" };

const DENO_OPTIONS: Record<CursorMode, DenoOptions> = {
  read: { read: true },
  create: { write: true, createNew: true },
  update: { write: true },
};

/**
 * Opens a file at a position. On Deno by its own API: `node:fs` there sets the position, and sets it
 * back, around every call, which doubles the time of serving a large blob.
 */
export async function openCursor(
  system: FileSystem,
  path: string,
  mode: CursorMode,
  position = 0,
): Promise<FileCursor> {
  const { Deno } = globalThis as unknown as { Deno?: DenoOpen };
  if (Deno?.open !== undefined) {
    return await denoCursor(await Deno.open(path, DENO_OPTIONS[mode]), position);
  }
  return cursorOver(nodeFile(await system.open(path, NODE_FLAGS[mode])), position);
}

/**
 * A read that takes longer than this comes from a disk, and others should not wait for it, in
 * milliseconds. What the system has in memory comes within a tenth of it.
 */
const SLOW_READ_MS = 1;

/** How many reads after a slow one are left to another thread, before one is tried here again. */
const READS_ELSEWHERE = 64;

async function denoCursor(file: DenoFile, position: number): Promise<FileCursor> {
  try {
    if (position > 0) await file.seek(position, 0);
  } catch (error) {
    file.close();
    throw error;
  }
  let elsewhere = 0;
  return {
    async read(view) {
      if (elsewhere > 0) {
        elsewhere--;
        return await file.read(view) ?? 0;
      }
      // Handing a read of what is in memory to another thread takes longer than the read.
      const start = performance.now();
      const count = file.readSync(view);
      if (performance.now() - start > SLOW_READ_MS) elsewhere = READS_ELSEWHERE;
      return count ?? 0;
    },
    async write(bytes) {
      let offset = 0;
      while (offset < bytes.byteLength) offset += await file.write(bytes.subarray(offset));
    },
    sync: () => file.sync(),
    close: () => new Promise((resolve) => resolve(file.close())), // a second time it throws
    get rest() {
      return { size: file.statSync().size - position, take: () => file.readable };
    },
  };
}

/** Reads and writes a file from a place on. */
export function cursorOver(
  file: Omit<RandomFile, "size" | "truncate">,
  start: number,
): FileCursor {
  let position = start;
  return {
    async read(view) {
      const count = await file.read(view, position);
      position += count;
      return count;
    },
    async write(bytes) {
      await file.write(bytes, position);
      position += bytes.byteLength;
    },
    sync: file.sync,
    close: file.close,
  };
}

/** A file that is read and written at any place. One call at a time. */
export interface RandomFile {
  /** Reads into a buffer from a position; answers how many bytes, 0 at the end. */
  read(view: Uint8Array, position: number): Promise<number>;
  /** Writes all bytes at a position. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** How many bytes there are. */
  size(): Promise<number>;
  /** Cuts it to a size. */
  truncate(size: number): Promise<void>;
  /** Waits until the disk has what was written. */
  sync(): Promise<void>;
  /** Closes it. */
  close(): Promise<void>;
}

/**
 * Opens a file that is read and written at any place, on Deno by its own API: there `node:fs` writes
 * before it answers, while nothing else goes on.
 */
export async function openRandomFile(
  system: FileSystem,
  path: string,
  mode: CursorMode,
  permissions?: number,
): Promise<RandomFile> {
  const { Deno } = globalThis as unknown as { Deno?: DenoOpen };
  if (Deno?.open !== undefined) {
    const options: DenoOptions = { ...DENO_OPTIONS[mode], read: true };
    if (permissions !== undefined) options.mode = permissions;
    return denoRandomFile(await Deno.open(path, options));
  }
  const flags = mode === "create" ? "wx+" : NODE_FLAGS[mode];
  return nodeFile(await system.open(path, flags, permissions));
}

function nodeFile(file: FileHandle): RandomFile {
  return {
    read: async (view, position) => (await file.read(view, 0, view.byteLength, position)).bytesRead,
    async write(bytes, position) {
      for (let at = 0; at < bytes.byteLength;) {
        const left = bytes.byteLength - at;
        at += (await file.write(bytes, at, left, position + at)).bytesWritten;
      }
    },
    size: async () => (await file.stat()).size,
    truncate: (size) => file.truncate(size),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

function denoRandomFile(file: DenoFile): RandomFile {
  /** Where the file stands; unknown while a call runs. */
  let stands: number | undefined = 0;

  async function call(position: number, run: () => Promise<number>): Promise<number> {
    if (position !== stands) await file.seek(position, 0);
    stands = undefined;
    const count = await run();
    stands = position + count;
    return count;
  }

  return {
    read: (view, position) => call(position, async () => await file.read(view) ?? 0),
    async write(bytes, position) {
      for (let at = 0; at < bytes.byteLength;) {
        at += await call(position + at, () => file.write(bytes.subarray(at)));
      }
    },
    size: async () => (await file.stat()).size,
    truncate: (size) => file.truncate(size),
    sync: () => file.sync(),
    close: () => new Promise((resolve) => resolve(file.close())),
  };
}

/** The folder for temporary files; `undefined` where there are no files. */
export function temporaryFolder(): string | undefined {
  return builtin<{ tmpdir(): string }>("os")?.tmpdir();
}

/** What {@linkcode readWhole} found where there is no file to read. */
export type Unread = "missing" | "not a file" | "too large";

interface SyncFiles {
  statSync(path: string): FileStat;
  readFileSync(path: string): Uint8Array;
  openSync(path: string, flags: string): number;
  writeSync(file: number, text: string): void;
  closeSync(file: number): void;
  linkSync(existing: string, path: string): void;
  unlinkSync(path: string): void;
}

/**
 * Makes a small file, with its text from the first moment on; fails with the code `EEXIST` where there
 * is one. Written as `temporary` and linked, as a process may be killed in between; a disk that knows
 * no links gets the file first, and one that is full the file without the text. For locks: calls that
 * are handed to another thread each take longer than these.
 */
export function makeFileSync(path: string, text: string, temporary: string): void {
  const system = builtin<SyncFiles>("fs")!;
  try {
    writeFileSync(system, temporary, text);
    system.linkSync(temporary, path);
  } catch (error) {
    if (!hasCode(error, "EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "ENOSPC")) throw error;
    writeFileSync(system, path, text);
  } finally {
    removeFileSync(temporary);
  }
}

function writeFileSync(system: SyncFiles, path: string, text: string): void {
  const file = system.openSync(path, "wx");
  try {
    system.writeSync(file, text);
  } catch (error) {
    if (!hasCode(error, "ENOSPC", "EDQUOT")) throw error;
  } finally {
    system.closeSync(file);
  }
}

/** Removes a file, where there is one. */
export function removeFileSync(path: string): void {
  try {
    builtin<SyncFiles>("fs")!.unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/**
 * Everything in a file of at most `maxBytes` bytes, or why not.
 *
 * @throws The system's error, when the file may not be read.
 */
export async function readWhole(
  system: FileSystem,
  path: string,
  maxBytes: number,
): Promise<Uint8Array | Unread> {
  try {
    const unread = unreadable(await system.stat(path), maxBytes);
    return unread ?? within(await system.readFile(path), maxBytes);
  } catch (error) {
    if (isMissing(error)) return "missing";
    throw error;
  }
}

/** {@linkcode readWhole} for callers that cannot wait; `undefined` where there are no files. */
export function readWholeSync(path: string, maxBytes: number): Uint8Array | Unread | undefined {
  const system = builtin<SyncFiles>("fs");
  if (system === undefined) return undefined;
  try {
    return unreadable(system.statSync(path), maxBytes) ??
      within(system.readFileSync(path), maxBytes);
  } catch (error) {
    if (isMissing(error)) return "missing";
    throw error;
  }
}

function unreadable(stat: FileStat, maxBytes: number): Unread | undefined {
  if (!stat.isFile()) return "not a file"; // a pipe would be waited for without end
  return stat.size > maxBytes ? "too large" : undefined;
}

/** It may have grown since. */
function within(bytes: Uint8Array, maxBytes: number): Uint8Array | Unread {
  return bytes.byteLength > maxBytes ? "too large" : bytes;
}

/** The part of `node:fs/promises` that a config is written with: its mode and owner stay. */
export interface LoginFiles {
  /** Opens a file. */
  open(path: string, flags: string, mode: number): Promise<FileHandle>;
  /** Gives a file another name, in place of the one that has it. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. */
  rm(path: string, options: { force: boolean }): Promise<void>;
  /** Where a symbolic link points; fails with the code `EINVAL` where there is no link. */
  readlink(path: string): Promise<string>;
  /** What a file is, who may use it, and whose it is. */
  stat(path: string): Promise<FileStat & { mode: number; uid: number; gid: number }>;
  /** Sets who may use a file. */
  chmod(path: string, mode: number): Promise<void>;
  /** Gives a file to a user and a group. */
  chown(path: string, uid: number, gid: number): Promise<void>;
  /** Makes a folder. */
  mkdir(path: string, options: { recursive: boolean; mode: number }): Promise<unknown>;
}

/** The machine's files, for configs; `undefined` where there are none. */
export function loginFiles(): LoginFiles | undefined {
  return builtin<LoginFiles>("fs/promises");
}
