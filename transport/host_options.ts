import { InvalidOptionError } from "../errors.ts";
import type { Middleware } from "./channel.ts";

/** What is special about one host. */
export interface HostOptions {
  /** Whether it speaks plain HTTP; for a registry whose name gives no scheme. @default {false} */
  plainHttp?: boolean;
  /** Whether its TLS certificate goes unchecked; on Deno, Node and Bun. @default {false} */
  insecure?: boolean;
  /** Headers that every request to it carries, and no request to another host. */
  headers?: Record<string, string>;
  /** How many requests to it wait for their answer at once, where it is the registry. */
  requestsAtOnce?: number;
}

/** Options by host: `ghcr.io`, `registry.example.com:5000`. */
export type HostsOptions = Readonly<Record<string, HostOptions>>;

/** Headers that have an option of their own, or belong to one request. */
const OWNED = ["authorization", "cookie", "content-length", "host"];

/**
 * Checks options by host.
 *
 * @throws {InvalidOptionError} When a key is not a host, or a header is not for this option.
 */
export function checkHosts(hosts: HostsOptions): void {
  for (const [host, { headers = {} }] of Object.entries(hosts)) {
    if (!URL.canParse(`https://${host}`) || new URL(`https://${host}`).host !== host) {
      throw new InvalidOptionError(
        `Cannot use 'hosts' as each key must be a host, with its port where it has one: ` +
          `current value is ${JSON.stringify(host)}`,
      );
    }
    for (const name of Object.keys(headers)) {
      if (!OWNED.includes(name.toLowerCase())) continue;
      throw new InvalidOptionError(
        `Cannot use 'hosts' as ${name} is not a header for it: ${host} gets credentials by ` +
          `'credentials'`,
      );
    }
  }
}

/** Puts each host's own headers on the requests to it. */
export function hostHeaders(hosts: HostsOptions): Middleware {
  return (next) => (request) => {
    const own = Object.entries(hosts[request.url.host]?.headers ?? {});
    if (own.length === 0) return next(request);
    const headers = new Headers(request.headers);
    for (const [name, value] of own) headers.set(name, value);
    return next({ ...request, headers });
  };
}
