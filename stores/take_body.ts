import type { OpenBody } from "../content/body.ts";
import { type Digest, hashAlgorithm, toDigest } from "../content/digest.ts";
import { createHasher } from "../content/hasher.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import { ApiError, BadDigestError, SizeMismatchError, UploadError } from "../errors.ts";
import { PieceList } from "./piece_list.ts";

/**
 * Reads a body into memory and verifies it on the way.
 *
 * @throws {BadDigestError} When the bytes have another digest.
 * @throws {SizeMismatchError} When there are more or fewer of them.
 * @throws {UploadError} When the body fails.
 */
export async function takeBody(
  digest: Digest,
  size: number,
  source: OpenBody,
  signal?: AbortSignal,
): Promise<PieceList> {
  if (source.size !== undefined && source.size !== size) {
    if (!source.reopenable) await (await source.open()).cancel();
    throw sizeMismatch(digest, size, source.size);
  }
  const algorithm = hashAlgorithm(digest);
  const hasher = await createHasher(algorithm);
  const list = new PieceList();
  let reader: PieceReader | undefined;
  // A cancelled stream ends its pending reads, so that a body which stands still is left at once.
  const abort = () => void reader?.cancel(signal!.reason).catch(() => {});
  signal?.addEventListener("abort", abort, { once: true });
  try {
    reader = await source.open();
    signal?.throwIfAborted();
    const ended = await list.fill(reader, (piece) => hasher.update(piece), size);
    signal?.throwIfAborted();
    if (!ended) throw sizeMismatch(digest, size, size + 1);
    if (list.size < size) throw sizeMismatch(digest, size, list.size);
  } catch (error) {
    void reader?.cancel(error).catch(() => {});
    signal?.throwIfAborted();
    if (error instanceof ApiError) throw error;
    throw new UploadError(`Cannot write ${digest}: its body failed after ${list.size} bytes`, {
      cause: error,
    });
  } finally {
    signal?.removeEventListener("abort", abort);
  }
  const actual = toDigest(algorithm, hasher.digest());
  if (actual !== digest) throw badDigest(digest, actual);
  return list;
}

/** The error for content with another digest. */
export function badDigest(expected: Digest, actual: Digest): BadDigestError {
  return new BadDigestError(`Cannot write ${expected}: the bytes have the digest ${actual}`, {
    expected,
    actual,
  });
}

/** The error for content that is shorter or longer than its descriptor says. */
export function sizeMismatch(digest: Digest, expected: number, actual: number): SizeMismatchError {
  const comparison = actual > expected ? "more" : "fewer";
  return new SizeMismatchError(
    `Cannot write ${digest}: there are ${comparison} bytes than the ${expected} declared`,
    { expected, actual },
  );
}
