import { decodeBase64 } from "../../content/base64.ts";
import { type Bytes, encodeText } from "../../content/bytes.ts";
import type { Tape, TapeBody } from "./tape.ts";

/** Bodies that are not on a tape, by their digest. */
export type TapeBodies = (digest: string) => Bytes | undefined | Promise<Bytes | undefined>;

const PIECE_BYTES = 64 * 1024;

/**
 * The bytes of a body of a tape; `undefined` when they are neither on it nor given.
 */
export async function tapeBytes(
  tape: Tape,
  { digest, size }: TapeBody,
  bodies: TapeBodies | undefined,
): Promise<Bytes | undefined> {
  if (size === 0) return new Uint8Array();
  const content = Object.hasOwn(tape.bodies, digest) ? tape.bodies[digest] : undefined;
  if (content === undefined) return await bodies?.(digest);
  if ("text" in content) return encodeText(content.text);
  return decodeBase64(content.base64);
}

/** Bytes in a stream that ends, or breaks where the recorded one did. */
export function tapeStream(bytes: Bytes, cut: boolean): ReadableStream<Bytes> {
  return streamOf(cut, bytes.byteLength, (offset, length) => bytes.slice(offset, offset + length));
}

/** As many bytes as a body had, made from its digest: the same ones every time, not its own. */
export function fillerStream({ digest, size, cut }: TapeBody): ReadableStream<Bytes> {
  let state = [...digest].reduce((sum, char) => Math.imul(sum, 31) + char.charCodeAt(0), 7);
  return streamOf(cut ?? false, size, (_, length) => {
    const piece = new Uint8Array(length);
    for (let at = 0; at < length; at++) {
      state = Math.imul(state, 1664525) + 1013904223;
      piece[at] = state >>> 24;
    }
    return piece;
  });
}

function streamOf(
  cut: boolean,
  size: number,
  piece: (offset: number, length: number) => Bytes,
): ReadableStream<Bytes> {
  let offset = 0;
  return new ReadableStream({
    pull(controller) {
      const length = Math.min(PIECE_BYTES, size - offset);
      if (length > 0) {
        controller.enqueue(piece(offset, length));
        offset += length;
      } else if (cut) {
        controller.error(new TypeError("Cannot read on: the recorded body ends here"));
      } else {
        controller.close();
      }
    },
  }, { highWaterMark: 0 });
}
