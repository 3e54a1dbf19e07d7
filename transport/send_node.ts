import { InternalError } from "../errors.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import {
  type NodeAgent,
  type NodeHttp,
  nodeHttp,
  type NodeLookup,
  type NodeRequest,
  type NodeRequestOptions,
  type NodeResponse,
  type NodeSocket,
  type NodeTlsOptions,
} from "../runtime/http.ts";
import { proxyAgent } from "../runtime/proxy_agent.ts";
import { ProxyFailure } from "../runtime/proxy_failure.ts";
import type { ProxyServer } from "../runtime/proxy_tunnel.ts";
import type { ChannelRequest, ChannelResponse, Send } from "./channel.ts";
import { type NodePump, nodePump } from "./node_pump.ts";
import { nodeResponse } from "./node_response.ts";
import { refusesBody } from "./checked_reader.ts";
import { checkedReader } from "./checked_reader.ts";
import { sendClock, type SendLimits } from "./send_clock.ts";
import { connectionFailure } from "./connection_failure.ts";
import { copyFields } from "./header_fields.ts";

/** Options of {@linkcode nodeSend}. */
export interface NodeSendOptions extends Partial<SendLimits>, NodeTlsOptions {
  /** A `node:http` agent that connections come from: one that goes through a proxy, say. */
  agent?: unknown;
  /** Whether connections are kept for the next request. @default {true} */
  keepAlive?: boolean;
  /**
   * Makes the connection to a URL's host for one request, TLS included, to one of the addresses where
   * they were checked; no agent has a part in it. The other options of connections do not matter then.
   */
  connect?: (url: URL, addresses?: readonly string[]) => NodeSocket;
  /** The proxy that requests go through: https in a tunnel, http as it is. @default {none} */
  proxy?: ProxyServer;
  /** What a connection with TLS to the proxy itself is made with. @default {{}} */
  proxyTls?: NodeTlsOptions;
}

/** Google's registries answer with up to 21 KB of headers; Node takes 16 KiB unless told. */
const MAX_HEADER_BYTES = 64 * 1024;

/**
 * How long a connection may be idle, in milliseconds: well below the 60 to 75 seconds after which
 * common proxies close one, so that a request rarely meets a connection about to be closed.
 */
const IDLE_MS = 15_000;

/** 407: the proxy wants a user name and password, or others. */
const PROXY_WANTS_LOGIN = 407;

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
 * - {@linkcode CertificateError} when the host's certificate is not trusted;
 * - {@linkcode ProxyError} when the proxy cannot be reached, or refuses;
 * - {@linkcode HostRefusedError} when the program has no permission to connect;
 * - {@linkcode TimeoutError} when the body stands still, or no head of a response comes;
 * - {@linkcode InvalidContentError} when the response's status is none that HTTP knows.
 */
export function nodeSend(options: NodeSendOptions = {}): Send {
  const limits: SendLimits = {
    responseTimeout: options.responseTimeout ?? DEFAULT_LIMITS.responseTimeout,
    stallTimeout: options.stallTimeout ?? DEFAULT_LIMITS.stallTimeout,
  };
  const connectionFor = connections(options, limits);

  return async (request) => {
    request.signal?.throwIfAborted();
    const { body, signal, what } = request;
    const reader = body && await checkedReader(body, what, signal);
    return await exchange(request, reader, connectionFor, limits);
  };
}

/** Where a request's connection comes from, and what speaks HTTP on it. */
interface ConnectionSource extends Pick<NodeRequestOptions, "agent" | "createConnection"> {
  http: NodeHttp;
  /** The proxy that reads the request itself; one that only makes a tunnel is no affair of it. */
  reader?: ProxyServer;
}

function connections(
  options: NodeSendOptions,
  limits: SendLimits,
): (url: URL, addresses?: readonly string[]) => ConnectionSource {
  const { agent, connect, proxy, proxyTls = {}, keepAlive = true } = options;
  const { ca, cert, key, rejectUnauthorized } = options;
  const readBy = (url: URL) => proxy && url.protocol === "http:" ? { reader: proxy } : {};
  if (connect !== undefined) {
    return (url, addresses) => ({
      http: http("http:"),
      createConnection: () => connect(url, addresses),
      ...readBy(url),
    });
  }
  if (agent !== undefined) {
    return ({ protocol }) => ({ http: http(protocol), agent: agent as NodeAgent });
  }
  const tls = { ca, cert, key, rejectUnauthorized };
  const own = Object.values(tls).some((value) => value !== undefined);
  const agents = own || proxy || !keepAlive ? new Map<string, NodeAgent>() : sharedAgents;
  const settings = { keepAlive, scheduling: "lifo", timeout: IDLE_MS } as const;

  function madeAgent(protocol: string, module: NodeHttp): NodeAgent {
    if (proxy === undefined) return new module.Agent(own ? { ...settings, ...tls } : settings);
    if (protocol === "http:") return new module.Agent({ ...settings, ...proxyTls });
    const tunnelTimeout = limits.responseTimeout;
    return proxyAgent(proxy, { ...settings, ...tls, proxyTls, tunnelTimeout });
  }

  return (url) => {
    const { protocol } = url;
    const from = readBy(url);
    const module = http(from.reader?.tls ? "https:" : protocol);
    let found = agents.get(protocol);
    if (found === undefined) {
      found = madeAgent(protocol, module);
      agents.set(protocol, found);
    }
    return { http: module, agent: found, ...from };
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
  connectionFor: ReturnType<typeof connections>,
  limits: SendLimits,
): Promise<ChannelResponse> {
  const { signal } = request;
  return new Promise((resolve, reject) => {
    let over = false;
    let pump: NodePump | undefined;
    let proxy: ProxyServer | undefined;
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
        const { http, reader: readBy, ...from } = connectionFor(
          request.url,
          request.addresses,
        );
        proxy = readBy;
        return http.request({ ...requestOptions(request, proxy), ...from });
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
    outgoing.on("error", (error: Error) => fail(failure(error)));
    outgoing.on("close", () => fail(failure(new Error("it was closed"))));
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
  { method, url, headers: given, body, addresses }: ChannelRequest,
  proxy: ProxyServer | undefined,
): NodeRequestOptions {
  const headers = copyFields(given);
  if (!headers.has("accept-encoding")) headers.set("accept-encoding", "identity");
  headers.delete("content-length");
  const size = body ? body.size : withoutBody(method);
  if (size !== undefined) headers.set("content-length", String(size));
  // On a connection that somebody else made, `node:http` does not know which port is usual.
  headers.set("host", url.host);
  const path = url.pathname + url.search;
  const rest = { method, maxHeaderSize: MAX_HEADER_BYTES };
  if (proxy !== undefined) {
    const { hostname, port, authorization } = proxy;
    if (authorization !== undefined) headers.set("proxy-authorization", authorization);
    return {
      ...rest,
      hostname,
      port: String(port),
      path: `${url.origin}${path}`,
      headers: Object.fromEntries(headers),
    };
  }
  return {
    ...rest,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port,
    path,
    headers: Object.fromEntries(headers),
    ...(addresses !== undefined && { lookup: fixedLookup(addresses) }),
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
