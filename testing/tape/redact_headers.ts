import { decodeBase64 } from "../../content/base64.ts";
import { redactText } from "./redact_text.ts";
import { isKept, redactUrl } from "./redact_url.ts";
import type { TapeSecrets } from "./secrets.ts";

/** Headers whose values hold nothing private. Every other one is there by its name alone. */
const KEPT_REQUEST = new Set([
  ...["accept", "accept-encoding", "content-length", "content-range", "content-type"],
  ...["docker-distribution-api-version", "if-range", "range", "user-agent"],
]);

const KEPT_RESPONSE = new Set([
  ...["accept-ranges", "age", "allow", "cache-control", "content-length", "content-range"],
  ...[
    "content-security-policy",
    "content-type",
    "date",
    "docker-content-digest",
    "docker-distribution-api-version",
  ],
  ...["last-modified", "oci-chunk-max-length", "oci-chunk-min-length", "oci-filters-applied"],
  ...["oci-subject", "oci-tag", "range", "ratelimit-limit", "ratelimit-remaining"],
  ...["ratelimit-reset", "retry-after", "server", "vary", "x-content-type-options"],
]);

/** They belong to one connection, and the connection of a replay is another one. */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "te", "transfer-encoding", "upgrade"]);

/** What stands for a value that nothing else will be compared with. */
const REDACTED = "redacted";

/** Schemes of challenges; any other word in one may be a token. */
const SCHEMES =
  /^(?:basic|bearer|digest|dpop|hawk|hoba|mutual|negotiate|ntlm|oauth|scram-sha-\d+)$/i;

/** The parameters of a challenge that are kept, beside those of a query. */
const KEPT_PARAMETERS: Readonly<Record<string, RegExp>> = {
  "charset": /^utf-8$/i,
  "error": /^[a-z_]{1,60}$/,
};

/** A parameter of a challenge, or else what stands there without a name: a scheme, or a token68. */
const PARTS =
  /([a-z0-9_-]+) *= *(?:"((?:[^"\\]|\\.)*)"|([^\s",=][^\s",]*))|[^\s,"]+|"(?:[^"\\]|\\.)*"?/gi;

export function redactRequestHeaders(
  headers: Iterable<[string, string]>,
  secrets: TapeSecrets,
): Record<string, string> {
  return redactHeaders(headers, (name, value) => {
    if (KEPT_REQUEST.has(name)) return redactText(value, secrets);
    if (name === "authorization" || name === "proxy-authorization") {
      return redactAuthorization(value, secrets);
    }
    if (name === "cookie") return redactCookies(value, secrets);
    return REDACTED;
  });
}

export function redactResponseHeaders(
  headers: Iterable<[string, string]>,
  secrets: TapeSecrets,
): Record<string, string> {
  return redactHeaders(headers, (name, value) => {
    if (name === "warning" || KEPT_RESPONSE.has(name)) return redactText(value, secrets);
    switch (name) {
      case "location":
      case "content-location":
        return redactUrl(value, secrets);
      case "link":
        return redactLink(value, secrets);
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
    const text = new TextDecoder().decode(decodeBase64(credentials));
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
    PARTS,
    (all: string, name: string | undefined, quoted: string | undefined, bare = "") => {
      if (name === undefined) return SCHEMES.test(all) ? all : secrets.placeholder(all);
      const content = quoted ?? bare;
      const key = name.toLowerCase();
      // Basic's realm is a name, and only Bearer's a URL; a name tells no more than a host does.
      if (key === "realm") return `${name}="${redactRealm(content, secrets)}"`;
      if (KEPT_PARAMETERS[key]?.test(content) || isKept(key, content)) {
        return `${name}="${content}"`;
      }
      const shown = /^[a-z_-]{1,32}$/i.test(name) ? name : secrets.placeholder(name);
      return `${shown}="${REDACTED}"`;
    },
  );
}

/** A link's address and its `rel`; some registries leave the `<` and `>` out. */
function redactLink(value: string, secrets: TapeSecrets): string {
  const links = value.includes("<")
    ? [...value.matchAll(/<([^>]*)>([^<]*)/g)].map((
      [, url, rest],
    ) => [`<${shownUrl(url!)}>`, rest!])
    : [[shownUrl(value.split(";", 1)[0]!.trim()), value.slice(value.indexOf(";"))]];
  return links.map(([url, rest]) => {
    const rel = /;\s*rel\s*=\s*(?:"[a-z ]*"|'[a-z ]*'|[a-z]+)/i.exec(rest!)?.[0] ?? "";
    return url! + rel;
  }).join(", ");

  function shownUrl(url: string): string {
    return redactUrl(url, secrets);
  }
}

function redactRealm(realm: string, secrets: TapeSecrets): string {
  return /^[a-z]+:\/\/|^\//i.test(realm) ? redactUrl(realm, secrets) : redactText(realm, secrets);
}
