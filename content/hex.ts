/** The two digits of every byte. */
const DIGITS: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => byte.toString(16).padStart(2, "0"),
);

/**
 * Bytes in lower-case hexadecimal digits. Not `@std/encoding`'s, which moves buffers with
 * `ArrayBuffer.transfer` since version 1.0.8: Node 20 has none.
 */
export function encodeHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += DIGITS[byte];
  return text;
}
