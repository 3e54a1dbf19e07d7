/**
 * Query parameters whose values may be shown: the specification's own, and what a token is asked
 * for. Everything else may be a signature, a session's state or a secret.
 */
const SHOWN = new Set([
  "account",
  "artifactType",
  "digest",
  "digest-algorithm",
  "from",
  "last",
  "mount",
  "n",
  "ns",
  "scope",
  "service",
  "tag",
]);

/** Whether a query parameter's value may be shown. */
export function isShownParameter(name: string): boolean {
  return SHOWN.has(name);
}

/**
 * A URL that may be shown to anybody: no user, no password, no values of unknown parameters. What has no
 * host is not shown: `user:password@host` reads as a URL too.
 */
export function redactUrl(url: URL | string): string {
  let parsed: URL;
  try {
    parsed = url instanceof URL ? url : new URL(url);
  } catch {
    return "(not a URL)";
  }
  if (parsed.host === "") return "(not a URL)";
  const path = `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
  if (parsed.search === "") return path;
  const query = [...parsed.searchParams].map(([name, value]) =>
    `${encodeURIComponent(name)}=${SHOWN.has(name) ? encodeURIComponent(value) : "…"}`
  );
  return query.length === 0 ? path : `${path}?${query.join("&")}`;
}
