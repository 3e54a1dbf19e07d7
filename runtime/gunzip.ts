import { builtin } from "./builtin.ts";

/** Decompressed pieces. */
export interface Gunzipped {
  /** The next piece. */
  read(): Promise<{ done?: boolean; value?: Uint8Array | undefined }>;
  /** Gives up. What it reads from is the caller's to end. */
  cancel(): void;
}

interface Transform extends AsyncIterable<Uint8Array> {
  destroy(): void;
}

interface NodeStreams {
  Readable: { from(pieces: AsyncIterable<Uint8Array>, options: { objectMode: false }): unknown };
  pipeline(source: unknown, transform: Transform, done: () => void): void;
}

/**
 * Decompresses gzip by the runtime's own zlib, which reads several members as one; in a browser the
 * standard's stream takes one alone.
 */
export function gunzipPieces(pieces: AsyncGenerator<Uint8Array>): Gunzipped {
  const zlib = builtin<{ createGunzip(): Transform }>("zlib");
  const streams = builtin<NodeStreams>("stream");
  if (zlib === undefined || streams === undefined) return standardGunzip(pieces);
  const transform = zlib.createGunzip();
  streams.pipeline(streams.Readable.from(pieces, { objectMode: false }), transform, () => {});
  const output = transform[Symbol.asyncIterator]();
  return { read: () => output.next(), cancel: () => transform.destroy() };
}

function standardGunzip(pieces: AsyncGenerator<Uint8Array>): Gunzipped {
  const compressed = new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value as ReturnType<Uint8Array["slice"]>);
    },
  }, { highWaterMark: 0 });
  const output = compressed.pipeThrough(new DecompressionStream("gzip")).getReader();
  return { read: () => output.read(), cancel: () => void output.cancel().catch(() => {}) };
}
