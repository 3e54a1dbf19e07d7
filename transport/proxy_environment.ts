import { isLoopback } from "../content/loopback.ts";
import { proxyVariables } from "../runtime/proxy_variables.ts";
import { type ProxyRule, proxyRule } from "./proxy_rule.ts";

/** What the environment says of proxies. */
export interface ProxyEnvironment {
  /** Whether it names a proxy for any URL at all. */
  named: boolean;
  /** Which proxy a URL is asked for through. */
  rule: ProxyRule;
}

/**
 * What `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say, in either case, the lower one
 * first; `undefined` where they may not be read. This machine itself is never asked for through a
 * proxy of the environment, as Go's and most others' rules are.
 *
 * Where a web server runs the program, `HTTP_PROXY` counts in lower case alone: the other one may be
 * a visitor's header.
 *
 * The rule throws {@linkcode InvalidOptionError} when a variable is not the URL of an HTTP proxy.
 *
 * @see https://httpoxy.org
 */
export function proxyEnvironment(
  variables: Record<string, string> | undefined = proxyVariables(),
): ProxyEnvironment | undefined {
  if (variables === undefined) return undefined;
  const cgi = variables.REQUEST_METHOD !== undefined;
  const either = (name: string) => variables[name.toLowerCase()] ?? variables[name];
  const all = either("ALL_PROXY");
  const http = variables.http_proxy ?? (cgi ? undefined : variables.HTTP_PROXY) ?? all;
  const https = either("HTTPS_PROXY") ?? all;
  let rule: ProxyRule | undefined;
  return {
    // One that does not count here may count for Deno's `fetch`.
    named: [http, https, variables.HTTP_PROXY].some((proxy) => proxy !== undefined),
    rule(url) {
      if (isLoopback(url.hostname)) return undefined;
      rule ??= proxyRule("HTTP_PROXY, HTTPS_PROXY or ALL_PROXY", {
        ...(http !== undefined && { http }),
        ...(https !== undefined && { https }),
        noProxy: known(either("NO_PROXY") ?? ""),
      });
      return rule(url);
    },
  };
}

/** What is a host or a range; other programs have entries of their own, which mean nothing here. */
function known(list: string): string[] {
  return list.split(/[\s,]+/).filter((entry) => {
    try {
      proxyRule("", { noProxy: entry });
      return true;
    } catch {
      return false;
    }
  });
}
