import { InvalidOptionError } from "../errors.ts";
import { quoteInput } from "../reference/quote_input.ts";

/**
 * Token services that may have a registry's credentials although they live elsewhere: a registry's
 * host, and the hosts of its token services. A host stands with its port where that is not the
 * scheme's own. A service may be written as an origin, which then says the scheme too; a bare host
 * means https, and http as well where the registry itself is spoken to by http.
 *
 * @example
 * ```ts
 * import type { TrustedRealms } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const trustedRealms: TrustedRealms = {
 *   "registry.corp.example": "sso.corp.example",
 *   "localhost:5000": ["http://localhost:5001"],
 * };
 *
 * assertEquals(Object.keys(trustedRealms).length, 2);
 * ```
 */
export type TrustedRealms = Readonly<Record<string, string | readonly string[]>>;

/**
 * Checks the option before anything is sent.
 *
 * @throws {InvalidOptionError} When an entry is neither a host nor an origin.
 */
export function checkTrustedRealms(trusted: TrustedRealms | undefined): void {
  for (const [host, services] of Object.entries(trusted ?? {})) {
    for (const entry of [host, services].flat()) parseEntry(entry);
  }
}

/** An entry, read. */
interface TrustedEntry {
  /** Where the entry is an origin. */
  protocol?: string;
  /** The host as a URL of a scheme shows it: without the scheme's own port. */
  host(protocol: string): string;
}

/**
 * Reads an entry.
 *
 * @throws {InvalidOptionError} When it is neither a host nor an origin.
 */
export function parseEntry(entry: string): TrustedEntry {
  const invalid = () =>
    new InvalidOptionError(
      "Cannot use trustedRealms: an entry must be a host, with a port where it needs one, or an " +
        `http or https origin: current value is ${quoteInput(entry, "registry")}`,
    );
  if (typeof entry !== "string") throw invalid();
  const isOrigin = entry.includes("://");
  let url: URL;
  try {
    url = new URL(isOrigin ? entry : `https://${entry}`);
  } catch {
    throw invalid();
  }
  const rest = url.username + url.password + url.pathname + url.search + url.hash;
  if (rest !== "/" || !/^https?:$/.test(url.protocol)) throw invalid();
  return {
    ...(isOrigin && { protocol: url.protocol }),
    host: (protocol) => isOrigin ? url.host : new URL(`${protocol}//${entry}`).host,
  };
}
