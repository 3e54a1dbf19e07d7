import { dirname } from "@std/path/dirname";
import { StorageError } from "../errors.ts";
import type { FileCursor } from "../runtime/files.ts";

/** What the codes mean that a caller can do something about. */
const REASONS: Record<string, string> = {
  EACCES: "permission is denied",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the disk takes no file of that size",
  EIO: "the disk has failed",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
  ENOSPC: "no space is left on the disk",
  EPERM: "it is not permitted",
  EROFS: "the file system is read-only",
};

/** What Deno's own errors say where they have no code. */
const NAMES: Record<string, string> = { NotCapable: "EACCES", PermissionDenied: "EACCES" };

/** A {@linkcode StorageError} in the place of a system's error that is the disk's, else that error. */
export function diskError(verb: "read" | "write", path: string, error: unknown): unknown {
  const { code, name } = (error ?? {}) as { code?: string; name?: string };
  const known = code !== undefined && code in REASONS ? code : NAMES[name ?? ""];
  if (known === undefined || error instanceof StorageError) return error;
  return new StorageError(`Cannot ${verb} ${path}: ${REASONS[known]}`, { cause: error, path });
}

/** Does something with a file or folder; a disk that fails is a {@linkcode StorageError}. */
export async function onDisk<T>(
  verb: "read" | "write",
  path: string,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw diskError(verb, path, error);
  }
}

/** Makes a file: {@linkcode onDisk}, where its folder may not be there. */
export async function inFolder<T>(path: string, make: () => Promise<T>): Promise<T> {
  try {
    return await onDisk("write", path, make);
  } catch (cause) {
    const { code = "" } = cause as { code?: string };
    if (code !== "ENOENT" && code !== "ENOTDIR") throw cause;
    const message = `Cannot write ${path}: there is no folder ${dirname(path)}`;
    throw new StorageError(message, { cause, path });
  }
}

/** A file that is written to, with errors of its disk that name a path. */
export function onDiskCursor(path: string, file: FileCursor): FileCursor {
  return {
    ...file,
    write: (bytes) => onDisk("write", path, () => file.write(bytes)),
    sync: () => onDisk("write", path, () => file.sync()),
  };
}
