import { InvalidOptionError, UploadError } from "../errors.ts";
import { type Bytes, toBytes } from "./bytes.ts";
import { type NativeBody, type PieceReader, pieceReader } from "./piece_reader.ts";

/** A body that can be opened as often as needed, from any offset: replayed and resumed. */
export interface ReopenableBody {
  /** All bytes, where that is known. */
  size?: number;
  /** The bytes from an offset on. */
  open(offset?: number): ReadableStream<Bytes> | Promise<ReadableStream<Bytes>>;
}

/**
 * What can be sent. Bytes, a `Blob` and an object with `open` are sent again after a challenge, a
 * redirect or a fault, and resumed from an offset; a stream goes out once.
 */
export type Body = Uint8Array | Blob | ReadableStream<Bytes> | ReopenableBody;

/** A {@linkcode Body} as it travels, from the caller or a store to the wire. */
export interface OpenBody {
  /** How many bytes in all, where that is known, as of `bytes` and `blob`: the Content-Length. */
  readonly size?: number;
  /** Whether it can be opened more than once, and from an offset. */
  readonly reopenable: boolean;
  /** The bytes themselves, where they are in memory. */
  readonly bytes?: Bytes;
  /** The blob itself, where it is one. */
  readonly blob?: Blob;
  /** The whole, where the runtime can move it by itself: in place of opening it, and once. */
  readonly native?: NativeBody | undefined;
  /**
   * The bytes from an offset on.
   *
   * @throws {UploadError} When a stream was opened before.
   */
  open(offset?: number): Promise<PieceReader>;
}

/** How much of an array in memory is copied into one piece of a stream. */
const PIECE_BYTES = 256 * 1024;

/**
 * The one form of a body, whichever of the four kinds was given.
 *
 * @throws {InvalidOptionError} When it is none of the four kinds, its size is no count of bytes, or
 * the stream is locked to another reader.
 */
export function openBody(body: Body, size?: number): OpenBody {
  if (body instanceof Uint8Array) return bytesBody(toBytes(body));
  if (body instanceof Blob) {
    return {
      size: body.size,
      reopenable: true,
      blob: body,
      open: (offset = 0) => opened((offset === 0 ? body : body.slice(offset)).stream()),
    };
  }
  if (body instanceof ReadableStream) return streamBody(body, checkSize(size));
  if (typeof body === "object" && body !== null && typeof body.open === "function") {
    return {
      ...checkSize(body.size ?? size),
      reopenable: true,
      open: async (offset = 0) => pieceReader(await body.open(offset)),
    };
  }
  throw new InvalidOptionError(
    "Cannot send the body: it must be a Uint8Array, a Blob, a ReadableStream or {size?, open()}: " +
      `current value is ${body === null ? "null" : typeof body}`,
  );
}

/** Cancels a stream that nothing has read: whoever makes it must not wait for a reader for ever. */
export async function letGo(body: Body, reason: unknown): Promise<void> {
  if (!(body instanceof ReadableStream) || body.locked) return;
  await body.cancel(reason).catch(() => {});
}

/** A body of bytes in memory. */
export function bytesBody(bytes: Bytes): OpenBody {
  return {
    size: bytes.byteLength,
    reopenable: true,
    bytes,
    open: (offset = 0) => opened(bytesStream(bytes.subarray(offset))),
  };
}

/** A byte stream over an array in memory; the array itself is never handed over. */
export function bytesStream(bytes: Uint8Array): ReadableStream<Bytes> {
  let offset = 0;
  return new ReadableStream({
    type: "bytes",
    pull(controller: ReadableByteStreamController) {
      if (offset === bytes.byteLength) {
        controller.close();
        controller.byobRequest?.respond(0);
        return;
      }
      // Copied by the constructor: what `slice` makes of a Node Buffer shares its memory.
      const piece = new Uint8Array(bytes.subarray(offset, offset + PIECE_BYTES));
      offset += piece.byteLength;
      controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
}

/** A stream's reader; a promise that rejects where the stream is locked. */
function opened(stream: ReadableStream<Bytes>): Promise<PieceReader> {
  return Promise.resolve(stream).then(pieceReader);
}

function streamBody(stream: ReadableStream<Bytes>, size: { size?: number }): OpenBody {
  if (stream.locked) {
    throw new InvalidOptionError("Cannot send the stream: it is locked to a reader");
  }
  let used = false;
  return {
    ...size,
    reopenable: false,
    open(offset = 0) {
      if (used || offset !== 0) {
        return Promise.reject(
          new UploadError(
            "Cannot send the stream again: its bytes are gone. Pass {size, open()} instead of a " +
              "stream, and davit replays and resumes it",
          ),
        );
      }
      used = true;
      return opened(stream);
    },
  };
}

function checkSize(size: number | undefined): { size?: number } {
  if (size === undefined) return {};
  if (Number.isSafeInteger(size) && size >= 0) return { size };
  throw new InvalidOptionError(
    `Cannot send the body: its size must be a count of bytes: current value is ${size}`,
  );
}
