import { basename, dirname, join } from "@std/path";
import type { Bytes } from "../content/bytes.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import type { FileHandle } from "../runtime/files.ts";
import { files } from "./files.ts";

/** Options of {@linkcode saveFile}. */
export interface SaveFileOptions {
  /** Ends it with the signal's reason; nothing is left behind. */
  signal?: AbortSignal;
}

/** Measured: half of it costs a tenth of the speed, twice as much gains nothing. */
const BUFFER_BYTES = 1024 * 1024;

/**
 * Writes a stream to a file: all of it, or nothing. It goes to a temporary file beside the target,
 * which takes the target's name at the end, after a stream that verifies has verified. One buffer
 * is written while the next one is read. On Deno it needs permission to write to the folder.
 *
 * @returns The count of bytes written.
 * @throws What the stream throws, such as {@linkcode BadDigestError}.
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
  const { signal } = options;
  const system = files(`write ${path}`);
  const reader = pieceReader(stream);
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.part`);
  let file: FileHandle | undefined;
  try {
    file = await system.open(temporary, "wx");
    const size = await writeAll(file, reader, signal);
    await file.close();
    await system.rename(temporary, path);
    return size;
  } catch (error) {
    await reader.cancel(error).catch(() => {});
    await file?.close().catch(() => {});
    if (file !== undefined) await system.rm(temporary, { force: true });
    throw error;
  }
}

/** Fills one buffer while the other one is written. */
async function writeAll(
  file: FileHandle,
  reader: PieceReader,
  signal: AbortSignal | undefined,
): Promise<number> {
  let position = 0;
  let free = new Uint8Array(BUFFER_BYTES);
  let writing: Promise<Bytes> = Promise.resolve(new Uint8Array(BUFFER_BYTES));
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { filled, done } = await fill(reader, free);
      free = await writing;
      writing = write(file, filled, position);
      writing.catch(() => {}); // awaited in the next round
      position += filled.byteLength;
      if (done) break;
    }
    await writing;
    return position;
  } finally {
    await writing.catch(() => {}); // the file must not be closed under a write
  }
}

/** Reads until a buffer is full or the stream ends. The buffer itself may be handed over below. */
async function fill(
  reader: PieceReader,
  buffer: Bytes,
): Promise<{ filled: Bytes; done: boolean }> {
  let memory = buffer;
  let count = 0;
  while (count < BUFFER_BYTES) {
    const space = new Uint8Array(memory.buffer, count, BUFFER_BYTES - count);
    const { done, value } = await reader.read(space);
    const tookSpace = memory.buffer.byteLength === 0;
    if (done || value === undefined) {
      if (tookSpace) memory = new Uint8Array(value!.buffer);
      return { filled: memory.subarray(0, count) as Bytes, done: true };
    }
    if (tookSpace) {
      memory = new Uint8Array(value.buffer);
      count += value.byteLength;
      continue;
    }
    // A stream with pieces of its own: what does not fit makes a larger write, which is rare.
    if (value.byteLength > space.byteLength) {
      const whole = new Uint8Array(count + value.byteLength);
      whole.set(memory.subarray(0, count));
      whole.set(value, count);
      return { filled: whole, done: false };
    }
    memory.set(value, count);
    count += value.byteLength;
  }
  return { filled: memory, done: false };
}

/** Writes a buffer and gives its memory back. */
async function write(file: FileHandle, bytes: Bytes, position: number): Promise<Bytes> {
  let offset = 0;
  while (offset < bytes.byteLength) {
    const left = bytes.byteLength - offset;
    const { bytesWritten } = await file.write(bytes, offset, left, position + offset);
    offset += bytesWritten;
  }
  const { buffer } = bytes;
  return buffer.byteLength === BUFFER_BYTES ? new Uint8Array(buffer) : new Uint8Array(BUFFER_BYTES);
}
