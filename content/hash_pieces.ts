import type { Bytes } from "./bytes.ts";
import { type Digest, toDigest } from "./digest.ts";
import { createHasher, type HashAlgorithm } from "./hasher.ts";
import type { PieceReader } from "./piece_reader.ts";

/**
 * The digest and the size of all that a reader reads.
 *
 * @param onPiece Is given every piece, which it may not keep.
 */
export async function hashPieces(
  reader: PieceReader,
  algorithm: HashAlgorithm = "sha256",
  onPiece?: (piece: Bytes) => void,
): Promise<{ digest: Digest; size: number }> {
  const hasher = await createHasher(algorithm);
  let size = 0;
  for (let piece; (piece = (await reader.read()).value)?.byteLength;) {
    hasher.update(piece);
    size += piece.byteLength;
    onPiece?.(piece);
  }
  return { digest: toDigest(algorithm, await hasher.digest()), size };
}
