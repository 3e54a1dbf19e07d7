import { type Bytes, concatBytes, EMPTY } from "./bytes.ts";
import { type DecompressLimits, gunzip } from "./gzip.ts";
import type { PieceReader } from "./piece_reader.ts";

/** How bytes are compressed. */
export type Compression = "none" | "gzip" | "zstd";

/** What the formats begin with. A zstd file may begin with a frame to skip, numbered 0 to 15. */
const MAGIC: [compression: Compression, mask: number, head: number[]][] = [
  ["gzip", 0xff, [0x1f, 0x8b]],
  ["zstd", 0xff, [0x28, 0xb5, 0x2f, 0xfd]],
  ["zstd", 0xf0, [0x50, 0x2a, 0x4d, 0x18]],
];

const HEAD_BYTES = 4;

/** How bytes are compressed, by what they begin with: names and media types are often wrong. */
export function compressionOf(head: Uint8Array): Compression {
  const found = MAGIC.find(([, mask, bytes]) =>
    bytes.every((byte, at) => at < head.byteLength && (head[at]! & (at ? 0xff : mask)) === byte)
  );
  return found?.[0] ?? "none";
}

/** How a reader's bytes are compressed, and a reader of all of them. */
export async function peekCompression(
  source: PieceReader,
): Promise<{ compression: Compression; reader: PieceReader }> {
  let head: Bytes = EMPTY;
  while (head.byteLength < HEAD_BYTES) {
    const { value } = await source.read();
    if (value === undefined || value.byteLength === 0) break;
    head = concatBytes([head, value]);
  }
  const compression = compressionOf(head);
  const reader: PieceReader = {
    async read(view) {
      if (head.byteLength === 0) return await source.read(view);
      const value = head;
      head = EMPTY;
      return { done: false, value };
    },
    cancel: (reason) => source.cancel(reason),
  };
  return { compression, reader };
}

/**
 * Decompresses what a reader has, by what it begins with.
 *
 * @throws {InvalidArchiveError} While reading, when it is cut or damaged.
 * @throws {LimitError} While reading, when more comes out than the limits allow.
 */
export async function decompressed(
  source: PieceReader,
  limits: DecompressLimits,
): Promise<{ compression: Compression; reader: PieceReader }> {
  const { compression, reader } = await peekCompression(source);
  if (compression === "gzip") return { compression, reader: gunzip(reader, limits) };
  if (compression === "none") return { compression, reader };
  const { unzstd } = await import("./zstd.ts");
  return { compression, reader: unzstd(reader, limits) };
}
