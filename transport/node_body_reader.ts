import { type Bytes, freeMemory, takeMemory } from "../content/bytes.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import { nextTurn, type NodeResponse } from "../runtime/http.ts";
import type { ChannelRequest } from "./channel.ts";
import { bodyFailure } from "./send_failure.ts";

/**
 * How much of a body is held for a reader who has not asked for it. Pieces are 64 KiB; with one
 * alone the connection would be stopped and started for each.
 */
const BUFFERED_BYTES = 1024 * 1024;

/**
 * Node copies each piece into a buffer of its own, and V8 frees buffers with nothing that refers to
 * them when it collects young objects, which it does when enough of those were made: buffers do not
 * count. A dead array of this length for every so many bytes makes it do so. On 1 GiB thirty full
 * collections are saved, and with them a fifth of the processor time and 50 MB of the peak.
 */
const NUDGE_LENGTH = 2048;
const NUDGE_EACH_BYTES = 64 * 1024;

/** Keeps the last dead array, so that no optimiser leaves it out. */
const nudge: { last?: unknown } = {};

/**
 * Reads the body that `node:http` receives: its pieces as they come, none copied; or a view filled
 * from all the pieces there are. `ended` is called when nothing more will be received.
 */
export function nodeBodyReader(
  incoming: NodeResponse,
  request: ChannelRequest,
  ended: () => void,
): PieceReader {
  const { signal } = request;
  let pieces: Bytes[] = [];
  /** How many bytes of the first piece have been read. */
  let used = 0;
  /** How many bytes have not been read. */
  let left = 0;
  /** How many bytes have come since the last nudge. */
  let sinceNudge = 0;
  let over = false;
  let failure: { error: unknown } | undefined;
  /** Ends the wait of a read. */
  let wake: (() => void) | undefined;

  function finish(): void {
    over = true;
    signal?.removeEventListener("abort", abort);
    ended();
    wake?.();
  }

  function drop(): void {
    pieces = [];
    left = 0;
  }

  function fail(error: unknown): void {
    failure = { error };
    incoming.destroy();
    finish();
  }

  function broke(error: Error): void {
    if (!over) fail(bodyFailure(request, error));
  }

  function abort(): void {
    drop();
    fail(signal!.reason);
  }

  function receive(piece: Bytes): void {
    if (over || piece.byteLength === 0) return;
    // A Buffer's methods are not those of a Uint8Array: its slice shares memory.
    pieces.push(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
    left += piece.byteLength;
    sinceNudge += piece.byteLength;
    if (sinceNudge >= NUDGE_EACH_BYTES) {
      sinceNudge = 0;
      nudge.last = new Array(NUDGE_LENGTH);
    }
    if (left >= BUFFERED_BYTES) incoming.pause();
    // The pieces that have arrived with this one come before the next turn: one read takes them all.
    if (wake !== undefined) void nextTurn().then(wake);
    wake = undefined;
  }

  signal?.addEventListener("abort", abort, { once: true });
  incoming.on("data", receive);
  incoming.on("end", () => {
    if (over) return;
    if (incoming.complete) finish();
    else broke(new Error("it ended early"));
  });
  incoming.on("error", broke);
  incoming.on("close", () => {
    if (!over) broke(new Error("it was closed early"));
  });
  incoming.pause();
  incoming.socket?.unref();

  function takePiece(): Bytes {
    const piece = pieces.shift()!.subarray(used) as Bytes;
    used = 0;
    left -= piece.byteLength;
    return piece;
  }

  function fill(view: Bytes): Bytes {
    const target = takeMemory(view);
    let filled = 0;
    while (filled < target.byteLength && pieces.length > 0) {
      const piece = pieces[0]!;
      const part = piece.subarray(used, used + target.byteLength - filled);
      target.set(part, filled);
      filled += part.byteLength;
      used += part.byteLength;
      if (used < piece.byteLength) break;
      pieces.shift();
      used = 0;
      if (piece.byteLength === piece.buffer.byteLength) freeMemory(piece);
    }
    left -= filled;
    return target.subarray(0, filled) as Bytes;
  }

  return {
    async read(view) {
      while (left === 0 && !over) {
        incoming.socket?.ref();
        await new Promise<void>((resolve) => {
          wake = resolve;
          incoming.resume();
        });
        // What nobody waits for does not keep the process alive.
        if (!over) incoming.socket?.unref();
      }
      if (left > 0) return { done: false, value: view === undefined ? takePiece() : fill(view) };
      if (failure !== undefined) throw failure.error;
      return { done: true };
    },
    cancel() {
      drop();
      if (!over) {
        // What was received whole is dropped, so that the connection can be used again.
        if (incoming.complete) incoming.resume();
        else incoming.destroy();
        finish();
      }
      return Promise.resolve();
    },
  };
}
