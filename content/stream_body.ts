import { InvalidOptionError } from "../errors.ts";
import type { Body } from "./body.ts";
import type { Bytes } from "./bytes.ts";

/** What Node's streams are to everybody else: pieces that can be iterated over. */
export type StreamBody = AsyncIterable<Uint8Array>;

/**
 * A body out of a body, or of a Node stream. Anything else is answered as it is, for `openBody` to
 * refuse.
 */
export function bodyOf(body: Body | StreamBody): Body {
  if (typeof body !== "object" || body === null) return body;
  // Whether it has `open` says nothing here: Node's streams of files have one too.
  const known = body instanceof Uint8Array || body instanceof Blob ||
    body instanceof ReadableStream;
  if (known || !(Symbol.asyncIterator in body)) return body as Body;
  const pieces = body[Symbol.asyncIterator]();
  return new ReadableStream<Bytes>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) return controller.close();
      if (!(value instanceof Uint8Array)) {
        await pieces.return?.();
        throw new InvalidOptionError(
          `Cannot send the stream: its pieces must be bytes: current piece is a ${typeof value}`,
        );
      }
      controller.enqueue(value as Bytes);
    },
    async cancel() {
      await pieces.return?.();
    },
  }, { highWaterMark: 0 });
}
