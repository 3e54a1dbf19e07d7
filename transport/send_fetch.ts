import type { OpenBody } from "../content/body.ts";
import type { ApiError } from "../errors.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { type RuntimeName, runtimeName } from "../runtime/builtin.ts";
import type { ChannelRequest, Send } from "./channel.ts";
import type { FetchSendOptions } from "./fetch_send_options.ts";
import type { FetchUpload } from "./fetch_upload.ts";
import { recordOf } from "./header_fields.ts";
import { type SendClock, sendClock, type SendLimits } from "./send_clock.ts";
import { sendFailure } from "./send_failure.ts";

/** Whether a request's body can be streamed here: most browsers take it whole or not at all. */
export function streamsBodies(): boolean {
  return runtimeName() !== "browser";
}

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
    const { body } = request;
    const upload = isStream(body)
      ? await streamed(request, body, { clock, runtime, sized })
      : undefined;
    const signal = request.signal === undefined
      ? ender.signal
      : AbortSignal.any([request.signal, ender.signal]);
    const init = {
      ...requestInit(request, upload?.body, runtime),
      signal,
      ...(client !== undefined && { client }),
    };
    if (upload === undefined) clock.sent(body?.size);
    else clock.waitFor("server");
    try {
      const response = await answer(fetch(address(request.url), init), signal);
      const failure = upload?.failure();
      if (failure !== undefined) {
        // A server that answers a body which broke says less than the source did.
        await response.body?.cancel().catch(() => {});
        throw failure.error;
      }
      const { url } = response;
      return {
        response: upload?.answered(response, () => ender.abort()) ?? response,
        url: url === "" || url === request.url.href ? request.url : new URL(url),
        hops: [],
      };
    } catch (error) {
      upload?.stop();
      signal.throwIfAborted();
      const failure = upload?.failure();
      throw failure === undefined ? await told(request, error, runtime) : failure.error;
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
  const size = body?.size;
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

/** Browsers and workers do not say what was wrong with a connection. */
async function told(
  request: ChannelRequest,
  error: unknown,
  runtime: RuntimeName,
): Promise<ApiError> {
  if (runtime === "browser" || runtime === "workerd") return sendFailure(request, error);
  const { connectionFailure } = await import("./on_demand.ts");
  return connectionFailure(request, error);
}

/** Whether a body is neither bytes nor a blob. */
function isStream(body: OpenBody | undefined): body is OpenBody {
  return body !== undefined && body.bytes === undefined && body.blob === undefined;
}

/** A body that is streamed: by code that only this needs. */
async function streamed(
  request: ChannelRequest,
  body: OpenBody,
  options: { clock: SendClock; runtime: RuntimeName; sized: boolean },
): Promise<FetchUpload | undefined> {
  const { fetchUpload } = await import("./on_demand.ts");
  return await fetchUpload(request, body, options);
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
