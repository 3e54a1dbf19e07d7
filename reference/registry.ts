import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { InvalidOptionError, InvalidReferenceError } from "../errors.ts";
import { quoteInput } from "./quote_input.ts";
import { isLoopback } from "../content/loopback.ts";

/** How a registry is spoken to. */
export type Scheme = "http" | "https";

/** A registry's name, and the scheme that stood in front of it. */
export interface Registry {
  /** The host in lower case, with its port where one was given: `ghcr.io`, `[::1]:5000`. */
  registry: string;
  /** The scheme, where one was given. */
  scheme?: Scheme;
}

/** Makes the error of whoever parses: what is wrong, and what it should have been. */
export type Fail = (problem: string, grammar?: string) => InvalidReferenceError;

/** The registry of references that name none: Docker Hub, by the name that people know. */
export const DEFAULT_REGISTRY = "docker.io";

/** Where Docker Hub's API is: `docker.io` itself answers browsers only. */
export const DOCKER_HUB_ORIGIN = "https://registry-1.docker.io";

/** The longest host name that DNS carries, in characters (RFC 1035, written without the end dot). */
export const MAX_HOST_LENGTH = 253;

/** What a registry is, in the words of messages. */
const HOST_GRAMMAR: string =
  "a registry is host[:port], the host a DNS name (xn--… for letters beyond ASCII), an IPv4 " +
  "address, or an IPv6 address in brackets";

const DOCKER_HUB_HOSTS = ["docker.io", "index.docker.io", "registry-1.docker.io"];
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const DNS_NAME = new RegExp(String.raw`^${LABEL}(?:\.${LABEL})*$`);
const MAX_PORT = 65535;

/**
 * Parses a registry: `ghcr.io`, `localhost:5000`, `https://registry.example.com/`. Docker Hub's
 * other names, `https://index.docker.io/v1/` among them, become `docker.io`.
 *
 * @throws {InvalidReferenceError} When it is not a host with or without a port, or when it is
 * `http` to Docker Hub.
 */
export function parseRegistry(text: string): Registry {
  const fail: Fail = (problem, grammar = HOST_GRAMMAR) =>
    new InvalidReferenceError(
      `Cannot parse ${quoteInput(text, "registry")} as a registry: ${problem}; ${grammar}`,
    );
  if (typeof text !== "string") throw fail("it is not a string");
  const { scheme, rest } = splitScheme(text, fail);
  if (rest.includes("@")) throw fail(USER_INFORMATION);
  const slash = rest.indexOf("/");
  const host = slash === -1 ? rest : rest.slice(0, slash);
  const path = slash === -1 ? "" : rest.slice(slash);
  const registry = normaliseHost(host, scheme, fail);
  const legacy = registry === DEFAULT_REGISTRY && /^\/v1\/?$/.test(path);
  if (path !== "" && path !== "/" && !legacy) throw fail("a path follows the host");
  return scheme === undefined ? { registry } : { registry, scheme };
}

const USER_INFORMATION =
  'user information stands before "@": credentials are given as options, never in a name';

/** What Helm and skopeo write before a reference to say that it is one. */
const TOOLS = ["oci://", "docker://"];

/**
 * Takes the scheme off a text, and refuses what no registry or reference has: another scheme, user
 * information, a query, a fragment.
 */
export function splitScheme(text: string, fail: Fail): { scheme?: Scheme; rest: string } {
  const tool = TOOLS.find((prefix) => text.slice(0, prefix.length).toLowerCase() === prefix);
  if (tool !== undefined) {
    const bare = text.slice(tool.length);
    if (bare.includes("://")) throw fail("it has two schemes");
    return splitScheme(bare, fail);
  }
  const separator = text.indexOf("://");
  const rest = separator === -1 ? text : text.slice(separator + 3);
  const slash = rest.indexOf("/");
  const at = rest.indexOf("@");
  const authorityEnds = slash !== -1 || separator !== -1;
  if (at !== -1 && authorityEnds && (slash === -1 || at < slash)) throw fail(USER_INFORMATION);
  if (at !== -1 && rest.includes("/", at)) throw fail('"@" stands elsewhere than before a digest');
  if (/[?#]/.test(rest)) throw fail("it holds a query or a fragment");
  if (separator === -1) return { rest };
  const scheme = text.slice(0, separator).toLowerCase();
  if (!isScheme(scheme)) throw fail("the scheme is neither http nor https");
  return { scheme, rest };
}

/** Whether a value is a scheme that registries speak. */
export function isScheme(value: unknown): value is Scheme {
  return value === "http" || value === "https";
}

/**
 * Whether the first component of a reference names a registry, as docker decides it: it holds a
 * dot, a colon or a capital, which no repository has, or is `localhost`. Anything else is part of a
 * repository name.
 */
export function looksLikeHost(component: string): boolean {
  return /[.:A-Z]/.test(component) || component === "localhost";
}

/** Checks a host with or without a port, and writes it as URLs do. */
export function normaliseHost(text: string, scheme: Scheme | undefined, fail: Fail): string {
  if (text === "") throw fail("the host is empty", HOST_GRAMMAR);
  // The one address that people write without brackets; with a port it would be another address.
  if (text === "::1") return "[::1]";
  if (!looksLikeHost(text)) {
    throw fail(
      `${quoteInput(text)} does not look like a host: it has no dot and no port, as in ` +
        `${quoteInput(`${text}:${scheme === "http" ? 80 : 443}`)}`,
      HOST_GRAMMAR,
    );
  }
  const colon = text.indexOf(":", text.lastIndexOf("]") + 1);
  const name = colon === -1 ? text : text.slice(0, colon);
  const port = colon === -1 ? undefined : text.slice(colon + 1);
  const host = canonicalHost(name);
  if (host === undefined) throw fail(`the host ${quoteInput(name)} is not one`, HOST_GRAMMAR);
  if (port !== undefined && !(/^[1-9][0-9]{0,4}$/.test(port) && Number(port) <= MAX_PORT)) {
    throw fail(`the port ${quoteInput(port)} is not a number from 1 to ${MAX_PORT}`, HOST_GRAMMAR);
  }
  // In capitals alone it is a host when it is read again.
  if (port === undefined && !looksLikeHost(host)) return host.toUpperCase();
  if (!DOCKER_HUB_HOSTS.includes(host)) return port === undefined ? host : `${host}:${port}`;
  if (scheme === "http") throw fail("plain HTTP to Docker Hub is disallowed", HOST_GRAMMAR);
  if (port !== undefined && port !== "443") {
    throw fail("Docker Hub has no port but 443", HOST_GRAMMAR);
  }
  return DEFAULT_REGISTRY;
}

// A URL parser reads `0x7f.1`, `2130706433` and `127.1` as 127.0.0.1: whatever it would rewrite is
// refused, so that a host policy and the connection never see two hosts in one name.
function canonicalHost(name: string): string | undefined {
  // ASCII is checked before lower-casing: the Kelvin sign becomes "k".
  if (!/^[a-zA-Z0-9.:[\]-]+$/.test(name) || name.length > MAX_HOST_LENGTH) return undefined;
  const host = name.toLowerCase();
  const isAddress = host.startsWith("[");
  if (!isAddress && !DNS_NAME.test(host)) return undefined;
  try {
    const { hostname } = new URL(`http://${host}/`);
    return isAddress || hostname === host ? hostname : undefined;
  } catch {
    return undefined;
  }
}

/** How {@linkcode registryOrigin} finds the scheme. */
export interface RegistryOriginOptions {
  /** The scheme, whatever the registry's own text and address say. */
  scheme?: Scheme;
  /**
   * Whether plain HTTP is spoken where no scheme is given. Docker Hub is spoken to by HTTPS anyway.
   * @default {false}
   */
  insecure?: boolean;
}

const REGISTRY_ORIGIN_OPTIONS: OptionNames<RegistryOriginOptions> = names("scheme insecure");

/**
 * The origin of a registry's API: what stands before `/v2/`.
 *
 * The scheme is the option's, else the one in front of the registry, else `http` where `insecure`
 * is set or the registry is on this machine, else `https`.
 *
 * @throws {InvalidReferenceError} When the registry is not a host with or without a port.
 * @throws {InvalidOptionError} When `scheme` is neither `http` nor `https`, or `http` for Docker Hub.
 *
 * @example
 * ```ts
 * import { registryOrigin } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(registryOrigin("docker.io"), "https://registry-1.docker.io");
 * assertEquals(registryOrigin("localhost:5000"), "http://localhost:5000");
 * assertEquals(registryOrigin("localhost:5000", { scheme: "https" }), "https://localhost:5000");
 * ```
 */
export function registryOrigin(registry: string, options: RegistryOriginOptions = {}): string {
  checkOptions(options, REGISTRY_ORIGIN_OPTIONS);
  const parsed = parseRegistry(registry);
  const { scheme = parsed.scheme, insecure = false } = options;
  if (scheme !== undefined && !isScheme(scheme)) {
    throw new InvalidOptionError(
      `Cannot reach ${parsed.registry} as 'scheme' must be "http" or "https": current value is ` +
        quoteInput(scheme),
    );
  }
  if (parsed.registry === DEFAULT_REGISTRY) {
    if (scheme !== "http") return DOCKER_HUB_ORIGIN;
    throw new InvalidOptionError(
      `Cannot reach Docker Hub as 'scheme' must be "https" for it: current value is "http"`,
    );
  }
  const plain = insecure || isLoopback(parsed.registry);
  return new URL(`${scheme ?? (plain ? "http" : "https")}://${parsed.registry}`).origin;
}
