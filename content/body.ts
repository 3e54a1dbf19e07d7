import { InvalidOptionError, UploadError } from "../errors.ts";
import type { Bytes } from "./bytes.ts";

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
export type Body = Bytes | Blob | ReadableStream<Bytes> | ReopenableBody;

/** A {@linkcode Body} as the rest of the code sees it. */
export interface BodySource {
  /** All bytes, where that is known. */
  readonly size: number | undefined;
  /** Whether it can be opened more than once, and from an offset. */
  readonly reopenable: boolean;
  /** The bytes themselves, where they are in memory. */
  readonly bytes?: Bytes;
  /** The blob itself, where it is one. */
  readonly blob?: Blob;
  /**
   * The bytes from an offset on.
   *
   * @throws {UploadError} When a stream was opened before.
   */
  open(offset?: number): Promise<ReadableStream<Bytes>>;
}

/** How much of an array in memory is copied into one piece of a stream. */
const PIECE_BYTES = 256 * 1024;

/**
 * Looks at a body once, so that nobody else has to.
 *
 * @throws {InvalidOptionError} When it is none of the four kinds, its size is no count of bytes, or
 * somebody else is reading the stream.
 */
export function bodySource(body: Body, size?: number): BodySource {
  if (body instanceof Uint8Array) {
    return {
      size: body.byteLength,
      reopenable: true,
      bytes: body,
      open: (offset = 0) => Promise.resolve(bytesStream(body.subarray(offset))),
    };
  }
  if (body instanceof Blob) {
    return {
      size: body.size,
      reopenable: true,
      blob: body,
      open: (offset = 0) => Promise.resolve((offset === 0 ? body : body.slice(offset)).stream()),
    };
  }
  if (body instanceof ReadableStream) return streamSource(body, checkSize(size));
  if (typeof body === "object" && body !== null && typeof body.open === "function") {
    return {
      size: checkSize(body.size ?? size),
      reopenable: true,
      open: async (offset = 0) => await body.open(offset),
    };
  }
  throw new InvalidOptionError(
    "Cannot send the body: it must be a Uint8Array, a Blob, a ReadableStream or {size?, open()}",
  );
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
      const piece = bytes.slice(offset, offset + PIECE_BYTES) as Bytes;
      offset += piece.byteLength;
      controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
}

function streamSource(stream: ReadableStream<Bytes>, size: number | undefined): BodySource {
  if (stream.locked) {
    throw new InvalidOptionError("Cannot send the stream: it is locked to a reader");
  }
  let opened = false;
  return {
    size,
    reopenable: false,
    open(offset = 0) {
      if (opened || offset !== 0) {
        return Promise.reject(
          new UploadError(
            "Cannot send the stream again: its bytes are gone. Pass {size, open()} instead of a " +
              "stream, and davit replays and resumes it",
          ),
        );
      }
      opened = true;
      return Promise.resolve(stream);
    },
  };
}

function checkSize(size: number | undefined): number | undefined {
  if (size === undefined || (Number.isSafeInteger(size) && size >= 0)) return size;
  throw new InvalidOptionError(
    `Cannot send the body: its size must be a count of bytes: current value is ${size}`,
  );
}
