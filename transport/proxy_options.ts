import { InvalidOptionError } from "../errors.ts";
import { encodeBase64 } from "../content/base64.ts";
import { encodeText } from "../content/bytes.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { ProxyServer } from "../runtime/proxy_tunnel.ts";

/**
 * Proxies by the scheme of what is asked for. A proxy is a URL, `http://user:password@proxy:3128`;
 * its user name and password go to it alone, and no error or event shows them.
 *
 * @example
 * ```ts
 * import { type ProxyOptions, RegistryClientV2 } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const proxy: ProxyOptions = {
 *   url: "http://proxy.example.com:3128",
 *   noProxy: ["registry.example.com", "10.0.0.0/8"],
 * };
 * const client = new RegistryClientV2({ name: "quay.io/you/app", proxy });
 *
 * assertEquals(client.origin, "https://quay.io");
 * ```
 */
export interface ProxyOptions {
  /** The proxy for both schemes. @default {none} */
  url?: string;
  /** The proxy for https. @default {url} */
  https?: string;
  /** The proxy for http. @default {url} */
  http?: string;
  /**
   * Hosts that are reached without a proxy, in the syntax of `NO_PROXY`: `example.com` and
   * `.example.com` are the domain and everything below it; with a port, that port alone; addresses,
   * `10.0.0.0/8`, and `*` for every host.
   * @default {none}
   */
  noProxy?: string | readonly string[];
}

const PROXY_OPTIONS: OptionNames<ProxyOptions> = names("url https http noProxy");

const USUAL_PORTS: Record<string, number> = { "http:": 80, "https:": 443 };

/** The proxies that options name, by the scheme of what is asked for. */
interface ProxyServers {
  https: ProxyServer | undefined;
  http: ProxyServer | undefined;
  noProxy: string | readonly string[];
}

/**
 * The proxies out of options; which hosts are reached without them is read once it is needed.
 *
 * @throws {InvalidOptionError} When a proxy is not the URL of an HTTP proxy. Its password is not shown.
 */
export function proxyServers(option: string, given: string | ProxyOptions | false): ProxyServers {
  if (given === false) return { https: undefined, http: undefined, noProxy: [] };
  const options = typeof given === "string" ? { url: given } : given;
  if (typeof options !== "object" || options === null) {
    throw new InvalidOptionError(
      `Cannot use '${option}' as it must be a URL, an object or false: current value is ${given}`,
    );
  }
  checkOptions(options, PROXY_OPTIONS, option);
  const { url, https = url, http = url, noProxy = [] } = options;
  return {
    https: https === undefined ? undefined : proxyServer(option, https),
    http: http === undefined ? undefined : proxyServer(option, http),
    noProxy,
  };
}

/**
 * A proxy out of its URL; without a scheme it is `http:`, as in the variables of the environment.
 *
 * @throws {InvalidOptionError} When it is not the URL of an HTTP proxy.
 */
export function proxyServer(option: string, given: string): ProxyServer {
  const text = String(given);
  const full = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  const usualPort = url && USUAL_PORTS[url.protocol];
  if (url === undefined || usualPort === undefined || url.hostname === "") {
    throw new InvalidOptionError(
      `Cannot use '${option}' as a proxy must be a URL of http or https: current value ` +
        (url === undefined ? "is not a URL" : `has the scheme ${url.protocol.slice(0, -1)}`),
    );
  }
  const authorization = basic(option, url);
  return {
    host: url.host,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port) || usualPort,
    tls: url.protocol === "https:",
    ...(authorization !== undefined && { authorization }),
  };
}

function basic(option: string, { username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${encodeBase64(encodeText(pair))}`;
  } catch {
    throw new InvalidOptionError(
      `Cannot use '${option}' as the user name and password of a proxy must be percent-encoded`,
    );
  }
}
