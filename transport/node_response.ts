import { InvalidContentError } from "../errors.ts";
import type { Bytes } from "../content/bytes.ts";
import type { NodeResponse } from "../runtime/http.ts";
import type { ChannelRequest } from "./channel.ts";
import { bodyFailure } from "./send_failure.ts";

/** Statuses whose responses have no body, and which `Response` refuses to give one. */
const NULL_BODY_STATUSES = [204, 205, 304];

/**
 * How much of a body is held for a reader who has not asked for it. Pieces are 64 KiB; with one
 * alone the connection would be stopped and started for each.
 */
const BUFFERED_BYTES = 256 * 1024;

/**
 * A `Response` of what `node:http` received; `ended` is called when nothing more will be read.
 *
 * @throws {InvalidContentError} When the status is none that HTTP knows.
 */
export function nodeResponse(
  incoming: NodeResponse,
  request: ChannelRequest,
  ended: () => void,
): Response {
  const status = incoming.statusCode ?? 0;
  if (status < 200 || status > 599) {
    throw new InvalidContentError(
      `Cannot ${request.what}: ${request.url.host} answered with the status ${status}`,
    );
  }
  const init = { status, statusText: statusText(incoming), headers: headersOf(incoming) };
  if (request.method === "HEAD" || NULL_BODY_STATUSES.includes(status)) {
    incoming.on("error", () => {});
    incoming.on("close", ended);
    incoming.resume();
    return new Response(null, init);
  }
  return new Response(body(incoming, request, ended), init);
}

/** The status's words, unless they hold what `Response` refuses. */
function statusText({ statusMessage = "" }: NodeResponse): string {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(statusMessage) ? statusMessage : "";
}

function headersOf({ rawHeaders }: NodeResponse): Headers {
  const headers = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index]!, rawHeaders[index + 1]!);
  }
  return headers;
}

/**
 * The pieces as they come, none copied. It is no byte stream: several pieces may lie in the same
 * memory, which a byte stream would take away; and filling buffers costs a tenth of the speed.
 */
function body(
  incoming: NodeResponse,
  request: ChannelRequest,
  ended: () => void,
): ReadableStream<Bytes> {
  const { signal } = request;
  let over = false;
  let abort = (): void => {};

  function finish(): boolean {
    if (over) return false;
    over = true;
    signal?.removeEventListener("abort", abort);
    ended();
    return true;
  }

  return new ReadableStream<Bytes>({
    start(controller) {
      function fail(error: unknown): void {
        if (!finish()) return;
        controller.error(error);
        incoming.destroy();
      }
      function broke(error: Error): void {
        fail(bodyFailure(request, error));
      }
      abort = () => fail(signal!.reason);
      signal?.addEventListener("abort", abort, { once: true });
      incoming.on("data", (piece: Bytes) => {
        if (over) return;
        // A Buffer's methods are not those of a Uint8Array: its slice shares memory.
        controller.enqueue(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
        if (controller.desiredSize! <= 0) incoming.pause();
      });
      incoming.on("end", () => {
        if (!incoming.complete) return broke(new Error("it ended early"));
        if (finish()) controller.close();
      });
      incoming.on("error", broke);
      incoming.on("close", () => broke(new Error("it was closed early")));
      incoming.pause();
    },
    pull() {
      incoming.resume();
    },
    cancel() {
      // What was received whole is dropped, so that the connection can be used again.
      if (incoming.complete) incoming.resume();
      else incoming.destroy();
      finish();
    },
  }, new ByteLengthQueuingStrategy({ highWaterMark: BUFFERED_BYTES }));
}
