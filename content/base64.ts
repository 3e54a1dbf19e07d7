/**
 * Bytes in Base64. Not `@std/encoding`'s, which moves buffers with `ArrayBuffer.transfer` since
 * version 1.0.8: Node 20 has none.
 */
export function encodeBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
