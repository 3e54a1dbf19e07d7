import { bytesStream } from "../content/body.ts";
import { type Bytes, EMPTY } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { parseDigest } from "../content/digest.ts";
import { type PieceReader, pieceReader, readerStream } from "../content/piece_reader.ts";
import type { OpenOptions } from "../content/store.ts";
import { passingStream, verifyingStream } from "../content/verifying_stream.ts";
import { storedRange } from "./stored_range.ts";

/** Some content of an archive: how large it is, and how a part of it is read. */
export interface ArchiveContent {
  /** Its size in bytes. */
  readonly size: number;
  /** A part of it. */
  open(offset: number, length: number): Promise<PieceReader>;
}

/** Content that is in memory. */
export function memoryContent(bytes: Bytes): ArchiveContent {
  return {
    size: bytes.byteLength,
    open: (offset, length) =>
      Promise.resolve(pieceReader(bytesStream(bytes.subarray(offset, offset + length)))),
  };
}

/**
 * The bytes that `open` is asked for, verified when they are the whole.
 *
 * @throws {SizeMismatchError} When the size is not the descriptor's.
 */
export async function openContent(
  content: ArchiveContent,
  descriptor: Descriptor,
  options: OpenOptions,
): Promise<ReadableStream<Bytes>> {
  const { signal, verify = true } = options;
  const { size } = content;
  const { offset, length } = storedRange(descriptor, size, options);
  if (length === 0 || (offset === size && size > 0)) return bytesStream(EMPTY);
  const reader = await content.open(offset, Math.min(length, size - offset));
  if (verify && offset === 0 && length >= size) {
    const digest = parseDigest(descriptor.digest);
    return await verifyingStream(reader, { digest, size }, signal && { signal });
  }
  return signal === undefined ? readerStream(reader) : passingStream(reader, { signal });
}
