import type { ProxyServer } from "../runtime/proxy_tunnel.ts";
import { type ProxyOptions, proxyServers } from "./proxy_options.ts";
import { InvalidOptionError } from "../errors.ts";
import { ipv6Groups } from "./ipv6_groups.ts";

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

type Exception = (host: string, port: string) => boolean;

/**
 * Which URLs are asked for without a proxy, by a list in the syntax of `NO_PROXY`. Texts may hold
 * several entries, between commas or spaces.
 *
 * @throws {InvalidOptionError} When an entry is no host, address or range.
 */
export function proxyExceptions(
  option: string,
  list: string | readonly string[],
): (url: URL) => boolean {
  const entries = [list].flat().flatMap((text) => text.split(/[\s,]+/)).filter((text) => text);
  const exceptions = entries.map((entry) => exception(option, entry));
  return ({ protocol, hostname, port }) => {
    const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
    const usual = protocol === "https:" ? "443" : "80";
    return exceptions.some((matches) => matches(host, port || usual));
  };
}

function exception(option: string, entry: string): Exception {
  if (entry === "*") return () => true;
  const range = /^(.+)\/(\d{1,3})$/.exec(entry);
  if (range !== null) {
    const network = addressBits(range[1]!);
    const length = Number(range[2]);
    if (network === undefined || length > network.length) throw refused(option, entry);
    const prefix = network.slice(0, length);
    return (host) => {
      const bits = addressBits(host);
      return bits?.length === network.length && bits.startsWith(prefix);
    };
  }
  const { host, port } = hostAndPort(option, entry);
  const isPort = (asked: string) => port === undefined || asked === port;
  const bits = addressBits(host);
  if (bits !== undefined) return (asked, at) => isPort(at) && addressBits(asked) === bits;
  const domain = host.replace(/^\*?\./, "");
  return (asked, at) => isPort(at) && (asked === domain || asked.endsWith(`.${domain}`));
}

/** An entry's host, as a URL would have it, and its port. */
function hostAndPort(option: string, entry: string): { host: string; port?: string } {
  const [, bracketed, named, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(entry) ??
    [undefined, entry];
  const leading = /^\*?\./.exec(named ?? "")?.[0] ?? "";
  const host = bracketed !== undefined ? `[${bracketed}]` : named!.slice(leading.length);
  const url = URL.canParse(`https://${host}/`) ? new URL(`https://${host}/`) : undefined;
  if (url === undefined || url.pathname !== "/" || url.href.includes("@")) {
    throw refused(option, entry);
  }
  const bare = leading + url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  return { host: bare, ...(port !== undefined && { port }) };
}

/** An address's bits, 32 or 128; `undefined` for what is none. IPv4 within IPv6 is IPv4. */
function addressBits(host: string): string | undefined {
  if (/^\d+(?:\.\d+){3}$/.test(host)) {
    const bytes = host.split(".").map(Number);
    return bytes.every((byte) => byte <= 255) ? binary(bytes, 8) : undefined;
  }
  const url = host.includes(":") && URL.canParse(`http://[${host}]/`);
  if (!url) return undefined;
  const groups = ipv6Groups(new URL(`http://[${host}]/`).hostname.slice(1, -1));
  const bits = binary(groups, 16);
  const mapped = `${"0".repeat(80)}${"1".repeat(16)}`;
  return bits.startsWith(mapped) ? bits.slice(96) : bits;
}

function binary(values: number[], width: number): string {
  return values.map((value) => value.toString(2).padStart(width, "0")).join("");
}

function refused(option: string, entry: string): InvalidOptionError {
  return new InvalidOptionError(
    `Cannot use '${option}.noProxy' as each entry must be a host, an address or a range: current ` +
      `value is ${JSON.stringify(entry.replace(/^.*@/s, "…@"))}`,
  );
}
