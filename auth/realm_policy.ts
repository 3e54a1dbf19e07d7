import { AuthenticationError } from "../errors.ts";
import { raiseScheme } from "../transport/raise_scheme.ts";

/**
 * The URL of a token service as a challenge names it; it may be relative to the registry. An https
 * registry that calls its own host http is taken as https.
 *
 * @throws {AuthenticationError} When it is not a URL, not http or https, or http elsewhere where the
 * registry itself is https: passwords would travel in the clear.
 */
export function resolveRealm(realm: string, origin: string): URL {
  const registry = new URL(origin);
  const { host, protocol } = registry;
  let url: URL;
  try {
    url = new URL(realm, origin);
  } catch {
    throw new AuthenticationError(
      `Cannot authenticate to ${host}: its challenge names a token service that is not a URL`,
    );
  }
  raiseScheme(url, registry);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new AuthenticationError(
      `Cannot authenticate to ${host}: its token service must be http or https: current value is ` +
        url.protocol.slice(0, -1),
    );
  }
  if (protocol === "https:" && url.protocol === "http:") {
    throw new AuthenticationError(
      `Cannot authenticate to ${host}: it is https, and its token service, ${url.origin}, is not`,
    );
  }
  // fetch refuses URLs with a user in them, and credentials that a registry made up are none.
  url.username = "";
  url.password = "";
  url.hash = "";
  return url;
}

/** Why credentials stay here, and which option lets them go. */
export function withheldReason(realm: URL, origin: string): string {
  const { host, protocol } = new URL(origin);
  const service = protocol === "http:" ? realm.origin : realm.host;
  return `the token service ${realm.origin} does not belong to ${host}, so the token is asked for ` +
    `anonymously; the option trustedRealms: {${JSON.stringify(host)}: ` +
    `${JSON.stringify(service)}} allows it`;
}
