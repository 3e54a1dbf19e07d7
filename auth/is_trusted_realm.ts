import { parseEntry, type TrustedRealms } from "./trusted_realms.ts";

/** The two public registries whose token service has a host of its own, documented by both. */
const BUILT_IN: TrustedRealms = {
  "registry-1.docker.io": "https://auth.docker.io",
  "registry.gitlab.com": "https://gitlab.com",
};

/**
 * Whether a registry's credentials may go to a token service: it has the registry's own origin, or
 * its host name by https whatever the port (who holds its certificate is the registry), or the pair
 * is trusted. The same name by http on another port is not enough: on a shared machine that may be
 * another user's program.
 */
export function isTrustedRealm(realm: URL, origin: string, trusted: TrustedRealms = {}): boolean {
  const registry = new URL(origin);
  if (realm.origin === registry.origin) return true;
  if (realm.protocol === "https:" && realm.hostname === registry.hostname) return true;
  return [BUILT_IN, trusted].some((pairs) =>
    Object.entries(pairs).some(([host, services]) =>
      names(host, registry, registry) &&
      [services].flat().some((service) => names(service, realm, registry))
    )
  );
}

/** Whether an entry names a URL's origin. A bare host is https, or what the registry speaks. */
function names(entry: string, url: URL, registry: URL): boolean {
  const { host, protocol } = parseEntry(entry);
  if (protocol !== undefined) return protocol === url.protocol && host(protocol) === url.host;
  const spoken = url.protocol === "https:" || url.protocol === registry.protocol;
  return spoken && host(url.protocol) === url.host;
}
