import type { Hasher } from "../content/hasher.ts";
import type { RandomFile } from "../runtime/files.ts";

/** How much of a file is read at once to hash it. */
const READ_BYTES = 1024 * 1024;

/**
 * Hashes a range of a file.
 *
 * @returns The offset behind what was hashed: less than `end` where the file ends before it.
 */
export async function hashFile(
  file: RandomFile,
  hasher: Hasher,
  { start, end, signal }: { start: number; end: number; signal?: AbortSignal | undefined },
): Promise<number> {
  const buffer = new Uint8Array(Math.min(READ_BYTES, Math.max(0, end - start)));
  let at = start;
  while (at < end) {
    signal?.throwIfAborted();
    const length = Math.min(buffer.byteLength, end - at);
    const count = await file.read(buffer.subarray(0, length), at);
    if (count === 0) break;
    hasher.update(buffer.subarray(0, count));
    at += count;
  }
  return at;
}
