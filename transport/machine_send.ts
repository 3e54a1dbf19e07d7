import { runtimeName } from "../runtime/builtin.ts";
import type { NodeTlsOptions } from "../runtime/http.ts";
import type { ProxyServer } from "../runtime/proxy_tunnel.ts";
import { checkTls, type TlsSettings, trustedBeside } from "../runtime/tls_trust.ts";
import { systemClock } from "./clock.ts";
import type { Send } from "./channel.ts";
import { defaultSend, type FetchRoute } from "./default_send.ts";
import type { FetchSend } from "./fetch_send_options.ts";
import type { HostOptions, HostsOptions } from "./host_options.ts";
import { type ProxyEnvironment, proxyEnvironment } from "./proxy_environment.ts";
import { type ProxyOptions, type ProxyRule, proxyRule } from "./proxy_options.ts";
import { type AddressesOf, resolvedHosts } from "./resolved_hosts.ts";
import type { SendLimits } from "./send_clock.ts";

/** Options of {@linkcode machineSend}. */
export interface MachineSendOptions extends SendLimits {
  /** Sends by `fetch`. */
  fetchSend: FetchSend;
  /** The registry's host: `insecure` is about it alone. */
  registry: string;
  /** What is special about one host or another. */
  hosts: HostsOptions;
  /** Whether the registry's certificate goes unchecked. */
  insecure: boolean;
  /** The proxies. @default {those of the environment} */
  proxy?: string | ProxyOptions | false;
  /** The environment's proxies. @default {proxyEnvironment} */
  environment?: () => ProxyEnvironment | undefined;
}

/** A sender that has a way of its own to each host. */
export interface MachineSend {
  /** Sends a request the way that its host's options say. */
  send: Send;
  /** Whether it connects to a URL's host itself: a proxy looks names up where it stands. */
  reaches(url: URL): boolean;
  /** The addresses of a host that it connects to itself. */
  addressesOf: AddressesOf;
  /** Ends what is kept open; the next request opens it again. */
  close(): void;
}

/**
 * Sends to each host as its options say, on Deno, Node and Bun: its certificates and its proxy are
 * used for it and no other. Where none are given, the way is the runtime's own, and as fast.
 *
 * @throws {InvalidOptionError} When a proxy cannot be used.
 */
export function machineSend(options: MachineSendOptions): MachineSend {
  const { fetchSend, responseTimeout, stallTimeout, hosts, registry } = options;
  const limits = { responseTimeout, stallTimeout };
  const ways = new Map<string, Send>();
  const open = new Set<() => void>();
  const proxyOf = proxies(options);
  const resolved = resolvedHosts(systemClock);
  const reaches = (url: URL) => proxyOf(url).proxy === undefined;

  function way(url: URL): Send {
    const { host, protocol } = url;
    const settings = hosts[host];
    const { proxy, fetchRoute } = proxyOf(url);
    const tls = protocol === "https:" ? tlsSettings(settings) : undefined;
    if (tls !== undefined) checkTls(host, tls);
    const insecure = settings?.insecure ?? (options.insecure && host === registry);
    return defaultSend({
      ...limits,
      fetchSend,
      insecure: protocol === "https:" && insecure,
      fetchRoute,
      ...(tls && { tls }),
      ...(proxy && { proxy, proxyTls: proxyTls(hosts[proxy.host]) }),
      onOpen: (close) => open.add(close),
    });
  }

  return {
    send(request) {
      const { origin } = request.url;
      let send = ways.get(origin);
      if (send === undefined) {
        send = way(request.url);
        ways.set(origin, send);
      }
      return send(request);
    },
    reaches,
    addressesOf: async (url) => reaches(url) ? await resolved(url) : undefined,
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
  { hosts, proxy, environment = proxyEnvironment }: MachineSendOptions,
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
