/** Bodies whose bytes and faults a test chooses, and which say what became of them. */
import type { OpenBody } from "../content/body.ts";
import { createHash } from "node:crypto";
import type { Bytes } from "../content/bytes.ts";
import { pieceReader } from "../content/piece_reader.ts";

const MIB = 1024 * 1024;

/** A body, and what became of its source. */
export interface WatchedBody {
  body: OpenBody;
  state: { read: number; cancelled: boolean };
}

/** A body that makes its bytes when they are asked for, and declares its size or does not. */
export function madeBody(size: number, declared: "sized" | "unsized" = "sized"): WatchedBody {
  const state = { read: 0, cancelled: false };
  const body: OpenBody = {
    reopenable: true,
    ...(declared === "sized" && { size }),
    open() {
      state.read = 0;
      return Promise.resolve(pieceReader(
        new ReadableStream({
          type: "bytes",
          autoAllocateChunkSize: 64 * 1024,
          pull(controller: ReadableByteStreamController) {
            const view = controller.byobRequest!.view as Bytes;
            const count = Math.min(view.byteLength, size - state.read);
            if (count === 0) {
              controller.close();
              controller.byobRequest!.respond(0);
              return;
            }
            for (let at = 0; at < count; at++) view[at] = pattern(state.read + at);
            state.read += count;
            controller.byobRequest!.respond(count);
          },
          cancel() {
            state.cancelled = true;
          },
        }, { highWaterMark: 0 }),
      ));
    },
  };
  return { body, state };
}

/** A body of pieces; it may stand still, or fail, in between. */
export function piecesBody(
  pieces: (Bytes | Error | "stall")[],
  size?: number,
): WatchedBody {
  const state = { read: 0, cancelled: false };
  const left = [...pieces];
  const body: OpenBody = {
    reopenable: false,
    ...(size !== undefined && { size }),
    open: () =>
      Promise.resolve(pieceReader(
        new ReadableStream<Bytes>({
          pull(controller) {
            const piece = left.shift();
            if (piece === undefined) return controller.close();
            if (piece === "stall") return new Promise(() => {});
            if (piece instanceof Error) throw piece;
            state.read += piece.byteLength;
            controller.enqueue(piece);
          },
          cancel() {
            state.cancelled = true;
          },
        }, { highWaterMark: 0 }),
      )),
  };
  return { body, state };
}

function pattern(at: number): number {
  return (at ^ (at >> 8) ^ (at >> 16) * 31) & 0xff;
}

/** The SHA-256, in hex, of the bytes that `madeBody` makes. */
export function madeHash(size: number): string {
  const hash = createHash("sha256");
  for (let at = 0; at < size; at += MIB) {
    hash.update(Uint8Array.from({ length: Math.min(MIB, size - at) }, (_, i) => pattern(at + i)));
  }
  return hash.digest("hex");
}
