import { redactUrl } from "./redact_url.ts";
import type { TapeSecrets } from "./secrets.ts";

/** Headers whose values hold nothing private. Every other one is there by its name alone. */
const KEPT_REQUEST = new Set([
  ...["accept", "accept-encoding", "content-length", "content-range", "content-type"],
  ...["docker-distribution-api-version", "if-range", "range", "user-agent"],
]);

const KEPT_RESPONSE = new Set([
  ...["accept-ranges", "age", "allow", "cache-control", "content-length", "content-range"],
  ...["content-type", "date", "docker-content-digest", "docker-distribution-api-version"],
  ...["last-modified", "oci-chunk-max-length", "oci-chunk-min-length", "oci-filters-applied"],
  ...["oci-subject", "oci-tag", "range", "ratelimit-limit", "ratelimit-remaining"],
  ...["ratelimit-reset", "retry-after", "server", "vary", "warning"],
]);

/** They belong to one connection, and the connection of a replay is another one. */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "te", "transfer-encoding", "upgrade"]);

/** What stands for a value that nothing else will be compared with. */
const REDACTED = "redacted";

/** The parameters of a challenge that a client needs and that are no secrets. */
const KEPT_PARAMETERS = new Set(["service", "scope", "error", "charset"]);

/** The headers of a request. */
export function redactRequestHeaders(
  headers: Iterable<[string, string]>,
  secrets: TapeSecrets,
): Record<string, string> {
  return redactHeaders(headers, (name, value) => {
    if (KEPT_REQUEST.has(name)) return value;
    if (name === "authorization" || name === "proxy-authorization") {
      return redactAuthorization(value, secrets);
    }
    if (name === "cookie") return redactCookies(value, secrets);
    return REDACTED;
  });
}

/** The headers of a response. */
export function redactResponseHeaders(
  headers: Iterable<[string, string]>,
  secrets: TapeSecrets,
): Record<string, string> {
  return redactHeaders(headers, (name, value) => {
    if (KEPT_RESPONSE.has(name)) return value;
    switch (name) {
      case "location":
      case "content-location":
        return redactUrl(value, secrets);
      case "link":
        return value.replace(/<([^>]*)>/g, (_, url) => `<${redactUrl(url, secrets)}>`);
      case "www-authenticate":
        return redactChallenge(value, secrets);
      case "docker-upload-uuid":
        return secrets.placeholder(value);
      case "set-cookie":
        return redactCookies(value, secrets);
    }
    return REDACTED;
  });
}

function redactHeaders(
  headers: Iterable<[string, string]>,
  redact: (name: string, value: string) => string,
): Record<string, string> {
  const redacted: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (HOP_BY_HOP.has(name)) continue;
    const shown = redact(name, value);
    redacted[name] = name in redacted ? `${redacted[name]}, ${shown}` : shown;
  }
  return redacted;
}

function redactAuthorization(value: string, secrets: TapeSecrets): string {
  const match = /^(basic|bearer) +(.*)$/i.exec(value);
  if (match === null) return secrets.placeholder(value);
  const [, scheme, credentials] = match as unknown as [string, string, string];
  if (scheme.toLowerCase() === "basic") learnPassword(credentials, secrets);
  return `${scheme} ${secrets.placeholder(credentials)}`;
}

/** A password is looked for in everything else, too. */
function learnPassword(credentials: string, secrets: TapeSecrets): void {
  try {
    const bytes = Uint8Array.from(atob(credentials), (character) => character.charCodeAt(0));
    const text = new TextDecoder().decode(bytes);
    const password = text.slice(text.indexOf(":") + 1);
    if (password !== "") secrets.placeholder(password);
  } catch {
    // No Base64, so there is no password in it either.
  }
}

function redactCookies(value: string, secrets: TapeSecrets): string {
  for (const cookie of value.split(/[;,] */)) {
    const content = cookie.slice(cookie.indexOf("=") + 1);
    if (content.length > 0) secrets.placeholder(content);
  }
  return REDACTED;
}

function redactChallenge(value: string, secrets: TapeSecrets): string {
  return value.replace(
    /([a-z0-9_-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/gi,
    (_, name: string, quoted: string | undefined, bare: string | undefined) => {
      const content = quoted ?? bare ?? "";
      const key = name.toLowerCase();
      // Basic's realm is a name, and only Bearer's a URL; a name tells no more than a host does.
      if (key === "realm") return `${name}="${redactRealm(content, secrets)}"`;
      if (KEPT_PARAMETERS.has(key)) return `${name}="${content}"`;
      return `${name}="${REDACTED}"`;
    },
  );
}

function redactRealm(realm: string, secrets: TapeSecrets): string {
  return /^[a-z]+:\/\/|^\//i.test(realm) ? redactUrl(realm, secrets) : realm;
}
