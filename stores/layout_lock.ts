import { join } from "@std/path/join";
import { TimeoutError } from "../errors.ts";
import { acquireFileLock } from "../runtime/file_lock.ts";
import { onDisk } from "./disk_error.ts";
import type { LayoutFolder } from "./layout_folder.ts";
import { temporaryName } from "./partial_names.ts";

/** The lock's name in the folder for what is not whole yet. */
const LOCK = "lock";

/** When a lock that nobody has touched was left behind, in milliseconds. */
const STALE_MS = 30_000;

/** How long one holder is waited for, in milliseconds: longer than writing a million entries takes. */
const PATIENCE_MS = 120_000;

/**
 * Runs something that no other process of davit does to the layout at the same time.
 *
 * @throws {TimeoutError} When a process holds the lock for minutes.
 * @throws {StorageError} When the folder cannot be written to.
 */
export async function withLayoutLock<T>(
  folder: LayoutFolder,
  run: () => Promise<T>,
): Promise<T> {
  const path = join(await folder.partials(), LOCK);
  const release = await onDisk("write", path, () =>
    acquireFileLock({
      path,
      temporary: () => join(path, "..", temporaryName()),
      inFolder: (path, make) => folder.inPartials(path, make),
      stale: STALE_MS,
      patience: PATIENCE_MS,
      late: (owner) =>
        new TimeoutError(
          `Cannot write to ${folder.folder}: the process ${owner} has held ${path} for minutes`,
        ),
    }));
  try {
    return await run();
  } finally {
    await onDisk("write", path, () => new Promise<void>((resolve) => resolve(release())));
  }
}
