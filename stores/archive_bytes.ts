import { type Bytes, EMPTY } from "../content/bytes.ts";
import { compressionOf, decompressed } from "../content/compression.ts";
import type { DecompressLimits } from "../content/gzip.ts";
import { type PieceReader, pieceReader, readerStream } from "../content/piece_reader.ts";
import { InvalidArchiveError, InvalidOptionError, LimitError } from "../errors.ts";
import { openCursor } from "../runtime/files.ts";
import { fileStream } from "./file_stream.ts";
import { files } from "./files.ts";
import { type FileBody, opened, openFile } from "./open_file.ts";
import { PieceWriter } from "./piece_writer.ts";
import { SharedFile } from "./shared_file.ts";

/** What an archive is read from: a path, something that can be opened at any place, or a stream. */
export type ArchiveInput = string | FileBody | Blob | ReadableStream<Bytes>;

/** The bytes of a tar, which can be read from any place, by several at once. */
export interface ArchiveBytes {
  /** How many there are. */
  readonly size: number;
  /** A part of them. */
  open(offset: number, length: number): Promise<ReadableStream<Bytes>>;
  /** Lets go of them. */
  close(): Promise<void>;
}

/** Enough to tell how it is compressed. */
const HEAD_BYTES = 4;

/**
 * The bytes of an archive, decompressed. A compressed one, and a stream, go to a temporary file without
 * a name; every other one is read in place.
 *
 * @throws {ContentNotFoundError} When there is no such file.
 * @throws {InvalidOptionError} When it is none of the four kinds of input.
 * @throws {InvalidArchiveError} When it is compressed, and cut or damaged.
 * @throws {LimitError} When it decompresses to more than the limits.
 */
export async function archiveBytes(
  input: ArchiveInput,
  limits: DecompressLimits,
  signal?: AbortSignal,
): Promise<ArchiveBytes> {
  if (input instanceof ReadableStream) {
    return await checked(await spooled(pieceReader(input), limits, signal));
  }
  const bytes = await inPlace(input);
  if (compressionOf(await headOf(bytes)) === "none") return await checked(bytes);
  const whole = pieceReader(await bytes.open(0, bytes.size));
  return await checked(await spooled(whole, limits, signal));
}

/** Formats that are not read here, by what they begin with. */
const OTHER_FORMATS: [name: string, head: number[]][] = [
  ["7z", [0x37, 0x7a, 0xbc, 0xaf]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["compress (.Z)", [0x1f, 0x9d]],
  ["cpio", [0x30, 0x37, 0x30, 0x37]],
  ["lz4", [0x04, 0x22, 0x4d, 0x18]],
  ["lzip", [0x4c, 0x5a, 0x49, 0x50]],
  ["lzma", [0x5d, 0x00, 0x00]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58]],
  ["zip", [0x50, 0x4b, 0x03, 0x04]],
];

/** The bytes, where they may be a tar; else they are let go of. */
async function checked(bytes: ArchiveBytes): Promise<ArchiveBytes> {
  const head = await headOf(bytes);
  const other = OTHER_FORMATS.find(([, magic]) => magic.every((byte, at) => head[at] === byte));
  const inside = compressionOf(head);
  const found = bytes.size === 0
    ? "it is empty"
    : inside !== "none"
    ? `what it unpacks to is ${inside} again; unpack it first`
    : other && `it is ${other[0]}; unpack it first, or pack the tar with gzip or zstd`;
  if (found === undefined) return bytes;
  await bytes.close();
  throw new InvalidArchiveError(`Cannot read the archive: ${found}`);
}

async function headOf(bytes: ArchiveBytes): Promise<Bytes> {
  const length = Math.min(HEAD_BYTES, bytes.size);
  if (length === 0) return EMPTY;
  return new Uint8Array(await new Response(await bytes.open(0, length)).arrayBuffer());
}

async function inPlace(input: string | FileBody | Blob): Promise<ArchiveBytes> {
  const close = () => Promise.resolve();
  if (typeof input === "string") {
    const { size } = await openFile(input);
    const system = files(`open ${input}`);
    const open = async (offset: number, length: number) => {
      const file = await opened(input, () => openCursor(system, input, "read", offset));
      return fileStream(file, length, input);
    };
    return { size, open, close };
  }
  if (input instanceof Blob) {
    const open = (offset: number, length: number) =>
      Promise.resolve(input.slice(offset, offset + length).stream() as ReadableStream<Bytes>);
    return { size: input.size, open, close };
  }
  if (typeof input?.open === "function" && Number.isSafeInteger(input.size)) {
    return {
      size: input.size,
      open: async (offset, length) => firstBytes(pieceReader(await input.open(offset)), length),
      close,
    };
  }
  throw new InvalidOptionError(
    "Cannot open the archive: it must be a path, {size, open()}, a Blob or a ReadableStream",
  );
}

function firstBytes(reader: PieceReader, length: number): ReadableStream<Bytes> {
  let left = length;
  return readerStream({
    async read() {
      const { value } = left > 0 ? await reader.read() : {};
      const piece = value?.subarray(0, left) as Bytes | undefined;
      left -= piece?.byteLength ?? 0;
      if (piece === undefined || left === 0) await reader.cancel();
      return piece === undefined ? { done: true } : { done: false, value: piece };
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

async function spooled(
  source: PieceReader,
  limits: DecompressLimits,
  signal?: AbortSignal,
): Promise<ArchiveBytes> {
  const file = await SharedFile.temporary("read an archive that is a stream or compressed");
  const abort = () => void source.cancel(signal!.reason).catch(() => {});
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    const { reader } = await decompressed(source, limits);
    const writer = new PieceWriter(file.cursor(0));
    let left = limits.maxBytes;
    const onPiece = ({ byteLength }: Bytes) => {
      left -= byteLength;
      if (left < 0) throw tooLarge(limits);
    };
    await writer.write(reader, { onPiece, ...(signal && { signal }) });
    signal?.throwIfAborted();
    return sharedBytes(file, writer.written, () => file.remove());
  } catch (error) {
    await source.cancel(error).catch(() => {});
    await file.remove();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function tooLarge({ maxBytes: maximum }: DecompressLimits): LimitError {
  return new LimitError(`Cannot read the archive: it is larger than maxBytes, ${maximum}`, {
    limit: "maxBytes",
    maximum,
  });
}

/** The bytes of a file of ours. */
export function sharedBytes(
  file: SharedFile,
  size: number,
  close: () => Promise<void>,
): ArchiveBytes {
  const open = (offset: number, length: number) =>
    Promise.resolve(fileStream(file.cursor(offset), length));
  return { size, open, close };
}
