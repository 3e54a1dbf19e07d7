/*
 * Not `@std/encoding`'s, which moves buffers with `ArrayBuffer.transfer` since version 1.0.8: Node 20
 * has none.
 */
import type { Bytes } from "./bytes.ts";

/** Bytes in Base64. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/**
 * The bytes of Base64 text. White space is passed over, and padding may be missing.
 *
 * @throws {DOMException} When it is none.
 */
export function decodeBase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
