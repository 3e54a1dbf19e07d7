import type { Hasher } from "../content/hasher.ts";
import type { FileHandle } from "../runtime/files.ts";

/** How much of a file is read at once to hash it. */
const READ_BYTES = 1024 * 1024;

/**
 * Hashes a range of a file.
 *
 * @returns The offset behind what was hashed: less than `end` where the file ends before it.
 */
export async function hashFile(
  file: FileHandle,
  hasher: Hasher,
  { start, end, signal }: { start: number; end: number; signal?: AbortSignal | undefined },
): Promise<number> {
  const buffer = new Uint8Array(Math.min(READ_BYTES, Math.max(0, end - start)));
  let at = start;
  while (at < end) {
    signal?.throwIfAborted();
    const length = Math.min(buffer.byteLength, end - at);
    const { bytesRead } = await file.read(buffer, 0, length, at);
    if (bytesRead === 0) break;
    hasher.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return at;
}
