import { builtin } from "./builtin.ts";

/** Decompresses pieces. What they come from is the caller's to end. */
export type Decompress = (pieces: AsyncIterableIterator<Uint8Array>) => AsyncIterable<Uint8Array>;

interface Zlib {
  createGunzip(): AsyncIterable<Uint8Array>;
  createZstdDecompress?(): AsyncIterable<Uint8Array>;
}

interface NodeStreams {
  Readable: { from(pieces: AsyncIterable<Uint8Array>, options: { objectMode: false }): unknown };
  pipeline(source: unknown, transform: AsyncIterable<Uint8Array>, done: () => void): void;
}

/**
 * Decompresses gzip by the runtime's own zlib, which reads several members as one; in a browser the
 * standard's stream takes one alone.
 */
export const gunzipPieces: Decompress = (pieces) => {
  const zlib = builtin<Zlib>("zlib");
  return zlib === undefined ? standardGunzip(pieces) : throughNode(pieces, zlib.createGunzip());
};

/** What decompresses one frame of zstd; `undefined` where the runtime has nothing that does. */
export function zstdDecompress(): Decompress | undefined {
  const zlib = builtin<Zlib>("zlib");
  if (zlib?.createZstdDecompress === undefined) return undefined;
  return (pieces) => throughNode(pieces, zlib.createZstdDecompress!());
}

function throughNode(
  pieces: AsyncIterableIterator<Uint8Array>,
  transform: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const { Readable, pipeline } = builtin<NodeStreams>("stream")!;
  pipeline(Readable.from(pieces, { objectMode: false }), transform, () => {});
  return transform;
}

async function* standardGunzip(
  pieces: AsyncIterableIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const compressed = new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value as ReturnType<Uint8Array["slice"]>);
    },
  }, { highWaterMark: 0 });
  const output = compressed.pipeThrough(new DecompressionStream("gzip")).getReader();
  try {
    for (let piece; !(piece = await output.read()).done;) yield piece.value;
  } finally {
    void output.cancel().catch(() => {});
  }
}
