import { runtimeName } from "../runtime/builtin.ts";
import { denoConnection } from "../runtime/deno_connection.ts";
import type { NodeTlsOptions } from "../runtime/http.ts";
import type { ProxyServer } from "../runtime/proxy_tunnel.ts";
import {
  checkTls,
  type DenoClient,
  denoClient,
  type TlsSettings,
  withSystemRoots,
} from "../runtime/tls_trust.ts";
import { isStreamed, type Send } from "./channel.ts";
import { systemClock } from "./clock.ts";
import { firstLook } from "./first_look.ts";
import type { HostOptions, HostsOptions } from "./host_options.ts";
import { nodeConnection, type NodeConnectionOptions } from "./node_connection.ts";
import { type ProxyEnvironment, proxyEnvironment } from "./proxy_environment.ts";
import type { ProxyOptions } from "./proxy_options.ts";
import { type ProxyRule, proxyRule } from "./proxy_rule.ts";
import { type AddressesOf, resolvedHosts } from "./resolved_hosts.ts";
import { type SecretsKeeper, secretsOf } from "./secrets.ts";
import { nodeSend, type NodeSendOptions } from "./send_node.ts";

// What a page in a browser seldom needs comes with this file, so that it is loaded with one `import()`.
export { connectionFailure } from "./connection_failure.ts";
export { fetchUpload } from "./fetch_upload.ts";
export { followRedirects } from "./follow_redirects.ts";
export { guard } from "./guard.ts";
export { limit } from "./limit.ts";
export { mirror } from "./mirror.ts";
export { missingRepository } from "./missing_repository.ts";
export { trace } from "./trace.ts";

/** Options of {@linkcode openMachine}. */
export interface MachineOptions {
  /** The registry's host: `insecure` is about it alone. */
  registry: string;
  /** What is special about one host or another. */
  hosts: HostsOptions;
  /** Whether the registry's certificate goes unchecked. @default {false} */
  insecure?: boolean;
  /** The proxies. @default {those of the environment} */
  proxy?: string | ProxyOptions | false;
  /** Remembers the credentials that a proxy gets. @default {nothing does} */
  secrets?: SecretsKeeper;
  /** The environment's proxies. @default {proxyEnvironment} */
  environment?: () => ProxyEnvironment | undefined;
}

/** Sends by `fetch`: with a client of Deno's, and with the Content-Length of streams. */
type ByFetch = (how: { client?: DenoClient; sized?: boolean }) => Send;

/** The ways out of Deno, Node and Bun. */
export interface Machine {
  /**
   * What sends to a URL's origin.
   *
   * @throws {InvalidOptionError} When the host's certificates cannot be used.
   */
  way(url: URL, options: NodeSendOptions, byFetch: ByFetch): Send;
  /** The addresses of a host; none behind a proxy, which looks names up where it stands. */
  addressesOf: AddressesOf;
  /** Ends what is kept open by the ways so far. */
  close(): void;
}

/**
 * How far Deno's `fetch` can be trusted with the way to a host, for it obeys the proxies of the
 * environment, whatever a program says: `direct` where there are none, `own` where its own choice
 * is right, `wrong` where it would not be.
 */
type FetchRoute = "direct" | "own" | "wrong";

/**
 * The ways out of Deno, Node and Bun: a host's certificates and proxy are used for it and no other.
 *
 * Measured, a download by `fetch` takes half the memory of one by `node:http` on Deno, and the other
 * way round on Node, whose `fetch` holds a whole upload in memory. Deno's `fetch` drops the
 * Content-Length of a stream, so there `node:http` sends those. On Node and Bun blobs are pulled over
 * connections of davit's own, in two thirds of the time that `node:http` takes.
 *
 * @throws {InvalidOptionError} When a proxy cannot be used.
 */
export function openMachine(options: MachineOptions): Machine {
  const { hosts, registry } = options;
  const proxyFor = proxies(options);
  let resolved: AddressesOf | undefined;
  const opened = new Set<{ close(): void }>();

  function wayBy(
    { proxy, fetchRoute }: ReturnType<typeof proxyFor>,
    ...[url, settings, byFetch]: Parameters<Machine["way"]>
  ): Send {
    const { host } = url;
    const own = hosts[host] ?? {};
    if (proxy?.authorization) secretsOf(options.secrets).learn(proxy.authorization);
    const secure = url.protocol === "https:";
    const tls = secure ? tlsSettings(own) : undefined;
    if (tls !== undefined) checkTls(host, tls);
    const { ca, ...shown } = tls ?? {};
    const through = proxy && { proxy, proxyTls: proxyTls(hosts[proxy.host]) };
    const onDeno = runtimeName() === "deno";

    function byNode(how: NodeConnectionOptions): Send {
      const direct = !onDeno && proxy === undefined;
      const tunnelTimeout = settings.responseTimeout;
      const connection = nodeConnection(url, { tunnelTimeout, ...through, direct, ...how });
      if (connection.direct !== undefined) opened.add(connection.direct);
      return nodeSend(connection, settings);
    }

    if (secure && (own.insecure ?? (options.insecure && host === registry))) {
      // Only `node:https` leaves certificates unchecked. It needs none of the machine's own then,
      // and to load them Deno wants --allow-sys. A connection kept for later is an open resource on
      // Deno, which tests of programs see.
      return byNode({ ...shown, rejectUnauthorized: false, ca: [], keepAlive: !onDeno });
    }
    if (!onDeno) return byNode({ ...shown, ...(ca && { ca: withSystemRoots(ca) }) });
    if (proxy?.tls || proxy && shown.cert) {
      // Deno starts TLS once on a connection, and shows a certificate only on one of its own making.
      return byNode({ ...shown, ca: withSystemRoots(ca ?? []), keepAlive: false });
    }
    const connect: NodeConnectionOptions["connect"] = (addresses) =>
      denoConnection(url, {
        ...(proxy && { proxy }),
        ...(tls && { tls }),
        ...(addresses && { addresses }),
      });
    if (proxy !== undefined || fetchRoute === "wrong") return byNode({ connect });
    if (tls !== undefined) {
      const client = denoClient(tls);
      opened.add(client);
      return byFetch({ client, sized: true });
    }
    if (fetchRoute === "own") return byFetch({ sized: true });
    const fetching = byFetch({});
    let node: Send | undefined;
    return (request) => {
      const { body, addresses } = request;
      // What `fetch` moves by itself keeps the length that its response had.
      const needsLength = isStreamed(body) && body.size !== undefined &&
        (body.native === undefined || addresses !== undefined);
      return needsLength ? (node ??= byNode({ connect }))(request) : fetching(request);
    };
  }

  return {
    way(url, settings, byFetch) {
      const route = proxyFor(url);
      const send = wayBy(route, url, settings, byFetch);
      // Where `fetch` has a proxy of its own, the host is not to be looked at around it.
      const direct = route.proxy === undefined && route.fetchRoute !== "own";
      // A look shows no certificate: it does not tell what the host thinks of one that is given.
      const shows = url.protocol === "https:" && hosts[url.host]?.cert !== undefined;
      return direct && !shows ? firstLook(send) : send;
    },
    async addressesOf(url) {
      if (proxyFor(url).proxy) return undefined;
      return await (resolved ??= resolvedHosts(systemClock))(url);
    },
    close() {
      for (const each of opened) each.close();
      opened.clear();
    },
  };
}

/** The certificates out of a host's options, where it has any. */
function tlsSettings({ ca, cert, key }: HostOptions): TlsSettings | undefined {
  if (ca === undefined && cert === undefined) return undefined;
  return {
    ...(ca !== undefined && { ca: [ca].flat() }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

/** What a connection with TLS to a proxy itself is made with. */
function proxyTls(settings: HostOptions = {}): NodeTlsOptions {
  const { ca, ...shown } = tlsSettings(settings) ?? {};
  return {
    ...shown,
    ...(ca !== undefined && { ca: withSystemRoots(ca) }),
    ...(settings.insecure && { rejectUnauthorized: false }),
  };
}

/** The proxy for a URL, and what Deno's `fetch` would make of it. */
function proxies(
  { hosts, proxy, environment = proxyEnvironment }: MachineOptions,
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
    if (asked !== undefined && runtimeName() !== "deno") {
      return { proxy: asked(url), fetchRoute: "direct" };
    }
    read ??= { environment: environment() };
    const found = read.environment;
    return {
      proxy: (asked ?? found?.rule)?.(url),
      fetchRoute: found?.named === false ? "direct" : found || asked ? "wrong" : "own",
    };
  };
}
