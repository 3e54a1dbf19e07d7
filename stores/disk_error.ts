import { dirname } from "@std/path/dirname";
import { ApiError, StorageError } from "../errors.ts";
import type { FileCursor, FileSystem } from "../runtime/files.ts";

/** What the codes mean that a caller can do something about. */
const REASONS: Record<string, string> = {
  EACCES: "permission is denied",
  EBADMSG: "the file system is damaged",
  EBUSY: "it is in use",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the disk takes no file of that size",
  EIO: "the disk has failed",
  EISDIR: "a folder is in its place",
  ELOOP: "the links on the way to it lead in a circle",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
  ENODEV: "the disk is gone",
  ENOSPC: "no space is left on the disk",
  ENOTCONN: "what serves the file system has gone: mount it again",
  ENOTEMPTY: "a folder is in its place",
  ENXIO: "the disk is gone",
  EPERM: "it is not permitted",
  EROFS: "the file system is read-only",
  ESTALE: "the server of the file system has another file there by now, or none",
  ETIMEDOUT: "the disk does not answer",
  EUCLEAN: "the file system is damaged",
};

/** What else keeps a file from being made; who looks whether something is there sees these codes themselves. */
const PLACE_REASONS: Record<string, string> = {
  EEXIST: "something else is in its place",
  ENAMETOOLONG: "the name is too long",
  ENOTDIR: "a file is where a folder should be",
};

/** What Deno's own errors say where they have no code. */
const NAMES: Record<string, string> = { NotCapable: "EACCES", PermissionDenied: "EACCES" };

/** Codes that say what stands at a path: callers look for these themselves. */
const PLACE_CODES: readonly string[] = ["ENOENT", ...Object.keys(PLACE_REASONS)];

/**
 * A {@linkcode StorageError} in the place of a system's error that is the disk's, whatever its code, else
 * that error.
 */
export function diskError(
  verb: "read" | "write",
  path: string,
  error: unknown,
  reasons = REASONS,
): unknown {
  if (!(error instanceof Error) || error instanceof ApiError) return error;
  const { code = NAMES[error.name] ?? "", message, name } = error as Error & { code?: unknown };
  if (typeof code !== "string") return error;
  const own = code.replace(/^ERR_FS_(?=E)/, ""); // Node says so of a folder that is to be removed
  const known = own in reasons ? own : NAMES[name] ?? own;
  // Node's own codes have an underscore; Deno gives some of the system's errors none.
  const isSystem = /^E[A-Z0-9]+$/.test(known) || / \(os error \d+\)/.test(message);
  if (!isSystem || (PLACE_CODES.includes(known) && !(known in reasons))) return error;
  const reason = reasons[known] ?? `the system says ${known || message}`;
  return new StorageError(`Cannot ${verb} ${path}: ${reason}`, { cause: error, path });
}

/** The same for who cannot go on without the file or folder: whatever is in its way is told. */
export function placeError(
  path: string,
  error: unknown,
  ENOENT = `there is no folder ${dirname(path)}`,
): unknown {
  return diskError("write", path, error, { ...REASONS, ...PLACE_REASONS, ENOENT });
}

/** The same for what was there a moment before, and a user or another program may have removed. */
export function goneError(path: string, error: unknown): unknown {
  return placeError(path, error, "it was removed meanwhile, or the folder that it is in");
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

/**
 * Checks that a new file may take a path's name: in the place of a file, but of no folder, device or pipe.
 *
 * @throws {StorageError} When it may not.
 */
export async function checkReplaceable(system: FileSystem, path: string): Promise<void> {
  const stat = await system.stat(path).catch(() => undefined);
  if (stat === undefined || stat.isFile()) return;
  throw new StorageError(`Cannot write ${path}: something that is not a file has that name`, {
    path,
  });
}

/** Makes, or names, a file that cannot be done without. */
export async function inPlace<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw placeError(path, error);
  }
}

/** A file that is written to, with errors of its disk that name a path. */
export function onDiskCursor(path: string, file: FileCursor): FileCursor {
  return {
    ...file,
    write: (bytes) => onDisk("write", path, () => file.write(bytes)),
    sync: () => onDisk("write", path, () => file.sync()),
    close: () => onDisk("write", path, () => file.close()), // NFS, and quotas, may say no only then
  };
}
