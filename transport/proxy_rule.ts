import type { ProxyServer } from "../runtime/proxy_tunnel.ts";
import { proxyExceptions } from "./proxy_exceptions.ts";
import { type ProxyOptions, proxyServers } from "./proxy_options.ts";

/** Which proxy a URL is asked for through; none where it is asked for directly. */
export type ProxyRule = (url: URL) => ProxyServer | undefined;

/**
 * The rule that options state.
 *
 * @throws {InvalidOptionError} When a proxy is not the URL of an HTTP proxy, or `noProxy` has
 * something that is not a host. A proxy's password is not shown.
 */
export function proxyRule(option: string, given: string | ProxyOptions | false): ProxyRule {
  const { https, http, noProxy } = proxyServers(option, given);
  const excepted = proxyExceptions(option, noProxy);
  return (target) => {
    const proxy = target.protocol === "https:" ? https : http;
    return proxy === undefined || excepted(target) ? undefined : proxy;
  };
}
