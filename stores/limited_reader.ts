import type { Bytes } from "../content/bytes.ts";
import type { PieceReader } from "../content/piece_reader.ts";

/** A reader that ends after so many bytes. */
export function limitedReader(reader: PieceReader, length: number): PieceReader {
  let left = length;
  return {
    async read(view) {
      if (left === 0) {
        await reader.cancel();
        return { done: true, ...(view && { value: view }) };
      }
      const piece = await reader.read(view);
      if (piece.done || piece.value === undefined) return piece;
      const value = piece.value.subarray(0, Math.min(piece.value.byteLength, left)) as Bytes;
      left -= value.byteLength;
      return { done: false, value };
    },
    cancel: (reason) => reader.cancel(reason),
  };
}
