import { builtin } from "./builtin.ts";

/** The part of `node:fs/promises` that davit uses, spelled out: its types are not everybody's. */
export interface FileSystem {
  /** Opens a file. */
  open(path: string, flags: string, mode?: number): Promise<FileHandle>;
  /** Gives a file another name, in place of the one that has it. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a folder. */
  rm(path: string, options?: { force?: boolean; recursive?: boolean }): Promise<void>;
  /** Everything in a file. */
  readFile(path: string): Promise<Uint8Array>;
  /** What a file is; fails with the code `ENOENT` where there is none. */
  stat(path: string): Promise<{ size: number; isFile(): boolean }>;
  /** Makes a folder. */
  mkdir(path: string, options?: { recursive?: boolean }): Promise<unknown>;
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
  stat(): Promise<{ size: number; isFile(): boolean }>;
  /** Waits until the disk has what was written. */
  sync(): Promise<void>;
  /** Closes it. */
  close(): Promise<void>;
}

/** Whether an error of the file system says that there is no such file or folder. */
export function isMissing(error: unknown): boolean {
  return (error as { code?: string } | undefined)?.code === "ENOENT";
}

/** The machine's files; `undefined` where there are none, in a browser or a worker. */
export function fileSystem(): FileSystem | undefined {
  return builtin<FileSystem>("fs/promises");
}
