import type { OpenBody } from "../content/body.ts";
import type { NativeBody } from "../content/piece_reader.ts";
import { InvalidOptionError } from "../errors.ts";
import type { RuntimeName } from "../runtime/builtin.ts";
import { type BodyStream, bodyStream } from "./body_stream.ts";
import type { ChannelRequest } from "./channel.ts";
import { checkedReader, refusesBody } from "./checked_reader.ts";
import type { SendClock } from "./send_clock.ts";
import { sizedBody } from "./sized_body.ts";
import { untilAborted } from "./until_aborted.ts";

/** How a body is streamed. */
export interface FetchUploadOptions {
  /** Whether a body of known size keeps its Content-Length; on Deno. */
  sized: boolean;
  /** Whose `fetch` sends it. */
  runtime: RuntimeName;
  /** Whether it moves a response's body by itself. */
  native: boolean;
  /** Watches its time. */
  clock: SendClock;
}

/** A body on its way. */
export interface FetchUpload extends Omit<BodyStream, "stream"> {
  /** What `fetch` takes as the body. */
  body: ReadableStream | Blob;
  /** Ends it. */
  signal?: AbortSignal | undefined;
  /**
   * The response to give on. One that refused the body before all of it was sent: the rest is not
   * sent, and the connection, which can serve nothing else, ends with the response's body.
   */
  answered(response: Response, end: () => void): Response;
}

/**
 * The stream of a body that is neither bytes nor a blob; `undefined` for one that is empty.
 *
 * @throws {InvalidOptionError} When this browser cannot send streams.
 */
export async function fetchUpload(
  { signal, what, url }: ChannelRequest,
  body: OpenBody,
  { sized, runtime, clock, native }: FetchUploadOptions,
): Promise<FetchUpload | undefined> {
  if (runtime === "browser" && !sendsStreams()) {
    throw new InvalidOptionError(
      `Cannot ${what}: the body must be bytes or a Blob in a browser that cannot send streams`,
    );
  }
  if (native && isMovable(url, body)) return moved(body.native);
  const reader = await checkedReader(body, what, signal);
  if (sized && body.size === 0) {
    // Deno takes no length of 0 from a Blob. That the source is empty is looked at all the same.
    await untilAborted(reader.read(), signal);
    return undefined;
  }
  const made = bodyStream(reader, {
    waitFor: (side) => clock.waitFor(side),
    // Node's fetch takes all that it is given, 1 GiB too, long before it has sent it.
    sent: (bytes) => clock.sent(runtime === "node" ? bytes : 0),
  });
  const { size } = body;
  return {
    ...made,
    body: sized && size !== undefined ? sizedBody(made.stream, size) : made.stream,
    answered: (response, end) => refused(response, made, end),
  };
}

/**
 * Whether the runtime may move a body by itself. What has no Content-Length then goes so over plain
 * http alone: such registries are near, and take a body in chunks.
 */
export function isMovable(
  { protocol }: URL,
  body: OpenBody,
): body is OpenBody & { native: NativeBody } {
  return body.native !== undefined && (body.native.keepsLength || protocol === "http:");
}

/**
 * A body that the runtime moves by itself. Its bytes are not seen here: all of them have one stall
 * time, and whoever is too slow for that sends them the other way.
 */
function moved(native: NativeBody): FetchUpload {
  const stream = native.take();
  const stop = () => void stream.cancel().catch(() => {});
  const upload = { stream, failure: () => undefined, finished: () => false, stop, drop: stop };
  return {
    ...upload,
    body: stream,
    signal: native.signal,
    answered(response, end) {
      if (!refusesBody(response.status)) native.moved();
      return refused(response, upload, end);
    },
  };
}

/** Whether this browser sends streams: one that does not would send "[object ReadableStream]". */
function sendsStreams(): boolean {
  let asked = false;
  const request = new Request("https://localhost/", {
    method: "POST",
    body: new ReadableStream(),
    get duplex() {
      asked = true;
      return "half";
    },
  } as RequestInit);
  return asked && !request.headers.has("content-type");
}

function refused(response: Response, upload: BodyStream, end: () => void): Response {
  if (!refusesBody(response.status) || upload.finished()) return response;
  upload.stop();

  function drop(): void {
    upload.drop();
    end();
  }

  if (response.body === null) {
    drop();
    return response;
  }
  const reader = response.body.getReader();
  const body = new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      drop();
    },
    async cancel(reason) {
      await reader.cancel(reason).catch(() => {});
      drop();
    },
  }, { highWaterMark: 0 });
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}
