import { InvalidOptionError, UnsupportedRuntimeError } from "../errors.ts";
import { runtimeName } from "../runtime/builtin.ts";
import type { NodeTlsOptions } from "../runtime/http.ts";
import type { ProxyServer } from "../runtime/proxy_tunnel.ts";
import { checkTls, type TlsSettings, trustedBeside } from "../runtime/tls_trust.ts";
import type { Send } from "./channel.ts";
import { defaultSend, type FetchRoute } from "./default_send.ts";
import type { HostOptions, HostsOptions } from "./host_options.ts";
import { type ProxyEnvironment, proxyEnvironment } from "./proxy_environment.ts";
import { type ProxyOptions, type ProxyRule, proxyRule } from "./proxy_options.ts";
import type { SendLimits } from "./send_clock.ts";

/** Options of {@linkcode hostSend}. */
export interface HostSendOptions extends SendLimits {
  /** The registry's host: `insecure` is about it alone. */
  registry: string;
  /** What is special about one host or another. */
  hosts: HostsOptions;
  /** Whether the registry's certificate goes unchecked. */
  insecure: boolean;
  /** The proxies. @default {those of the environment} */
  proxy?: string | ProxyOptions | false;
  /** The caller's own `fetch`, which then carries every byte. */
  fetch?: typeof globalThis.fetch;
  /** A `Deno.HttpClient`, which then carries every byte. */
  client?: unknown;
  /** The environment's proxies. @default {proxyEnvironment} */
  environment?: () => ProxyEnvironment | undefined;
}

/** A sender that has a way of its own to each host. */
export interface HostSend {
  /** Sends a request the way that its host's options say. */
  send: Send;
  /**
   * Whether it connects to a URL's host itself: not by the caller's `fetch`, and not through a proxy,
   * which looks names up where it stands.
   */
  reaches(url: URL): boolean;
  /** Ends what is kept open; the next request opens it again. */
  close(): void;
}

/** What connections are made with, and who makes them cannot be told by options besides. */
const OF_CONNECTIONS = ["ca", "cert", "key", "proxy"] as const;

/**
 * Sends to each host as its options say: its certificates and its proxy are used for it and no
 * other. Where none are given, the way is the runtime's own, and as fast.
 *
 * @throws {InvalidOptionError} When a proxy cannot be used, or an option about connections comes
 * beside the caller's own `fetch` or `client`.
 * @throws {UnsupportedRuntimeError} When this runtime has no means to do what an option says.
 */
export function hostSend(options: HostSendOptions): HostSend {
  const { fetch, client, responseTimeout, stallTimeout, hosts, registry } = options;
  const limits = { responseTimeout, stallTimeout };
  if (fetch !== undefined || client !== undefined) {
    const given = { ...(fetch && { fetch }), ...(client !== undefined && { client }) };
    refuse(options, (option) =>
      new InvalidOptionError(
        `Cannot use ${option} beside '${Object.keys(given)[0]}', which makes its own connections`,
      ));
    return { send: defaultSend({ ...limits, ...given }), reaches: () => false, close() {} };
  }
  if (!["bun", "deno", "node"].includes(runtimeName())) {
    refuse(options, (option) =>
      new UnsupportedRuntimeError(
        `Cannot use ${option} on this runtime: its connections cannot be told of it`,
      ));
  }
  const ways = new Map<string, Send>();
  const open = new Set<() => void>();
  const proxyOf = proxies(options);
  const insecure = (host: string) =>
    hosts[host]?.insecure ?? (options.insecure && host === registry);
  // A runtime that cannot leave certificates unchecked says so now, not at the first request.
  if ([registry, ...Object.keys(hosts)].some(insecure)) defaultSend({ insecure: true });

  function way(url: URL): Send {
    const { host, protocol } = url;
    const settings = hosts[host];
    const { proxy, fetchRoute } = proxyOf(url);
    const tls = protocol === "https:" ? tlsSettings(settings) : undefined;
    if (tls !== undefined) checkTls(host, tls);
    return defaultSend({
      ...limits,
      insecure: protocol === "https:" && insecure(host),
      fetchRoute,
      ...(tls && { tls }),
      ...(proxy && { proxy, proxyTls: proxyTls(hosts[proxy.host]) }),
      onOpen: (close) => open.add(close),
    });
  }

  return {
    async send(request) {
      const { origin } = request.url;
      let send = ways.get(origin);
      if (send === undefined) {
        send = way(request.url);
        ways.set(origin, send);
      }
      return await send(request);
    },
    reaches: (url) => proxyOf(url).proxy === undefined,
    close() {
      for (const end of open) end();
      open.clear();
    },
  };
}

/** The certificates out of a host's options, where it has any. */
function tlsSettings({ ca, cert, key }: HostOptions = {}): TlsSettings | undefined {
  if (ca === undefined && cert === undefined) return undefined;
  return {
    ...(ca !== undefined && { ca: [ca].flat() }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

function proxyTls(settings: HostOptions = {}): NodeTlsOptions {
  const { ca, ...shown } = tlsSettings(settings) ?? {};
  return {
    ...shown,
    ...(ca !== undefined && { ca: trustedBeside(ca) }),
    ...(settings.insecure && { rejectUnauthorized: false }),
  };
}

/** The proxy for a URL, and what Deno's `fetch` would make of it. */
function proxies(
  { hosts, proxy, environment = proxyEnvironment }: HostSendOptions,
): (url: URL) => { proxy: ProxyServer | undefined; fetchRoute: FetchRoute } {
  const general = proxy === undefined ? undefined : proxyRule("proxy", proxy);
  const own = new Map<string, ProxyRule>();
  for (const [host, { proxy }] of Object.entries(hosts)) {
    if (proxy !== undefined) {
      own.set(host, proxyRule(`hosts[${JSON.stringify(host)}].proxy`, proxy));
    }
  }
  let read: { environment: ProxyEnvironment | undefined } | undefined;

  return (url) => {
    const asked = own.get(url.host) ?? general;
    const fetches = runtimeName() === "deno";
    if (asked !== undefined && !fetches) return { proxy: asked(url), fetchRoute: "direct" };
    read ??= { environment: environment() };
    const found = read.environment;
    return {
      proxy: (asked ?? found?.rule)?.(url),
      fetchRoute: found?.named === false ? "direct" : found || asked ? "wrong" : "own",
    };
  };
}

/** Throws for the first option about connections. */
function refuse({ hosts, proxy }: HostSendOptions, error: (option: string) => Error): void {
  if (proxy) throw error("'proxy'");
  for (const [host, settings] of Object.entries(hosts)) {
    for (const name of OF_CONNECTIONS) {
      if (settings[name]) throw error(`hosts[${JSON.stringify(host)}].${name}`);
    }
  }
}
