import { type Bytes, concatBytes } from "../content/bytes.ts";
import { freeMemory, takeMemory } from "../content/memory.ts";
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
const NUDGE_LENGTH = 8192;
const NUDGE_EACH_BYTES = 64 * 1024;

/** Keeps the last dead array, so that no optimiser leaves it out. */
const nudge: { last?: unknown } = {};

/** Smaller pieces that came together are handed on as one: TLS brings 16 KiB at a time. */
const SMALL_PIECE_BYTES = 64 * 1024;

/**
 * Reads the body that `node:http` or a connection of davit's own receives: its pieces as they come,
 * or a view filled from all the pieces there are. `ended` is called when nothing more will be
 * received.
 */
export function nodeBodyReader(
  incoming: NodeResponse,
  request: ChannelRequest,
  ended: () => void,
): PieceReader {
  const { signal } = request;
  const { borrowed = false } = incoming;
  let pieces: Bytes[] = [];
  /** How many bytes of the first piece have been read. */
  let used = 0;
  /** How many bytes have not been read. */
  let left = 0;
  /** The view of the read that waits, and how many bytes of it are filled. */
  let view: Bytes | undefined;
  let filled = 0;
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
    filled = 0;
    fail(signal!.reason);
  }

  function receive(piece: Bytes): void {
    if (over || piece.byteLength === 0) return;
    // A Buffer's methods are not those of a Uint8Array: its slice shares memory.
    const kept = borrowed
      ? new Uint8Array(fill(piece))
      : new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
    if (kept.byteLength > 0) keep(kept);
    // What is borrowed waits in the system's own buffer, where it costs no copy.
    if (left >= (borrowed ? 1 : BUFFERED_BYTES)) incoming.pause();
    if (wake === undefined) return;
    // The pieces that have arrived with this one come before the next turn: one read takes them all.
    const full = view === undefined
      ? borrowed && left >= SMALL_PIECE_BYTES
      : filled > 0 && filled === view.byteLength;
    if (full) wake();
    else void nextTurn().then(wake);
  }

  function keep(piece: Bytes): void {
    pieces.push(piece);
    left += piece.byteLength;
    sinceNudge += piece.byteLength;
    if (sinceNudge >= NUDGE_EACH_BYTES) {
      sinceNudge = 0;
      nudge.last = new Array(NUDGE_LENGTH);
    }
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

  /** Copies what fits of a piece into the view; answers the rest. */
  function fill(piece: Bytes): Bytes {
    if (view === undefined) return piece;
    const part = piece.subarray(0, view.byteLength - filled);
    view.set(part, filled);
    filled += part.byteLength;
    return piece.subarray(part.byteLength) as Bytes;
  }

  /** Fills the view from the pieces there are. */
  function drain(): void {
    while (view !== undefined && filled < view.byteLength && pieces.length > 0) {
      const piece = pieces[0]!;
      const rest = fill(piece.subarray(used) as Bytes);
      left -= piece.byteLength - used - rest.byteLength;
      used = piece.byteLength - rest.byteLength;
      if (rest.byteLength > 0) return;
      pieces.shift();
      used = 0;
      if (piece.byteLength === piece.buffer.byteLength) freeMemory(piece);
    }
  }

  function takePiece(): Bytes {
    const small = borrowed && used === 0 && pieces[0]!.byteLength < SMALL_PIECE_BYTES;
    const piece = small ? concatBytes(pieces.splice(0)) : pieces.shift()!.subarray(used) as Bytes;
    used = 0;
    left -= piece.byteLength;
    return piece;
  }

  return {
    async read(given) {
      view = given;
      filled = 0;
      for (;;) {
        drain();
        if (filled > 0 || left > 0 || over) break;
        incoming.socket?.ref();
        await new Promise<void>((resolve) => {
          wake = resolve;
          incoming.resume();
        });
        wake = undefined;
        // What nobody waits for does not keep the process alive.
        if (!over) incoming.socket?.unref();
      }
      view = undefined;
      if (filled > 0) {
        return { done: false, value: takeMemory(given!).subarray(0, filled) as Bytes };
      }
      if (left > 0) return { done: false, value: takePiece() };
      if (failure !== undefined) throw failure.error;
      return { done: true };
    },
    cancel() {
      drop();
      view = undefined;
      filled = 0;
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
