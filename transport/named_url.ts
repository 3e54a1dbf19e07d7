/** What is wrong with a URL that a registry names. */
type UrlProblem = "not a URL" | "not HTTP" | "not secure";

/**
 * A URL that a registry names, without what no request carries: a user, a password, a fragment.
 *
 * @param base The URL of the answer that names it.
 * @param registry The registry's origin. Where given: behind a proxy that ends TLS it calls its own host
 * "http", and the connection stays on https.
 * @param secure Whether it must not be http.
 * @param refuse Makes the error.
 */
export function namedUrl(
  text: string,
  base: URL | string,
  registry: string | undefined,
  secure: boolean,
  refuse: (problem: UrlProblem, url?: URL, cause?: unknown) => Error,
): URL {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch (cause) {
    throw refuse("not a URL", undefined, cause);
  }
  if (url.protocol === "http:" && registry?.startsWith("https:")) {
    const { hostname, port } = new URL(registry);
    if (url.hostname === hostname) Object.assign(url, { protocol: "https:", port });
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse("not HTTP", url);
  if (secure && url.protocol === "http:") throw refuse("not secure", url);
  if (/[@#]/.test(url.href)) url.username = url.password = url.hash = "";
  return url;
}
