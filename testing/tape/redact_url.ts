import { isDigest } from "../../content/digest.ts";
import { isRepositoryName } from "../../reference/repository_name.ts";
import { isTag } from "../../reference/tag.ts";
import type { TapeSecrets } from "./secrets.ts";

const NUMBER = /^[0-9]{1,15}$/;
const WORD = /^[a-z][a-z0-9_-]{0,31}$/;
/** Lower-case words, versions, and the first part of digests: what storage paths consist of. */
const PLAIN_SEGMENT = /^(?:[a-z][a-z_.-]{0,31}|v[0-9]{1,3}|sha(?:256|512)|[0-9a-f]{2})$/;

/** A digest where it can only be one: elsewhere as many digits may be a token. */
const DIGEST_SEGMENT = /^(?:[0-9a-f]{64}|[0-9a-f]{128})$/;
/** What a parameter may be called: digits stand at a name's end at most, as in `X-Amz-Content-Sha256`. */
const PARAMETER_NAME = /^[A-Za-z_][A-Za-z_.-]{0,40}[0-9]{0,3}$/;
const SCOPE = /^[a-z]+(?:\([a-z]+\))?:[a-z0-9._/:-]{1,255}:[a-z,*]{0,50}$/;

/**
 * Query and form parameters whose values may be kept, and what such a value looks like. Everything
 * else may be a signature, a session's state, a cursor or a password.
 */
const KEPT: Readonly<Record<string, (value: string) => boolean>> = {
  "access_type": (value) => WORD.test(value),
  "artifactType": (value) => /^[A-Za-z0-9][\w.+/-]{0,254}$/.test(value),
  "client_id": (value) => WORD.test(value),
  "digest": isDigest,
  "digest-algorithm": (value) => WORD.test(value),
  "from": isRepositoryName,
  "grant_type": (value) => WORD.test(value),
  "last": (value) => isTag(value) || isDigest(value) || isRepositoryName(value),
  "mount": isDigest,
  "n": (value) => NUMBER.test(value),
  "offline_token": (value) => WORD.test(value),
  "scope": (value) => value.split(" ").every((scope) => scope === "" || SCOPE.test(scope)),
  "service": (value) => /^[A-Za-z0-9][A-Za-z0-9._:/ -]{0,100}$/.test(value),
  "tag": isTag,
};

export function isKept(name: string, value: string): boolean {
  return Object.hasOwn(KEPT, name) && KEPT[name]!(value);
}

/** A query or a form: what may not be kept is a placeholder, the rest as it was. */
export function redactQuery(query: string, secrets: TapeSecrets): string {
  return query.split("&").map((item) => {
    const equals = item.indexOf("=");
    if (equals === -1) {
      return item === "" || WORD.test(item) ? item : secrets.placeholder(unescape(item));
    }
    const name = unescape(item.slice(0, equals));
    const value = unescape(item.slice(equals + 1));
    const shown = PARAMETER_NAME.test(name) ? name : secrets.placeholder(name);
    const kept = value === "" || isKept(name, value);
    return kept ? item : `${shown}=${secrets.placeholder(value)}`;
  }).join("&");
}

/**
 * A URL, absolute or relative, without a user, a password, a fragment, and without the values that
 * may be secrets. Where an upload is stands in its path: that part is a placeholder too.
 */
export function redactUrl(url: string, secrets: TapeSecrets): string {
  const match = /^([a-z][a-z0-9+.-]*:)?(\/\/[^/?#]*)?([^?#]*)(\?[^#]*)?/i.exec(url)!;
  const [, scheme = "", authority = "", path = "", query = ""] = match;
  const user = /^\/\/(.*)@/.exec(authority)?.[1];
  const password = user?.slice(user.indexOf(":") + 1);
  if (password) secrets.placeholder(unescape(password)); // it may stand somewhere else, too
  const host = authority.replace(/^\/\/.*@/, "//");
  const shown = `${scheme}${host}${redactPath(path, secrets)}`;
  return query === "" ? shown : `${shown}?${redactQuery(query.slice(1), secrets)}`;
}

function redactPath(path: string, secrets: TapeSecrets): string {
  const upload = /^(\/v2\/.+\/blobs\/uploads\/)([^/].*)$/.exec(path);
  if (upload !== null) return upload[1]! + secrets.placeholder(unescape(upload[2]!));
  if (isRegistryPath(path)) return path;
  return path.split("/").map((part, index, parts) => {
    const before = parts[index - 1] ?? "";
    const isDigest = DIGEST_SEGMENT.test(part) &&
      (/^sha(?:256|512)$/.test(before) || before === part.slice(0, 2));
    return part === "" || isDigest || PLAIN_SEGMENT.test(part)
      ? part
      : secrets.placeholder(unescape(part));
  }).join("/");
}

/** Whether a path is one of the specification's: names, tags and digests, and no secrets. */
export function isRegistryPath(path: string): boolean {
  if (/^\/v2(?:\/(?:_catalog)?)?$/.test(path)) return true;
  const match =
    /^\/v2\/(.+?)\/(?:blobs\/uploads\/?|tags\/list|(manifests|blobs|referrers)\/([^/]+))$/
      .exec(path);
  if (match === null || !isRepositoryName(match[1])) return false;
  const reference = match[3] === undefined ? undefined : unescape(match[3]);
  return reference === undefined || isDigest(reference) || isTag(reference);
}

export function unescape(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
