import type { Bytes } from "./bytes.ts";
import { madeForPiece, type PieceReader, readers } from "./piece_reader.ts";

/**
 * A byte stream of a reader's pieces. Nothing is read before it is asked for; a consumer's buffer is
 * handed to the reader, and without one its pieces are passed on as they are. Where the consumer is
 * davit itself, `pieceReader` takes the reader back, and no stream stands between.
 *
 * It has no `autoAllocateChunkSize`: a buffer would be made, and zeroed, for every piece that brings
 * its own memory. On Node that costs as much time as the hashing.
 */
export function readerStream(reader: PieceReader): ReadableStream<Bytes> {
  let cancelled = false;
  const stream: ReadableStream<Bytes> = new ReadableStream({
    type: "bytes",
    async pull(controller: ReadableByteStreamController) {
      readers.delete(stream);
      const request = controller.byobRequest;
      const view = (request?.view ?? undefined) as Bytes | undefined;
      const room = view?.byteLength ?? 0;
      const { done, value: piece } = await reader.read(view);
      if (cancelled) return;
      const tookView = request !== null && view!.byteLength === 0;
      if (done || piece === undefined) {
        // A pending request must be answered after the close, with the memory it brought.
        controller.close();
        if (tookView) request.respondWithNewView(piece!);
        else request?.respond(0);
      } else if (tookView) {
        request.respondWithNewView(piece);
      } else if (piece.byteLength <= room) {
        view!.set(piece);
        request!.respond(piece.byteLength);
      } else {
        // The copy of a constructor: what `slice` makes of a Node Buffer shares its memory.
        controller.enqueue(ownsMemory(piece) ? piece : new Uint8Array(piece));
      }
    },
    async cancel(reason) {
      cancelled = true;
      readers.delete(stream);
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  readers.set(stream, reader);
  return stream;
}

/** Whether no other bytes live in a piece's memory, so that a stream may take it away. */
function ownsMemory({ buffer, byteLength }: Bytes): boolean {
  return byteLength === buffer.byteLength || madeForPiece.has(buffer);
}
