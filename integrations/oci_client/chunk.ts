import { type Body, type OpenBody, openBody } from "../../content/body.ts";
import type { Bytes } from "../../content/bytes.ts";
import { Range } from "./range.ts";

/** What can be sent; a stream with its length is a {@linkcode Chunk}. */
export type Data = ArrayBufferView | ArrayBuffer | Blob;

/**
 * A part of a blob, and where it stands in it.
 *
 * @example
 * ```ts
 * import { Chunk } from "@davit/registry-client/oci-client";
 * import { assertEquals } from "@std/assert";
 *
 * const chunk = new Chunk(new TextEncoder().encode("hello"), 5);
 * assertEquals(chunk.range.toString(), "5-9");
 * ```
 */
export class Chunk {
  /** The bytes. */
  readonly data: Data | ReadableStream<Uint8Array>;
  /** How many there are. */
  readonly length: number;
  /** Where the first one stands in the blob. */
  readonly pos: number;

  /** A part in memory, or a `Blob`. */
  constructor(data: Data, pos?: number);
  /**
   * A stream of so many bytes.
   *
   * @throws {TypeError} When the length is not given.
   */
  constructor(data: ReadableStream<Uint8Array>, length: number, pos?: number);
  /** A part of either kind. */
  constructor(data: Data | ReadableStream<Uint8Array>, ...numbers: (number | undefined)[]) {
    const streamed = data instanceof ReadableStream;
    const length = streamed ? numbers.shift() : sizeOf(data);
    if (length === undefined) throw new TypeError("Cannot use a stream as its length is not given");
    this.data = data;
    this.length = length;
    this.pos = numbers[0] ?? 0;
  }

  /** The bytes' place in the blob. */
  get range(): Range {
    return new Range(this.pos, this.length);
  }

  /** The same bytes at another place. */
  withPos(pos: number): Chunk {
    const { data, length } = this;
    return data instanceof ReadableStream ? new Chunk(data, length, pos) : new Chunk(data, pos);
  }
}

function sizeOf(data: Data): number {
  return data instanceof Blob ? data.size : data.byteLength;
}

/** Data as davit's own bodies are; the same memory. */
export function bodyOf(data: Data | ReadableStream<Uint8Array>): Body {
  if (data instanceof Blob) return data;
  if (data instanceof ReadableStream) return data as ReadableStream<Bytes>;
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** What is sent, opened, and where it stands: a chunk's own place, else the start. */
export function opened(
  data: Chunk | Data | ReadableStream<Uint8Array>,
): { body: OpenBody; pos: number } {
  if (!(data instanceof Chunk)) return { body: openBody(bodyOf(data)), pos: 0 };
  return { body: openBody(bodyOf(data.data), data.length), pos: data.pos };
}
