import type { PieceReader } from "../content/piece_reader.ts";
import type { NodeLookup, NodeRequest, NodeRequestOptions, NodeResponse } from "../runtime/http.ts";
import { ProxyFailure } from "../runtime/proxy_failure.ts";
import type { ChannelRequest, ChannelResponse, Send } from "./channel.ts";
import { checkedReader, refusesBody } from "./checked_reader.ts";
import { connectionFailure } from "./connection_failure.ts";
import { type HostHeaders, sentHeaders } from "./header_fields.ts";
import type { NodeConnection } from "./node_connection.ts";
import { type NodePump, nodePump } from "./node_pump.ts";
import { nodeResponse } from "./node_response.ts";
import { SendClock, type SendLimits } from "./send_clock.ts";

/** Options of {@linkcode nodeSend}. */
export interface NodeSendOptions extends Partial<SendLimits> {
  /** Headers that every request carries. @default {none} */
  headers?: HostHeaders;
}

/** Google's registries answer with up to 21 KB of headers; Node takes 16 KiB by default. */
const MAX_HEADER_BYTES = 64 * 1024;

/** 407: the proxy wants a user name and password, or others. */
const PROXY_WANTS_LOGIN = 407;

/**
 * Sends by `node:http` or `node:https` to one origin: one exchange, no redirects. A body of known size goes with
 * Content-Length, another one chunked; it is read no faster than the server takes it.
 *
 * What `send` throws:
 * - the signal's reason, when the signal aborts;
 * - the error of the body's own source, when that fails;
 * - {@linkcode SizeMismatchError} when the body has more or fewer bytes than it declared;
 * - {@linkcode NetworkError} when the connection cannot be made or breaks;
 * - {@linkcode CertificateError} when the host's certificate is not trusted;
 * - {@linkcode ProxyError} when the proxy cannot be reached, or refuses;
 * - {@linkcode HostRefusedError} when the program has no permission to connect;
 * - {@linkcode TimeoutError} when the body stands still, or no head of a response comes;
 * - {@linkcode InvalidContentError} when the response's status is none that HTTP knows.
 */
export function nodeSend(connection: NodeConnection, options: NodeSendOptions = {}): Send {
  return async (request) => {
    request.signal?.throwIfAborted();
    const { body, signal, what } = request;
    const reader = body && await checkedReader(body, what, signal);
    return await exchange(request, reader, connection, options);
  };
}

function exchange(
  request: ChannelRequest,
  reader: PieceReader | undefined,
  connection: NodeConnection,
  options: NodeSendOptions,
): Promise<ChannelResponse> {
  const { signal } = request;
  const { reader: proxy } = connection;
  return new Promise((resolve, reject) => {
    let over = false;
    let pump: NodePump | undefined;
    const clock = new SendClock(request, options, fail);
    const outgoing = start();
    if (outgoing === undefined) return;

    function settle(): void {
      over = true;
      clock.stop();
      signal?.removeEventListener("abort", abort);
    }

    function fail(error: unknown): void {
      if (over) return;
      settle();
      if (pump !== undefined) pump.stop();
      else void reader?.cancel(error).catch(() => {});
      outgoing!.destroy();
      reject(error);
    }

    function abort(): void {
      fail(signal!.reason);
    }

    function start(): NodeRequest | undefined {
      try {
        const { http, direct } = connection;
        const { method, large, body } = request;
        const by = body === undefined && (large || method === "HEAD") ? direct ?? http : http;
        return by.request(requestOptions(request, connection, options.headers));
      } catch (error) {
        void reader?.cancel(error).catch(() => {});
        reject(failure(error));
      }
    }

    function failure(error: unknown): Error {
      const { host } = proxy ?? {};
      return connectionFailure(
        request,
        host === undefined || error instanceof ProxyFailure
          ? error
          : new ProxyFailure("the connection to it failed", { host, cause: error }),
      );
    }

    function respond(incoming: NodeResponse): void {
      if (over) return void incoming.destroy();
      if (proxy !== undefined && incoming.statusCode === PROXY_WANTS_LOGIN) {
        const { host } = proxy;
        const message = `it answered with the status ${PROXY_WANTS_LOGIN}`;
        return fail(failure(new ProxyFailure(message, { host, status: PROXY_WANTS_LOGIN })));
      }
      const refused = refusesBody(incoming.statusCode!) && pump?.finished() === false;
      try {
        // The connection of a body that was not sent whole can serve nothing else.
        const ended = refused ? () => outgoing!.destroy() : () => {};
        const response = nodeResponse(incoming, request, ended);
        settle();
        if (refused) pump?.stop();
        resolve({ response, url: request.url, hops: [] });
      } catch (error) {
        fail(error);
      }
    }

    outgoing.on("response", respond);
    outgoing.on("error", (error: Error) => over || fail(failure(error)));
    // Every request ends so: a failure is made of it only where there was no answer.
    outgoing.on("close", () => over || fail(failure(new Error("it was closed"))));
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) return abort();

    if (reader !== undefined) {
      pump = nodePump(reader, outgoing, clock, (error) => {
        fail(error);
        outgoing.destroy();
      }, request.body?.size);
    } else {
      outgoing.end();
      clock.sent();
    }
  });
}

function requestOptions(
  { method, url, headers: given, body, addresses }: ChannelRequest,
  { agent, connect, reader: proxy }: NodeConnection,
  hostHeaders: HostHeaders | undefined,
): NodeRequestOptions {
  const headers = sentHeaders(given, body ? body.size : withoutBody(method), hostHeaders);
  // On a connection that it did not make, `node:http` does not know which port is usual.
  headers.host = url.host;
  if (proxy?.authorization !== undefined) headers["proxy-authorization"] = proxy.authorization;
  const path = url.pathname + url.search;
  const to = proxy
    ? { hostname: proxy.hostname, port: String(proxy.port), path: url.origin + path }
    : { hostname: url.hostname.replace(/^\[|\]$/g, ""), port: url.port, path };
  return {
    method,
    ...to,
    headers,
    maxHeaderSize: MAX_HEADER_BYTES,
    ...(agent && { agent }),
    ...(connect && { createConnection: () => connect(addresses) }),
    ...(addresses && !proxy && { addresses, lookup: fixedLookup(addresses) }),
  };
}

/** Leads to addresses that were checked, whatever the name says by now. */
function fixedLookup(addresses: readonly string[]): NodeLookup {
  const found = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  return (_hostname, { all }, done) => {
    if (all) done(null, found);
    else done(null, found[0]!.address, found[0]!.family);
  };
}

/** The Content-Length of a request without a body: methods that usually have one must say 0. */
function withoutBody(method: string): 0 | undefined {
  return ["PATCH", "POST", "PUT"].includes(method) ? 0 : undefined;
}
