/**
 * A registry behind a proxy that ends TLS calls its own host "http": the connection stays on https.
 *
 * @param url What the registry names; it is changed where it is the registry's own host by http.
 */
export function raiseScheme(url: URL, registry: URL): void {
  const own = url.hostname === registry.hostname;
  if (!own || url.protocol !== "http:" || registry.protocol !== "https:") return;
  url.protocol = "https:";
  url.port = registry.port;
}
