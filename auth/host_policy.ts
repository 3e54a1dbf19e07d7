import type { AllowHost } from "../transport/allow_host.ts";
import { ipv6Groups } from "../transport/ipv6_groups.ts";

/**
 * An `allowHost` for programs that take image references from strangers: it refuses hosts that are
 * not on the public internet. Refused are IP addresses of private, local, shared, reserved and
 * multicast ranges in every spelling that a URL understands, IPv4 addresses inside IPv6 ones, names
 * without a dot, and names under suffixes that private networks use: `localhost`, `.local`,
 * `.internal` and the like.
 *
 * A name that looks public may still resolve to a private address. Where the runtime can tell the
 * addresses before it connects they are checked too, and on Node no others are connected to. Deno and
 * Bun look the name up once more, so a name that changes in between passes (DNS rebinding); where the
 * addresses cannot be told at all (browsers, workers, a `fetch` of one's own, and everything that goes
 * through a proxy), only names and literal addresses are checked. Put such a program in a network that
 * cannot reach what it must not.
 *
 * @example
 * ```ts
 * import { publicHostsOnly } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const allowHost = publicHostsOnly();
 *
 * assertEquals(allowHost("ghcr.io", "registry"), true);
 * assertEquals(allowHost("169.254.169.254", "realm"), false);
 * assertEquals(allowHost("registry.example.com", "registry", ["10.0.0.7"]), false);
 * ```
 */
export function publicHostsOnly(): AllowHost {
  return (host, _purpose, addresses = []) => isPublicHost(host) && addresses.every(isPublicAddress);
}

/** Names that private networks use; none of them can be registered. RFC 6761, 6762 appendix G, 8375. */
const PRIVATE_SUFFIXES = [
  "corp",
  "home",
  "home.arpa",
  "internal",
  "intranet",
  "lan",
  "local",
  "localdomain",
  "localhost",
  "private",
  "svc",
  "test",
];

/**
 * Ranges that are not public: the special-purpose registry of IANA, multicast, and Azure's host
 * service, which has a public address that only virtual machines reach.
 *
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry/
 */
const PRIVATE_IPV4: readonly (readonly [address: string, prefix: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];

const PRIVATE_IPV4_RANGES = PRIVATE_IPV4.map(([address, prefix]) => ({
  first: ipv4Number(address),
  size: 2 ** (32 - prefix),
}));

function isPublicHost(host: string): boolean {
  const name = hostname(host);
  if (name === undefined) return false;
  if (name.startsWith("[")) return isPublicIpv6(name.slice(1, -1));
  if (/^[\d.]+$/.test(name)) return isPublicIpv4(name);
  const labels = name.split(".");
  if (labels.length < 2 || labels.includes("")) return false;
  return !PRIVATE_SUFFIXES.some((suffix) => name.endsWith(`.${suffix}`));
}

function isPublicAddress(address: string): boolean {
  const withoutZone = address.replace(/%[^]*$/, "");
  const name = hostname(withoutZone);
  if (name === undefined) return false;
  return name.startsWith("[") ? isPublicIpv6(name.slice(1, -1)) : isPublicIpv4(name);
}

/**
 * The host as a URL has it: in lower case, without port and last dot; `127.1`, `0x7f000001` and
 * `017700000001` have become `127.0.0.1`. `undefined` for what is no host.
 */
function hostname(host: string): string | undefined {
  const isBareIpv6 = !host.startsWith("[") && host.indexOf(":") !== host.lastIndexOf(":");
  let url: URL;
  try {
    url = new URL(`https://${isBareIpv6 ? `[${host}]` : host}`);
  } catch {
    return undefined;
  }
  const rest = url.username + url.password + url.pathname + url.search + url.hash;
  return rest === "/" ? url.hostname.replace(/\.$/, "") : undefined;
}

function isPublicIpv4(address: string): boolean {
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(address)) return false;
  const number = ipv4Number(address);
  return !PRIVATE_IPV4_RANGES.some(({ first, size }) => number >= first && number < first + size);
}

function ipv4Number(address: string): number {
  return address.split(".").reduce((number, part) => number * 256 + Number(part), 0);
}

/**
 * Whether an address is in the global unicast range, 2000::/3, and not in one of its parts that
 * lead elsewhere. Everything else, mapped, local, multicast, is not public.
 *
 * @see https://www.iana.org/assignments/iana-ipv6-special-registry/
 */
function isPublicIpv6(address: string): boolean {
  const groups = ipv6Groups(address);
  const [first = 0, second = 0] = groups;
  if (first === 0x64 && second === 0xff9b) return isPublicNat64(groups);
  if (first < 0x2000 || first > 0x3fff) return false;
  if (first === 0x2001 && (second < 0x200 || second === 0xdb8)) return false; // IETF, documentation
  if (first === 0x2002) return false; // 6to4 carries an IPv4 address
  return !(first === 0x3fff && second < 0x1000); // documentation
}

/** 64:ff9b::/96 is how a network without IPv4 reaches it: as public as the address inside. */
function isPublicNat64(groups: readonly number[]): boolean {
  if (groups.slice(2, 6).some((group) => group !== 0)) return false;
  const bytes = groups.slice(6).flatMap((group) => [group >> 8, group & 0xff]);
  return isPublicIpv4(bytes.join("."));
}
