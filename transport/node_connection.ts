import { InternalError } from "../errors.ts";
import { type DirectGets, directGets } from "../runtime/direct_get.ts";
import {
  type NodeAgent,
  type NodeHttp,
  nodeHttp,
  type NodeSocket,
  type NodeTlsOptions,
} from "../runtime/http.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { proxyAgent } from "../runtime/proxy_agent.ts";
import type { ProxyServer } from "../runtime/proxy_tunnel.ts";

/** Options of {@linkcode nodeConnection}. */
export interface NodeConnectionOptions extends NodeTlsOptions {
  /** Whether connections are kept for the next request. @default {true} */
  keepAlive?: boolean;
  /**
   * Makes the connection for one request, TLS included, to one of the addresses where they were
   * checked. The other options of connections do not matter then.
   */
  connect?: (addresses?: readonly string[]) => NodeSocket;
  /** The proxy that requests go through: https in a tunnel, http as it is. @default {none} */
  proxy?: ProxyServer;
  /** What a connection with TLS to the proxy itself is made with. @default {{}} */
  proxyTls?: NodeTlsOptions;
  /** How long the proxy may take to make a tunnel, in milliseconds. @default {limits.responseTimeout} */
  tunnelTimeout?: number | undefined;
  /** Whether large bodies and heads come over connections of davit's own. @default {false} */
  direct?: boolean;
}

/** Where the connections to one origin come from, and what speaks HTTP on them. */
export interface NodeConnection {
  /** `node:http` or `node:https`. */
  http: NodeHttp;
  /** Keeps connections, and makes them. */
  agent?: NodeAgent;
  /** Makes the connection for one request, where there is no agent. */
  connect?: NonNullable<NodeConnectionOptions["connect"]>;
  /** Asks for large bodies, and for heads, where no proxy stands in between. */
  direct?: DirectGets;
  /** The proxy, where it reads the request itself instead of making a tunnel. */
  reader?: ProxyServer;
}

/**
 * How long a connection may be idle, in milliseconds: well below the 60 to 75 seconds after which
 * common proxies close one, so that a request rarely meets a connection about to be closed.
 */
const IDLE_MS = 15_000;

/** Agents without options of their own: every client shares its connections. */
const sharedAgents = new Map<string, NodeAgent>();

/** Where the connections to a URL's origin come from. */
export function nodeConnection(
  { protocol }: URL,
  options: NodeConnectionOptions = {},
): NodeConnection {
  const { keepAlive = true, connect, proxy, proxyTls = {}, direct: own, ...rest } = options;
  const { tunnelTimeout = DEFAULT_LIMITS.responseTimeout, ...tls } = rest;
  const reader = protocol === "http:" ? proxy : undefined;
  const read = reader && { reader };
  if (connect !== undefined) return { http: http("http:"), connect, ...read };
  const module = http(reader?.tls ? "https:" : protocol);
  const settings = { keepAlive, scheduling: "lifo", timeout: IDLE_MS } as const;
  if (proxy !== undefined) {
    const agent = reader
      ? new module.Agent({ ...settings, ...proxyTls })
      : proxyAgent(proxy, { ...settings, ...tls, proxyTls, tunnelTimeout });
    return { http: module, agent, ...read };
  }
  const direct = own && { direct: directGets(protocol, { idleTimeout: IDLE_MS, ...tls }) };
  if (!keepAlive || Object.keys(tls).length > 0) {
    const agent = byAddresses(new module.Agent({ ...settings, ...tls }));
    return { http: module, agent, ...direct };
  }
  let agent = sharedAgents.get(protocol);
  if (agent === undefined) {
    agent = byAddresses(new module.Agent(settings));
    sharedAgents.set(protocol, agent);
  }
  return { http: module, agent, ...direct };
}

/** Where addresses were checked, a kept connection is used again for the same ones alone. */
function byAddresses(agent: NodeAgent): NodeAgent {
  const { getName } = agent;
  agent.getName = (options: { addresses?: readonly string[] } = {}) =>
    `${getName?.call(agent, options)} ${[...options.addresses ?? []].sort()}`;
  return agent;
}

function http(protocol: string): NodeHttp {
  const module = nodeHttp(protocol);
  if (module === undefined) throw new InternalError("Cannot send: this runtime has no node:http");
  return module;
}
