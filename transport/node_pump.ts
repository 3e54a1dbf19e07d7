import type { Bytes } from "../content/bytes.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import { nextTurn, type NodeRequest } from "../runtime/http.ts";
import type { SendClock } from "./send_clock.ts";

/** What is read at once where the source fills buffers: larger ones are no faster. */
const PIECE_BYTES = 1024 * 1024;

/** How much memory waits in writes that the system has not taken. */
const IN_FLIGHT_BYTES = 1024 * 1024;

/** A body on its way into a request. */
export interface NodePump {
  /** Whether the request has been ended. */
  finished(): boolean;
  /** No more bytes; the source is cancelled. */
  stop(): void;
}

/**
 * Writes a body into a request and ends it: the next piece is read while earlier ones are written,
 * and a buffer is used again once the system has taken what was in it. None is larger than the body's
 * size, where that is known: to make a large one takes longer than a small request does.
 */
export function nodePump(
  reader: PieceReader,
  outgoing: NodeRequest,
  clock: Pick<SendClock, "waitFor" | "sent">,
  fail: (error: unknown) => void,
  size = Infinity,
): NodePump {
  const pieceBytes = Math.max(1, Math.min(size, PIECE_BYTES));
  const spare: Bytes[] = [];
  let reading = false;
  let inFlight = 0;
  let sinceTurn = 0;
  let finished = false;
  let stopped = false;
  let wake = (): void => {};

  function moved(): void {
    clock.waitFor(reading && inFlight === 0 ? "source" : "server");
  }

  /** Waits until so much memory may be written. */
  async function room(bytes: number): Promise<void> {
    while (!stopped && inFlight > 0 && inFlight + bytes > IN_FLIGHT_BYTES) {
      await new Promise<void>((resolve) => wake = resolve);
    }
  }

  function write(piece: Bytes, memory: number, lent: boolean): void {
    inFlight += memory;
    outgoing.write(piece, () => {
      inFlight -= memory;
      if (lent) spare.push(new Uint8Array(piece.buffer));
      moved();
      wake();
    });
  }

  async function run(): Promise<void> {
    let view: Bytes = new Uint8Array(pieceBytes);
    for (;;) {
      reading = true;
      moved();
      const piece = await reader.read(view);
      reading = false;
      if (stopped) return;
      if (piece.done) break;
      const lent = view.byteLength === 0;
      const memory = lent ? pieceBytes : piece.value!.byteLength;
      moved();
      await room(memory);
      if (stopped) return;
      write(piece.value!, memory, lent);
      if (lent) view = spare.pop() ?? new Uint8Array(pieceBytes);
      sinceTurn += memory;
      if (sinceTurn >= IN_FLIGHT_BYTES) {
        // Writes that succeed at once starve the event loop, and an early refusal stays unread
        // until the server closes the connection and takes it away.
        sinceTurn = 0;
        await nextTurn();
      }
    }
    await room(IN_FLIGHT_BYTES);
    if (stopped) return;
    finished = true;
    outgoing.end();
    clock.sent();
  }

  run().catch((error) => {
    void reader.cancel(error).catch(() => {});
    if (!stopped) fail(error);
  });

  return {
    finished: () => finished,
    stop() {
      if (stopped || finished) return;
      stopped = true;
      wake();
      void reader.cancel().catch(() => {});
    },
  };
}
