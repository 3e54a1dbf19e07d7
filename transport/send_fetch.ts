import type { OpenBody } from "../content/body.ts";
import { type ApiError, NetworkError } from "../errors.ts";
import { type RuntimeName, runtimeName } from "../runtime/builtin.ts";
import { type ChannelRequest, isStreamed, type Send } from "./channel.ts";
import { type HostHeaders, sentHeaders } from "./header_fields.ts";
import { machine } from "./loaded.ts";
import { SendClock, type SendLimits } from "./send_clock.ts";
import { sendFailure } from "./send_failure.ts";
import { untilAborted } from "./until_aborted.ts";

/** Options of {@linkcode fetchSend}. */
interface FetchSendOptions extends Partial<SendLimits> {
  /** Headers that every request carries. @default {none} */
  headers?: HostHeaders;
  /** A `Deno.HttpClient`, handed to `fetch` with each request. */
  client?: unknown;
  /** Whether a stream of known size keeps its Content-Length; on Deno. @default {false} */
  sized?: boolean;
  /** Whose `fetch` this is. @default {runtimeName()} */
  runtime?: RuntimeName;
  /** Whether it moves a response's body into a request by itself, as Deno's does. @default {false} */
  native?: boolean;
  /** Whether it obeys a signal: the runtime's own does, not all that callers give. @default {false} */
  obeysSignals?: boolean;
}

/** So many bytes at most go out unseen, where that can be helped: two seconds' worth at worst. */
const UNSEEN_BYTES = 64 * 1024;

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
 * - {@linkcode NetworkError} when the connection cannot be made or breaks; in a browser it is not
 *   `retryable` before the host has answered once;
 * - {@linkcode HostRefusedError} when the program has no permission to connect;
 * - {@linkcode TimeoutError} when the body stands still, or no head of a response comes.
 */
export function fetchSend(
  fetch: typeof globalThis.fetch,
  options: FetchSendOptions = {},
): Send {
  const { headers, client, sized = false, runtime = runtimeName() } = options;
  const { obeysSignals, native = false } = options;
  const always: RequestInit = {
    redirect: runtime === "browser" ? "follow" : "manual",
    // Workers keep no cookies, and those of an older compatibility date refuse `cache`.
    ...(runtime !== "workerd" && { cache: "no-store", credentials: "omit" }),
    ...(client !== undefined && { client }),
  };
  /** Whether it may follow redirects. Deno parses a response's URL anew each time that it is read. */
  const follows = runtime === "browser" || !obeysSignals;
  /** Whether the origin has answered: what fails before that in a browser fails each time. */
  const origin = { answered: false };

  return async (request) => {
    request.signal?.throwIfAborted();
    const ender = new AbortController();
    const clock = new SendClock(request, options, (error) => ender.abort(error));
    const { body } = request;
    const upload = isStreamed(body) || (obeysSignals && isLarge(body, runtime))
      ? await (await machine()).fetchUpload(request, body!, {
        clock,
        runtime,
        sized: sized || !isStreamed(body),
        native,
      })
      : undefined;
    const signal = request.signal || upload?.signal
      ? AbortSignal.any([request.signal, upload?.signal, ender.signal].filter((one) => !!one))
      : ender.signal;
    const init: RequestInit & { duplex?: "half" } = {
      ...always,
      method: request.method,
      headers: sentHeaders(request.headers, body?.size, headers),
      signal,
    };
    if (upload !== undefined) {
      init.body = upload.body;
      init.duplex = "half";
    } else if (body !== undefined) init.body = body.bytes ?? body.blob ?? null;
    if (upload === undefined) clock.sent(body?.size);
    else clock.waitFor("server");
    try {
      const answered = fetch(address(request.url), init);
      const response = await (obeysSignals ? answered : untilAborted(
        answered,
        signal,
        () => void answered.then(({ body }) => body?.cancel(signal.reason)).catch(() => {}),
      ));
      origin.answered = true;
      const failure = upload?.failure();
      if (failure !== undefined) {
        // A server that answers a body which broke says less than the source did.
        await response.body?.cancel().catch(() => {});
        throw failure.error;
      }
      const url = follows ? response.url : "";
      return {
        response: upload?.answered(response, () => ender.abort()) ?? response,
        url: url === "" || url === request.url.href ? request.url : new URL(url),
        hops: [],
        movable: native,
      };
    } catch (error) {
      upload?.stop();
      signal.throwIfAborted();
      const failure = upload?.failure();
      if (failure !== undefined) throw failure.error;
      if (runtime === "browser") throw browserFailure(request, error, origin.answered);
      if (runtime === "workerd") throw sendFailure(request, error); // it does not say what was wrong
      throw (await machine()).connectionFailure(request, error);
    } finally {
      clock.stop();
    }
  };
}

/**
 * Whether bytes in memory are so many that it is to be seen how they go: `fetch` says nothing of that.
 * Only Deno's keeps the length of a stream.
 */
function isLarge(body: OpenBody | undefined, runtime: RuntimeName): boolean {
  return runtime === "deno" && (body?.size ?? 0) > UNSEEN_BYTES;
}

/** The URL without a user and a password, which `fetch` refuses and must not see. */
function address(url: URL): string {
  const { href } = url;
  if (!href.includes("@")) return href;
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  return bare.href;
}

/**
 * Browsers say of every failure the same, so that a page cannot look into its network: a host that
 * has answered may do so again, one that never did allows this page nothing, as a rule.
 */
function browserFailure(request: ChannelRequest, error: unknown, answered: boolean): ApiError {
  const failure = sendFailure(request, error);
  if (answered || failure === error || !(failure instanceof NetworkError)) return failure;
  const { host } = request.url;
  return new NetworkError(
    `${failure.message}. A browser does not say why. Most likely ${host} does not allow requests ` +
      "of this page's origin (CORS): let it, or give a 'fetch' that goes by a proxy which does. " +
      "Or it cannot be reached, or its certificate is not trusted",
    { cause: failure.cause, retryable: false },
  );
}
