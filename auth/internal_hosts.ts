import { isLoopback } from "../content/loopback.ts";
import { HostRefusedError } from "../errors.ts";
import type { Middleware } from "../transport/channel.ts";
import { ipv6Groups } from "../transport/ipv6_groups.ts";
import { isTrustedRealm } from "./realm_policy.ts";
import type { TrustedRealms } from "./trusted_realms.ts";

/** What the caller named: where else a request goes is the registry's doing. */
const NAMED_BY_CALLER = ["registry", "mirror"];

/**
 * Refuses what leads from a registry on the internet into the network that the program is in: a token
 * service, redirect, upload location or other URL whose host is such an address, or this machine. Where
 * the registry is inside itself, it may name others there. Names are not resolved: that is what
 * `allowHost` is for, in whose place this stands.
 */
export function refuseInternal(origin: string, trustedRealms?: TrustedRealms): Middleware {
  const registry = new URL(origin);
  if (isInternal(registry.hostname)) return (next) => next;
  return (next) => (request) => {
    const { url, purpose, what } = request;
    const refused = !NAMED_BY_CALLER.includes(purpose) && isInternal(url.hostname) &&
      !isTrustedRealm(url, origin, trustedRealms);
    if (!refused) return next(request);
    const error = new HostRefusedError(
      `Cannot ${what}: ${registry.host} points to ${url.host}, which is inside this network ` +
        `(${purpose}); an allowHost that takes it, or trustedRealms: ` +
        `{${JSON.stringify(registry.host)}: ${JSON.stringify(url.origin)}}, allows it`,
      { host: url.host },
    );
    return Promise.reject(error);
  };
}

/** This network, private and shared addresses, this machine, and those of one link. RFC 6890. */
const INTERNAL_IPV4 =
  /^(?:0|10|127|169\.254|172\.(?:1[6-9]|2\d|3[01])|192\.168|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./;

/** Whether a host, as a URL has it, is an address inside a network, or this machine by name. */
export function isInternal(hostname: string): boolean {
  if (isLoopback(hostname)) return true;
  if (!hostname.startsWith("[")) {
    return /^\d+(?:\.\d+){3}$/.test(hostname) && INTERNAL_IPV4.test(hostname);
  }
  const groups = ipv6Groups(hostname.slice(1, -1));
  const [first = 0, second = 0, third = 0] = groups;
  // Unique local, link-local, and site-local of old.
  if ((first & 0xfe00) === 0xfc00 || (first & 0xff80) === 0xfe80) return true;
  // Unspecified, mapped and compatible addresses, NAT64 and 6to4 hold an IPv4 address.
  const mapped = groups.slice(0, 5).every((group) => group === 0);
  if (mapped || (first === 0x64 && second === 0xff9b)) return isInternal(ipv4(groups.slice(6)));
  return first === 0x2002 && isInternal(ipv4([second, third]));
}

function ipv4(groups: number[]): string {
  return groups.flatMap((group) => [group >> 8, group & 0xff]).join(".");
}
