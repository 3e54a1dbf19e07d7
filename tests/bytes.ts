import { createHash } from "node:crypto";

/** The bytes of a text. */
export function utf8(text: string): ReturnType<Uint8Array["slice"]> {
  return new TextEncoder().encode(text);
}

/** The digest of a text or bytes, computed without the package's own code. */
export function sha256(content: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}
