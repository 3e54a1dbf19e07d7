import { AuthenticationError } from "../errors.ts";
import { namedUrl } from "../transport/named_url.ts";
import { parseEntry, type TrustedRealms } from "./trusted_realms.ts";

/**
 * The URL of a token service as a challenge names it; it may be relative to the registry. An https
 * registry that calls its own host http is taken as https.
 *
 * @throws {AuthenticationError} When it is not a URL, not http or https, or http elsewhere where the
 * registry itself is https: passwords would travel in the clear.
 */
export function resolveRealm(realm: string, origin: string): URL {
  const { host, protocol } = new URL(origin);
  const secure = protocol === "https:";
  return namedUrl(realm, origin, origin, secure, (problem, url) =>
    new AuthenticationError(
      `Cannot authenticate to ${host}: ` + (url === undefined
        ? "its challenge names a token service that is not a URL"
        : problem === "not HTTP"
        ? `its token service must be http or https: current value is ${url.protocol.slice(0, -1)}`
        : `it is https, and its token service, ${url.origin}, is not`),
    ));
}

/** Why credentials stay here, and which option lets them go. */
export function withheldReason(realm: URL, origin: string): string {
  const { host, protocol } = new URL(origin);
  const service = protocol === "http:" ? realm.origin : realm.host;
  return `the token service ${realm.origin} does not belong to ${host}, so the token is asked for ` +
    `anonymously; the option trustedRealms: {${JSON.stringify(host)}: ` +
    `${JSON.stringify(service)}} allows it`;
}

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
