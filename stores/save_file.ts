import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { basename } from "@std/path/basename";
import { dirname } from "@std/path/dirname";
import { join } from "@std/path/join";
import type { Bytes } from "../content/bytes.ts";
import { pieceReader } from "../content/piece_reader.ts";
import { type FileCursor, openCursor } from "../runtime/files.ts";
import { checkReplaceable, inPlace, onDiskCursor } from "./disk_error.ts";
import { files } from "./files.ts";
import { PieceWriter } from "./piece_writer.ts";

/** Options of {@linkcode saveFile}. */
export interface SaveFileOptions {
  /** Ends it with the signal's reason; nothing is left behind. */
  signal?: AbortSignal;
}

const SAVE_FILE_OPTIONS: OptionNames<SaveFileOptions> = names("signal");

/**
 * Writes a stream to a file: all of it, or nothing. It goes to a temporary file beside the target,
 * which takes the target's name at the end, after a stream that verifies has verified. One buffer
 * is written while the next one is read. On Deno it needs permission to write to the folder.
 *
 * @returns The count of bytes written.
 * @throws What the stream throws, such as {@linkcode BadDigestError}.
 * @throws {StorageError} When the disk is full or read-only, the file not this user's to write, or
 * the path a folder's or a device's.
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 *
 * @example
 * ```ts
 * import { saveFile } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await saveFile(path, new Blob(["hello"]).stream());
 * assertEquals(await Deno.readTextFile(path), "hello");
 * await Deno.remove(path);
 * ```
 */
export async function saveFile(
  path: string,
  stream: ReadableStream<Bytes>,
  options: SaveFileOptions = {},
): Promise<number> {
  checkOptions(options, SAVE_FILE_OPTIONS);
  checkArgument("path", path, "path");
  checkArgument("stream", stream, "stream");
  const { signal } = options;
  const system = files(`write ${path}`);
  const reader = pieceReader(stream);
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.part`);
  let file: FileCursor | undefined;
  try {
    signal?.throwIfAborted();
    await checkReplaceable(system, path);
    const open = () => openCursor(system, temporary, "create");
    file = onDiskCursor(path, await inPlace(path, open));
    const writer = new PieceWriter(file);
    await writer.write(reader, { ...(signal && { signal }) });
    await file.close();
    await inPlace(path, () => system.rename(temporary, path));
    return writer.written;
  } catch (error) {
    await reader.cancel(error).catch(() => {});
    await file?.close().catch(() => {});
    if (file !== undefined) await system.rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}
