/** What is wrong with a URL that a registry names. */
type UrlProblem = "not a URL" | "not HTTP" | "not secure";

/**
 * A URL that a registry names, without what no request carries: a user, a password, a fragment.
 *
 * @param base The URL of the answer that names it.
 * @param registry Where given: behind a proxy that ends TLS it calls its own host "http", and the
 * connection stays on https.
 * @param secure Whether it must not be http.
 * @param refuse Makes the error.
 */
export function namedUrl(
  text: string,
  base: URL,
  registry: URL | undefined,
  secure: boolean,
  refuse: (problem: UrlProblem, url?: URL, cause?: unknown) => Error,
): URL {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch (cause) {
    throw refuse("not a URL", undefined, cause);
  }
  const own = url.hostname === registry?.hostname;
  if (own && url.protocol === "http:" && registry?.protocol === "https:") {
    url.protocol = "https:";
    url.port = registry.port;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse("not HTTP", url);
  if (secure && url.protocol === "http:") throw refuse("not secure", url);
  url.username = "";
  url.password = "";
  url.hash = "";
  return url;
}
