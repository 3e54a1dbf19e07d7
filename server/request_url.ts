/** A host with its port, as the `Host` header has it: nothing in it ends the host early. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::[0-9]{0,5})?$/;

/** An absolute URL in its parts, each of which ends where the next may begin. */
const PARTS = /^(https?|http\+[a-z]+):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?$/i;

/** Segments that a URL parser takes away, with what is before them: `.`, `..` and their escapes. */
const DOTS = /\/(?:\.|%2e){1,2}(?:\/|$)/i;

/**
 * Whether a request's URL and its host are what they seem. Servers make a request's URL of its target
 * and the client's `Host`, and URL parsers resolve dots and turn `\` into `/`: the path of a URL that
 * passes here is the path that stood in the request's target, and that a proxy in front has seen.
 */
export function isPlainUrl(text: string, host: string | null): boolean {
  if (host !== null && host !== "" && !HOST.test(host)) return false;
  const parts = PARTS.exec(text);
  if (parts === null) return false;
  const [, scheme, authority, path] = parts as unknown as [string, string, string, string];
  if (!scheme.includes("+") && !HOST.test(authority)) return false;
  return !/[^!-~]|\\/.test(path) && !DOTS.test(path);
}

/** The URL of a request, from which its route is read; `undefined` where it or the host is malformed. */
export function requestUrl(text: string, host: string | null): URL | undefined {
  try {
    return isPlainUrl(text, host) ? new URL(text) : undefined;
  } catch {
    return undefined;
  }
}
