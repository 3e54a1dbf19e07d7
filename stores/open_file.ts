import { checkArgument } from "../content/check_argument.ts";
import { ContentNotFoundError, InvalidOptionError } from "../errors.ts";
import type { ReopenableBody } from "../content/body.ts";
import { isMissing, openCursor } from "../runtime/files.ts";
import { onDisk } from "./disk_error.ts";
import { files } from "./files.ts";
import { fileStream } from "./file_stream.ts";

/** A file as something to send: its size is known, and it can be opened from any offset. */
export interface FileBody extends ReopenableBody {
  /** The file's size in bytes. */
  readonly size: number;
}

/**
 * A file as a body for `putBlob`: read while it is sent, again after a fault, never held in memory.
 * On Deno it needs permission to read the file.
 *
 * @throws {ContentNotFoundError} When there is no such file.
 * @throws {InvalidOptionError} When it is not a regular file.
 * @throws {StorageError} When it is not this user's to read, or the disk fails.
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 *
 * @example
 * ```ts
 * import { openFile, saveFile } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await saveFile(path, new Blob(["hello"]).stream());
 * assertEquals((await openFile(path)).size, 5);
 * await Deno.remove(path);
 * ```
 */
export async function openFile(path: string): Promise<FileBody> {
  checkArgument("path", path, "path");
  const system = files(`open ${path}`);
  const file = await opened(path, () => system.open(path, "r"));
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new InvalidOptionError(`Cannot open ${path}: it is not a file`);
    return {
      size: stat.size,
      open: async (offset = 0) =>
        fileStream(
          await opened(path, () => openCursor(system, path, "read", offset)),
          Infinity,
          path,
        ),
    };
  } finally {
    await file.close();
  }
}

/** Opens a file that should be there. */
export async function opened<T>(path: string, open: () => Promise<T>): Promise<T> {
  try {
    return await onDisk("read", path, open);
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
    throw new ContentNotFoundError(`Cannot open ${path}: there is no such file`, { cause });
  }
}
