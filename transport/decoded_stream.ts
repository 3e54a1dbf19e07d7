import { InvalidContentError } from "../errors.ts";
import type { Bytes } from "../content/bytes.ts";
import { bytesStream } from "../content/body.ts";
import { pieceReader, readAll } from "../content/piece_reader.ts";

/** What each encoding is called by the web platform, and the first byte of what it makes. */
const FORMATS: Record<string, { format: CompressionFormat; first: number }> = {
  gzip: { format: "gzip", first: 0x1f },
  "x-gzip": { format: "gzip", first: 0x1f },
  deflate: { format: "deflate", first: 0x78 },
};

/** A body, and what it came in. */
interface EncodedBody {
  /** The encodings, the outermost last. */
  encodings: readonly string[];
  /** What is being done, for messages: "pull the blob …". */
  what: string;
}

/**
 * A body without its encodings. Where the first byte is of no such encoding, somebody on the way, such
 * as Node's own `fetch`, has decoded it and left the header: then the bytes as they are.
 *
 * @throws {InvalidContentError} When an encoding is unknown, and from the stream when its bytes are
 * broken.
 */
export function decodedStream(
  stream: ReadableStream<Bytes>,
  { encodings, what }: EncodedBody,
): ReadableStream<Bytes> {
  return encodings.toReversed().reduce((encoded, name) => decoded(encoded, name, what), stream);
}

/**
 * The same for bytes in memory.
 *
 * @throws {LimitError} When more comes out than the limit.
 */
export async function decodedBytes(
  bytes: Bytes,
  body: EncodedBody,
  limit: { name: string; bytes: number; what: string },
): Promise<Bytes> {
  return await readAll(pieceReader(decodedStream(bytesStream(bytes), body)), limit);
}

function decoded(
  stream: ReadableStream<Bytes>,
  name: string,
  what: string,
): ReadableStream<Bytes> {
  const known = FORMATS[name];
  if (known === undefined) {
    void stream.cancel().catch(() => {});
    throw new InvalidContentError(
      `Cannot ${what}: it came with the Content-Encoding ${JSON.stringify(name.slice(0, 40))}, ` +
        "which was not asked for and is unknown here",
    );
  }
  const source = pieceReader(stream);
  /** Reads what is decoded; the source itself where it is not encoded. */
  let output: { read(): Promise<{ done: boolean; value?: Bytes }> } | undefined;
  let failure: { error: unknown } | undefined;

  async function open(): Promise<typeof output> {
    const first = await source.read();
    const pieces = first.done || first.value === undefined ? [] : [first.value];
    async function next() {
      const held = pieces.shift();
      return held === undefined ? await source.read() : { done: false, value: held };
    }
    if (pieces[0]?.[0] !== known!.first) return { read: next };
    const encoded = new ReadableStream<Bytes>({
      async pull(controller) {
        try {
          const { done, value } = await next();
          if (done || value === undefined) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          failure = { error };
          throw error;
        }
      },
    }, { highWaterMark: 0 });
    return encoded.pipeThrough(new DecompressionStream(known!.format)).getReader() as typeof output;
  }

  return new ReadableStream<Bytes>({
    async pull(controller) {
      try {
        output ??= await open();
        const { done, value } = await output!.read();
        if (done || value === undefined) controller.close();
        else controller.enqueue(value);
      } catch (cause) {
        if (failure !== undefined) throw failure.error;
        if (!(cause instanceof TypeError)) throw cause;
        void source.cancel(cause).catch(() => {});
        throw new InvalidContentError(
          `Cannot ${what}: it came with the Content-Encoding ${name}, and its bytes are not ` +
            "of that encoding",
          { cause },
        );
      }
    },
    cancel: (reason) => source.cancel(reason),
  }, { highWaterMark: 0 });
}
