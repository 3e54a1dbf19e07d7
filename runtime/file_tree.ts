import { builtin } from "./builtin.ts";
import type { FileStat, FileSystem } from "./files.ts";

/** What stands at a path, with what a tar keeps of it. */
export interface TreeStat extends FileStat {
  /** The type and the permission bits. */
  readonly mode: number;
  /** Whether it is a symbolic link. */
  isSymbolicLink(): boolean;
}

/** The part of `node:fs/promises` that folders are packed and unpacked with. */
export interface FileTree extends FileSystem {
  /** What a file is; fails with the code `ENOENT` where there is none. */
  stat(path: string): Promise<TreeStat>;
  /** What stands at a path, without following it where it is a symbolic link. */
  lstat(path: string): Promise<TreeStat>;
  /** Where a symbolic link leads. */
  readlink(path: string): Promise<string>;
  /** Makes a symbolic link. */
  symlink(target: string, path: string): Promise<void>;
  /** Sets the permission bits. */
  chmod(path: string, mode: number): Promise<void>;
}

/** The machine's files and folders; `undefined` where there are none, in a browser or a worker. */
export function fileTree(): FileTree | undefined {
  return builtin<FileTree>("fs/promises");
}
