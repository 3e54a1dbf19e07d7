import { InvalidOptionError } from "../errors.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { type RuntimeName, runtimeName } from "../runtime/builtin.ts";
import { type BodyStream, bodyStream } from "./body_stream.ts";
import type { ChannelRequest, Send } from "./channel.ts";
import { bodySize, openBody, refusesBody } from "./open_body.ts";
import { type SendClock, sendClock, type SendLimits } from "./send_clock.ts";
import { sendFailure } from "./send_failure.ts";
import { sizedBody } from "./sized_body.ts";
import { untilAborted } from "./until_aborted.ts";
import { recordOf } from "./header_fields.ts";

/** Options of {@linkcode fetchSend}. */
export interface FetchSendOptions extends Partial<SendLimits> {
  /** A `Deno.HttpClient`, handed to `fetch` with each request. */
  client?: unknown;
  /** Whether a stream of known size keeps its Content-Length; on Deno. @default {false} */
  sized?: boolean;
  /** Whose `fetch` this is. @default {runtimeName()} */
  runtime?: RuntimeName;
}

/** It obeys a signal; what others give may not. */
const RUNTIMES_OWN = globalThis.fetch;

/**
 * Sends by a `fetch`: one exchange, no redirects (a browser does not show them, so there it follows).
 *
 * What `send` throws:
 * - the signal's reason, when the signal aborts;
 * - the error of the body's own source, when that fails;
 * - {@linkcode NetworkError} when the connection cannot be made or breaks;
 * - {@linkcode HostRefusedError} when the program has no permission to connect;
 * - {@linkcode TimeoutError} when the body stands still, or no head of a response comes.
 */
export function fetchSend(
  fetch: typeof globalThis.fetch,
  options: FetchSendOptions = {},
): Send {
  const { client, sized = false, runtime = runtimeName() } = options;
  const limits: SendLimits = {
    responseTimeout: options.responseTimeout ?? DEFAULT_LIMITS.responseTimeout,
    stallTimeout: options.stallTimeout ?? DEFAULT_LIMITS.stallTimeout,
  };

  return async (request) => {
    request.signal?.throwIfAborted();
    const ender = new AbortController();
    const clock = sendClock(request, limits, (error) => ender.abort(error));
    const upload = await streamed(request, clock, runtime, sized);
    const signal = request.signal === undefined
      ? ender.signal
      : AbortSignal.any([request.signal, ender.signal]);
    const init = {
      ...requestInit(request, upload && outgoing(request, upload, sized), runtime),
      signal,
      ...(client !== undefined && { client }),
    };
    if (upload === undefined) clock.sent(request.body && bodySize(request.body));
    else clock.waitFor("server");
    try {
      const answered = fetch(address(request.url), init);
      const response = await (fetch === RUNTIMES_OWN ? answered : answer(answered, signal));
      const failure = upload?.failure();
      if (failure !== undefined) {
        // A server that answers a body which broke says less than the source did.
        await response.body?.cancel().catch(() => {});
        throw failure.error;
      }
      const { url } = response;
      return {
        response: upload === undefined ? response : refused(response, upload, ender),
        url: url === "" || url === request.url.href ? request.url : new URL(url),
        hops: [],
      };
    } catch (error) {
      upload?.stop();
      signal.throwIfAborted();
      const failure = upload?.failure();
      throw failure === undefined ? sendFailure(request, error) : failure.error;
    } finally {
      clock.stop();
    }
  };
}

/** The URL without a user and a password, which `fetch` refuses and which are nobody's business. */
function address(url: URL): string {
  if (url.username === "" && url.password === "") return url.href;
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  return bare.href;
}

function requestInit(
  { method, headers: given, body }: ChannelRequest,
  stream: ReadableStream | Blob | undefined,
  runtime: RuntimeName,
): RequestInit {
  const headers = recordOf(given);
  headers["accept-encoding"] ??= "identity";
  const size = body && bodySize(body);
  if (size !== undefined) headers["content-length"] = String(size);
  else if ("content-length" in headers) delete headers["content-length"];
  return {
    method,
    headers,
    redirect: runtime === "browser" ? "follow" : "manual",
    // Workers keep no cookies, and those of an older compatibility date refuse `cache`.
    ...(runtime !== "workerd" && { cache: "no-store", credentials: "omit" }),
    ...(stream !== undefined && { body: stream, duplex: "half" }),
    ...(stream === undefined && body !== undefined && { body: body.bytes ?? body.blob }),
  };
}

function outgoing(
  { body }: ChannelRequest,
  { stream }: BodyStream,
  sized: boolean,
): ReadableStream | Blob {
  return sized && body?.size !== undefined ? sizedBody(stream, body.size) : stream;
}

/** The stream of a body that is neither bytes nor a blob. */
async function streamed(
  { body, signal, what }: ChannelRequest,
  clock: SendClock,
  runtime: RuntimeName,
  sized: boolean,
): Promise<BodyStream | undefined> {
  if (body === undefined || body.bytes !== undefined || body.blob !== undefined) return undefined;
  if (runtime === "browser" && !sendsStreams()) {
    throw new InvalidOptionError(
      `Cannot ${what}: the body must be bytes or a Blob in a browser that cannot send streams`,
    );
  }
  const reader = await openBody(body, what, signal);
  if (sized && body.size === 0) {
    // Deno takes no length of 0 from a Blob. That the source is empty is looked at all the same.
    await untilAborted(reader.read(), signal);
    return undefined;
  }
  return bodyStream(reader, {
    waitFor: clock.waitFor,
    // Node's fetch takes all that it is given, 1 GiB too, long before it has sent it.
    sent: (bytes) => clock.sent(runtime === "node" ? bytes : 0),
  });
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

/** The answer, or the signal's reason: not every `fetch` that somebody gives obeys a signal. */
function answer(response: Promise<Response>, signal: AbortSignal): Promise<Response> {
  return new Promise((resolve, reject) => {
    function abort(): void {
      reject(signal.reason);
    }
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    response.then((value) => {
      if (signal.aborted) void value.body?.cancel(signal.reason).catch(() => {});
      resolve(value);
    }, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/**
 * A response that refused a body before all of it was sent: the rest is not sent, and the connection,
 * which can serve nothing else, ends with the response's body.
 */
function refused(response: Response, upload: BodyStream, ender: AbortController): Response {
  if (!refusesBody(response.status) || upload.finished()) return response;
  upload.stop();

  function drop(): void {
    upload.drop();
    ender.abort();
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
