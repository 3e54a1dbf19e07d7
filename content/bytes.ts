/** Bytes over an `ArrayBuffer` of their own, spelled so that TypeScript 5.5 to 7 take it. */
export type Bytes = ReturnType<Uint8Array["slice"]>;

/**
 * A caller's bytes, which may be typed as any array or a Node `Buffer`; a copy of those that threads
 * share, which nothing sends.
 */
export function toBytes(data: Uint8Array): Bytes {
  return data.buffer instanceof ArrayBuffer ? data as Bytes : new Uint8Array(data);
}

/** No bytes. */
export const EMPTY: Bytes = new Uint8Array(0);

/** One array of all the pieces' bytes. */
export function concatBytes(pieces: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.byteLength;
  }
  return whole;
}

/** The UTF-8 bytes of a text. */
export function encodeText(text: string): Bytes {
  return new TextEncoder().encode(text) as Bytes;
}
