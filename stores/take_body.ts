import type { OpenBody } from "../content/body.ts";
import type { Digest } from "../content/digest.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import { ApiError, UploadError } from "../errors.ts";
import { sizeMismatch } from "./write_errors.ts";

/**
 * Opens the body of some content and lets a store take it. When that fails or the signal aborts, the
 * body is cancelled.
 *
 * @throws {SizeMismatchError} When the body declares another size.
 * @throws {UploadError} When the body, or the disk that it goes to, fails.
 */
export async function takeBody<T>(
  source: OpenBody,
  { digest, size }: { digest: Digest; size: number },
  take: (reader: PieceReader) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  if (source.size !== undefined && source.size !== size) {
    await skipBody(source);
    throw sizeMismatch(digest, size, source.size);
  }
  let reader: PieceReader | undefined;
  // A cancelled stream ends its pending reads, so that a body which stands still is left at once.
  const abort = () => void reader?.cancel(signal!.reason).catch(() => {});
  signal?.addEventListener("abort", abort, { once: true });
  try {
    reader = await source.open();
    signal?.throwIfAborted();
    return await take(reader);
  } catch (error) {
    void reader?.cancel(error).catch(() => {});
    signal?.throwIfAborted();
    if (error instanceof ApiError) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    throw new UploadError(`Cannot write ${digest}: ${cause}`, { cause: error });
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** Cancels a body that is not needed. */
export async function skipBody(source: OpenBody): Promise<void> {
  if (!source.reopenable) await (await source.open()).cancel();
}
