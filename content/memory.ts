import type { Bytes } from "./bytes.ts";

/** Since Node 22 and in browsers since 2024; the oldest Node has no such method. */
type Transferable = ArrayBuffer & { transfer?(length?: number): ArrayBuffer };

/**
 * The same memory as a view of its own: the one given loses it, as one does that a stream fills. In a
 * worker of an old compatibility date it is a copy.
 */
export function takeMemory({ buffer, byteOffset, byteLength }: Bytes): Bytes {
  const { structuredClone: clone } = globalThis as Partial<typeof globalThis>;
  const taken = (buffer as Transferable).transfer?.() ??
    clone?.(buffer, { transfer: [buffer] }) ?? buffer.slice(0);
  return new Uint8Array(taken, byteOffset, byteLength);
}

/** Frees memory that nothing uses any more at once, instead of when the collector comes to it. */
export function freeMemory({ buffer }: Bytes): void {
  (buffer as Transferable).transfer?.(0);
}
