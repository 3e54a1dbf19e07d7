import { InternalError } from "../errors.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import {
  type NodeAgent,
  type NodeHttp,
  nodeHttp,
  type NodeRequest,
  type NodeRequestOptions,
  type NodeResponse,
  type NodeSocket,
  type NodeTlsOptions,
} from "../runtime/http.ts";
import type { ChannelRequest, ChannelResponse, Send } from "./channel.ts";
import { type NodePump, nodePump } from "./node_pump.ts";
import { nodeResponse } from "./node_response.ts";
import { bodySize, openBody, refusesBody } from "./open_body.ts";
import { sendClock, type SendLimits } from "./send_clock.ts";
import { sendFailure } from "./send_failure.ts";

/** Options of {@linkcode nodeSend}. */
export interface NodeSendOptions extends Partial<SendLimits>, NodeTlsOptions {
  /** A `node:http` agent that connections come from: one that goes through a proxy, say. */
  agent?: unknown;
  /** Whether connections are kept for the next request. @default {true} */
  keepAlive?: boolean;
  /**
   * Makes the connection to a URL's host for one request, TLS included, and no agent has a part in
   * it. The other options of connections do not matter then.
   */
  connect?: (url: URL) => NodeSocket;
}

/** Google's registries answer with up to 21 KB of headers; Node takes 16 KiB unless told. */
const MAX_HEADER_BYTES = 64 * 1024;

/**
 * How long a connection may be idle, in milliseconds: well below the 60 to 75 seconds after which
 * common proxies close one, so that a request rarely meets a connection about to be closed.
 */
const IDLE_MS = 15_000;

/** Agents of senders without options of their own: every client shares its connections. */
const sharedAgents = new Map<string, NodeAgent>();

/**
 * Sends by `node:http` and `node:https`: one exchange, no redirects. A body of known size goes with
 * Content-Length, another one chunked; it is read no faster than the server takes it.
 *
 * What `send` throws:
 * - the signal's reason, when the signal aborts;
 * - the error of the body's own source, when that fails;
 * - {@linkcode SizeMismatchError} when the body has more or fewer bytes than it declared;
 * - {@linkcode NetworkError} when the connection cannot be made or breaks;
 * - {@linkcode HostRefusedError} when the program has no permission to connect;
 * - {@linkcode TimeoutError} when the body stands still, or no head of a response comes;
 * - {@linkcode InvalidContentError} when the response's status is none that HTTP knows.
 */
export function nodeSend(options: NodeSendOptions = {}): Send {
  const limits: SendLimits = {
    responseTimeout: options.responseTimeout ?? DEFAULT_LIMITS.responseTimeout,
    stallTimeout: options.stallTimeout ?? DEFAULT_LIMITS.stallTimeout,
  };
  const connectionFor = connections(options);

  return async (request) => {
    request.signal?.throwIfAborted();
    const { body, signal, what } = request;
    const reader = body && await openBody(body, what, signal);
    return await exchange(request, reader, connectionFor, limits);
  };
}

/** Where a request's connection comes from, and what speaks HTTP on it. */
interface ConnectionSource extends Pick<NodeRequestOptions, "agent" | "createConnection"> {
  http: NodeHttp;
}

function connections(options: NodeSendOptions): (url: URL) => ConnectionSource {
  const { agent, connect, keepAlive = true, ca, cert, key, rejectUnauthorized } = options;
  if (connect !== undefined) {
    return (url) => ({ http: http("http:"), createConnection: () => connect(url) });
  }
  if (agent !== undefined) {
    return ({ protocol }) => ({ http: http(protocol), agent: agent as NodeAgent });
  }
  const tls = { ca, cert, key, rejectUnauthorized };
  const own = Object.values(tls).some((value) => value !== undefined);
  const agents = own || !keepAlive ? new Map<string, NodeAgent>() : sharedAgents;

  return ({ protocol }) => {
    const module = http(protocol);
    let found = agents.get(protocol);
    if (found === undefined) {
      const settings = { keepAlive, scheduling: "lifo", timeout: IDLE_MS } as const;
      found = new module.Agent(own ? { ...settings, ...tls } : settings);
      agents.set(protocol, found);
    }
    return { http: module, agent: found };
  };
}

function http(protocol: string): NodeHttp {
  const module = nodeHttp(protocol);
  if (module === undefined) throw new InternalError("Cannot send: this runtime has no node:http");
  return module;
}

function exchange(
  request: ChannelRequest,
  reader: PieceReader | undefined,
  connectionFor: (url: URL) => ConnectionSource,
  limits: SendLimits,
): Promise<ChannelResponse> {
  const { signal } = request;
  return new Promise((resolve, reject) => {
    let over = false;
    let pump: NodePump | undefined;
    const clock = sendClock(request, limits, fail);
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
        const { http, ...from } = connectionFor(request.url);
        return http.request({ ...requestOptions(request), ...from });
      } catch (error) {
        void reader?.cancel(error).catch(() => {});
        reject(sendFailure(request, error));
      }
    }

    function respond(incoming: NodeResponse): void {
      if (over) return void incoming.destroy();
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
    outgoing.on("error", (error: Error) => fail(sendFailure(request, error)));
    outgoing.on("close", () => fail(sendFailure(request, new Error("it was closed"))));
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) return abort();

    if (reader !== undefined) {
      pump = nodePump(reader, outgoing, clock, (error) => {
        fail(error);
        outgoing.destroy();
      });
    } else {
      outgoing.end();
      clock.sent();
    }
  });
}

function requestOptions(
  { method, url, headers: given, body }: ChannelRequest,
): NodeRequestOptions {
  const headers = new Headers(given);
  if (!headers.has("accept-encoding")) headers.set("accept-encoding", "identity");
  headers.delete("content-length");
  const size = body ? bodySize(body) : withoutBody(method);
  if (size !== undefined) headers.set("content-length", String(size));
  // On a connection that somebody else made, `node:http` does not know which port is usual.
  headers.set("host", url.host);
  return {
    method,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port,
    path: url.pathname + url.search,
    headers: Object.fromEntries(headers),
    maxHeaderSize: MAX_HEADER_BYTES,
  };
}

/** The Content-Length of a request without a body: methods that usually have one must say 0. */
function withoutBody(method: string): 0 | undefined {
  return ["PATCH", "POST", "PUT"].includes(method) ? 0 : undefined;
}
