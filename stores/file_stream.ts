import type { Bytes } from "../content/bytes.ts";
import { freeMemory, takeMemory } from "../content/memory.ts";
import { readerStream } from "../content/piece_reader.ts";
import type { FileCursor } from "../runtime/files.ts";
import { diskError } from "./disk_error.ts";

/**
 * What one read takes for a reader who brings no buffer. Measured on 1 GiB: a quarter costs more
 * calls, four times as much is allocated in vain.
 */
const READ_BYTES = 256 * 1024;

/** How many pieces a server may still hold when it asks for the next one; Deno's holds one. */
const PIECES_IN_USE = 3;

/** What a stream was made of. */
interface Source {
  file: FileCursor;
  path: string;
  length: number;
  onBytes?: (count: number) => void;
}

const sources = new WeakMap<ReadableStream, Source>();

/**
 * Reports how many bytes each read of a file's stream takes: a stream around it, which counts what
 * passes, makes serving a large blob slower by a third.
 *
 * @returns `false` when it is no file's stream, and nothing will be reported.
 */
export function countReads(
  stream: ReadableStream<Bytes>,
  onBytes: (count: number) => void,
): boolean {
  const source = sources.get(stream);
  if (source !== undefined) source.onBytes = onBytes;
  return source !== undefined;
}

/**
 * A file's stream for a server that has written a piece out when it asks for the next but one: the
 * memory of a piece is then given back at once. Left to the garbage collector, 1 GiB costs a million
 * page faults, and twice the time.
 *
 * @returns A stream in the place of that one, of which nothing was read; `undefined` for any other.
 */
export function servedStream(stream: ReadableStream<Bytes>): ReadableStream<Bytes> | undefined {
  const source = sources.get(stream);
  if (source === undefined || stream.locked || !sources.delete(stream)) return undefined;
  const { close, read } = reading(source);
  const inUse: Bytes[] = [];
  return new ReadableStream({
    async pull(controller) {
      if (inUse.length >= PIECES_IN_USE) freeMemory(inUse.shift()!);
      const buffer = new Uint8Array(READ_BYTES);
      const count = await read(buffer);
      if (count > 0) {
        inUse.push(buffer);
        controller.enqueue(buffer.subarray(0, count) as Bytes);
      }
      if (count > 0 && source.length > 0) return;
      await close();
      controller.close();
    },
    cancel: close,
  }, { highWaterMark: 0 });
}

/**
 * A byte stream of a file from its position on, at most `length` bytes; its end closes the file. Errors
 * call the file by its path.
 */
export function fileStream(
  file: FileCursor,
  length = Infinity,
  path = "the file",
): ReadableStream<Bytes> {
  const source: Source = { file, path, length };
  const { close, read } = reading(source);
  const stream = readerStream({
    async read(view) {
      const memory = view === undefined ? new Uint8Array(READ_BYTES) : takeMemory(view);
      const count = await read(memory);
      // At the last byte: no read for the end is needed.
      if (source.length === 0) await close();
      return { done: count === 0, value: memory.subarray(0, count) as Bytes };
    },
    cancel: close,
    get native() {
      if (source.length !== length) return undefined;
      const { rest } = file;
      if (rest === undefined || rest.size > length) return undefined; // an entry of a tar: more follows
      const take = () => rest.take() as ReadableStream<Bytes>;
      return { size: length, keepsLength: false, take, moved() {} };
    },
  });
  sources.set(stream, source);
  return stream;
}

function reading(
  source: Source,
): { read(view: Bytes): Promise<number>; close(): Promise<void> } {
  let closing: Promise<void> | undefined;
  // A reader that has the last byte may cancel while the file is being closed.
  const close = () => closing ??= source.file.close();
  return {
    close,
    async read(view) {
      const { file, length } = source;
      const wanted = view.byteLength > length ? view.subarray(0, length) : view;
      if (wanted.byteLength === 0) return 0;
      try {
        const count = await file.read(wanted);
        source.length = count === 0 ? 0 : length - count;
        source.onBytes?.(count);
        return count;
      } catch (error) {
        await close().catch(() => {});
        throw diskError("read", source.path, error);
      }
    },
  };
}
