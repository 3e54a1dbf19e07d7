import type { OpenBody } from "../content/body.ts";
import { SizeMismatchError } from "../errors.ts";
import type { Bytes } from "../content/bytes.ts";
import type { Piece, PieceReader } from "../content/piece_reader.ts";
import { untilAborted } from "./until_aborted.ts";

/**
 * Opens a request's body for sending. Its pieces are never empty, and a body with a size has just
 * that many bytes: the piece that completes them is held back until the source has ended, so that a
 * body which is too long never passes for a whole one.
 *
 * @throws {SizeMismatchError} From `read`, when the source has more or fewer bytes than the size.
 */
export async function checkedReader(
  body: OpenBody,
  what: string,
  signal?: AbortSignal,
): Promise<PieceReader> {
  if (body.bytes !== undefined) return bytesReader(body.bytes);
  signal?.throwIfAborted();
  const opening = body.open();
  const reader = await untilAborted(
    opening,
    signal,
    () => void opening.then((late) => late.cancel(signal?.reason)).catch(() => {}),
  );
  return { read: pieces(reader, body.size, what), cancel: (reason) => reader.cancel(reason) };
}

/** Bytes in memory, as views: they stay the caller's, and are not to be transferred or overwritten. */
function bytesReader(bytes: Bytes): PieceReader {
  let left = bytes;
  return {
    read(view) {
      const piece = left.subarray(0, view?.byteLength ?? left.byteLength) as Bytes;
      left = left.subarray(piece.byteLength) as Bytes;
      return Promise.resolve(
        piece.byteLength === 0 ? { done: true } : { done: false, value: piece },
      );
    },
    cancel: () => Promise.resolve(),
  };
}

function pieces(
  reader: PieceReader,
  size: number | undefined,
  what: string,
): (view?: Bytes) => Promise<Piece> {
  let seen = 0;
  let ended = false;

  async function next(view: Bytes | undefined): Promise<Piece> {
    let piece = await reader.read(view);
    while (!piece.done && piece.value!.byteLength === 0) {
      piece = await reader.read(view?.byteLength === 0 ? undefined : view);
    }
    seen += piece.done ? 0 : piece.value!.byteLength;
    return piece;
  }

  function check(): void {
    if (seen === size) return;
    const comparison = seen > size! ? "more" : "fewer";
    throw new SizeMismatchError(
      `Cannot ${what}: the body has ${comparison} bytes than the ${size} declared (${seen})`,
      { expected: size!, actual: seen },
    );
  }

  return async (view) => {
    if (ended) return { done: true };
    const piece = await next(view);
    if (size === undefined || seen < size && !piece.done) return piece;
    if (!piece.done && seen === size) await next(new Uint8Array(1));
    check();
    ended = true;
    return piece;
  };
}

/** Whether an answer that comes before the end of a body means that the rest is of no use. */
export function refusesBody(status: number): boolean {
  return status >= 300;
}
