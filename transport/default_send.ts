import type { NodeTlsOptions } from "../runtime/http.ts";
import { runtimeName } from "../runtime/builtin.ts";
import { denoConnection, type DenoConnectionOptions } from "../runtime/deno_connection.ts";
import type { ProxyServer } from "../runtime/proxy_tunnel.ts";
import {
  type DenoClient,
  denoClient,
  type TlsSettings,
  trustedBeside,
} from "../runtime/tls_trust.ts";
import type { ChannelRequest, Send } from "./channel.ts";
import type { FetchSend } from "./fetch_send_options.ts";
import type { SendLimits } from "./send_clock.ts";
import { nodeSend, type NodeSendOptions } from "./send_node.ts";

/**
 * How far Deno's `fetch` can be trusted with the way to a host, for it obeys the proxies of the
 * environment, and cannot be told not to: `direct` where there are none, `own` where its own choice
 * is right, `wrong` where it would not be.
 */
export type FetchRoute = "direct" | "own" | "wrong";

/** Options of {@linkcode defaultSend}. */
export interface DefaultSendOptions extends Partial<SendLimits> {
  /** Sends by `fetch`: who loads this has it, and it loads its own parts from beside this. */
  fetchSend: FetchSend;
  /** Whether TLS certificates go unchecked; only `node:https` can do that. @default {false} */
  insecure?: boolean;
  /** What TLS is made with; on Deno, Node and Bun. @default {what the runtime has} */
  tls?: TlsSettings;
  /** The proxy that everything goes through; on Deno, Node and Bun. @default {none} */
  proxy?: ProxyServer;
  /** What a connection with TLS to the proxy itself is made with. @default {{}} */
  proxyTls?: NodeTlsOptions;
  /** What Deno's `fetch` does about proxies by itself. @default {"direct"} */
  fetchRoute?: FetchRoute;
  /** Told how to end the connections that nothing else ends. */
  onOpen?: (close: () => void) => void;
}

/** Time limits, as senders take them. */
type Limits = Partial<SendLimits>;

/**
 * The best way to send on Deno, Node and Bun: measured, a download by `fetch` takes half the memory of
 * one by `node:http` on Deno, and the other way round on Node, whose `fetch` holds a whole upload in
 * memory. Deno's `fetch` drops the Content-Length of a stream, so there `node:http` sends those.
 */
export function defaultSend(options: DefaultSendOptions): Send {
  const { insecure = false, tls, responseTimeout, stallTimeout } = options;
  const limits: Limits = {
    ...(responseTimeout !== undefined && { responseTimeout }),
    ...(stallTimeout !== undefined && { stallTimeout }),
  };
  const send = runtimeName() === "deno"
    ? denoSend(options, limits)
    : nodeSend({ ...limits, ...proxied(options), ...nodeTls(tls) });
  return insecure ? insecureSend(send, options, limits) : send;
}

function denoSend(options: DefaultSendOptions, limits: Limits): Send {
  const { tls, proxy, fetchSend, fetchRoute = "direct" } = options;
  if (proxy?.tls || proxy && tls?.cert) {
    // Deno starts TLS once on a connection, and shows a certificate only on one of its own making.
    const { ca = [], ...shown } = tls ?? {};
    const trusted = { ...shown, ca: trustedBeside(ca) };
    return nodeSend({ ...limits, ...proxied(options), ...trusted, keepAlive: false });
  }
  if (proxy !== undefined || fetchRoute === "wrong") {
    const settings = { ...(proxy && { proxy }), ...(tls && { tls }) };
    return nodeSend({ ...limits, ...proxied(options), connect: connecting(settings) });
  }
  if (tls !== undefined) return tlsSend(tls, options, limits);
  if (fetchRoute === "own") return fetchSend(globalThis.fetch, { ...limits, sized: true });
  const byFetch = fetchSend(globalThis.fetch, limits);
  const byNode = nodeSend({ ...limits, connect: connecting({}) });
  return (request) => needsLength(request) ? byNode(request) : byFetch(request);
}

function connecting(settings: DenoConnectionOptions): NodeSendOptions["connect"] {
  return (url, addresses) => denoConnection(url, { ...settings, ...(addresses && { addresses }) });
}

/** Sends by Deno's `fetch` with certificates of its own, which somebody must close in the end. */
function tlsSend(
  tls: TlsSettings,
  { fetchSend, onOpen }: DefaultSendOptions,
  limits: Limits,
): Send {
  let client: DenoClient | undefined;
  let send: Send;

  function close(): void {
    client?.close();
    client = undefined;
  }

  return (request) => {
    if (client === undefined) {
      client = denoClient(tls);
      send = fetchSend(globalThis.fetch, { ...limits, client, sized: true });
      onOpen?.(close);
    }
    return send(request);
  };
}

/** Sends to https without a look at certificates, and to http as ever. */
function insecureSend(send: Send, options: DefaultSendOptions, limits: Limits): Send {
  const { cert, key } = options.tls ?? {};
  const unchecked = nodeSend({
    ...limits,
    ...proxied(options),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    rejectUnauthorized: false,
    // Nothing is compared with the machine's own certificates; to load them, Deno wants --allow-sys.
    ca: [],
    // On Deno a connection kept for later is an open resource, which tests of programs see.
    keepAlive: runtimeName() !== "deno",
  });
  return (request) => request.url.protocol === "https:" ? unchecked(request) : send(request);
}

function proxied(
  { proxy, proxyTls }: DefaultSendOptions,
): Pick<DefaultSendOptions, "proxy" | "proxyTls"> {
  return { ...(proxy && { proxy }), ...(proxyTls && { proxyTls }) };
}

function nodeTls({ ca, ...shown }: TlsSettings = {}): NodeTlsOptions {
  return { ...shown, ...(ca !== undefined && { ca: trustedBeside(ca) }) };
}

/** Whether a body is streamed, and its size known. */
function needsLength({ body }: ChannelRequest): boolean {
  return body !== undefined && body.size !== undefined && body.bytes === undefined &&
    body.blob === undefined;
}
