import { isObject } from "../../content/json_object.ts";
import type { Bytes } from "../../content/bytes.ts";
import type { RequestContext } from "../../server/middleware.ts";
import type { Route } from "../../server/route.ts";

/**
 * What a registry does on purpose, so that a duty can be seen:
 *
 * - `corrupt-blobs`, `corrupt-manifests`, `corrupt-tags`: gives blobs of 4 KiB and more, manifests
 *   asked for by digest, manifests asked for by tag, with other bytes than their digests';
 * - `cut-blobs`: breaks the first download of each such blob in its middle;
 * - `deny-tokens`, `expire-tokens`: refuses all credentials, or the first token that was good;
 * - `foreign-links`, `foreign-locations`, `foreign-realm`, `redirect-blobs`: names the other origin
 *   in Links, Locations of uploads, challenges, redirects;
 * - `fresh-locations`, `opaque-links`: gives Locations and Links whose queries are hard to rewrite;
 * - `ignore-tags`: takes no tags of a query;
 * - `mount-202`, `mount-405`, `post-202`: answers mounts, or POSTs of whole blobs, so;
 * - `rate-limit`, `unavailable`: answers one request 429 with `Retry-After: 1`, or 503;
 * - `refuse-chunks`: takes half of an upload's first chunk, and answers 416;
 * - `warnings`: puts a Warning on every answer.
 */
export type GradeProvocation =
  | "corrupt-blobs"
  | "corrupt-manifests"
  | "corrupt-tags"
  | "cut-blobs"
  | "deny-tokens"
  | "expire-tokens"
  | "foreign-links"
  | "foreign-locations"
  | "foreign-realm"
  | "fresh-locations"
  | "ignore-tags"
  | "mount-202"
  | "mount-405"
  | "opaque-links"
  | "post-202"
  | "rate-limit"
  | "redirect-blobs"
  | "refuse-chunks"
  | "unavailable"
  | "warnings";

/** How the run of a client ended: a program's exit code, a promise that was kept or not. */
export type GradeOutcome = "succeeded" | "failed";

/** One request that is graded, and its response. */
export interface GradeEntry {
  readonly context: RequestContext;
  /** When it came, among all requests and responses: 1, 2, 3. */
  readonly came: number;
  /** When it came, in milliseconds. */
  readonly at: number;
  readonly method: string;
  readonly url: URL;
  /** Which endpoint of the specification it is for; `undefined` for none. */
  readonly route: Route | undefined;
  /** Whether it came to the other origin, not the registry's own. */
  readonly byOtherOrigin: boolean;
  /** The headers of the request but for `Authorization`. */
  readonly headers: Headers;
  /** Which `Authorization` it carried: 0 for none, else a number for each value. */
  readonly authorization: number;
  /** Whether the request has a body that is not empty, read or not. */
  hasBody: boolean;
  /** How many bytes of the request's body were read. */
  bytesIn: number;
  /** The request's body, where it is a manifest or a form. */
  body?: Bytes;
  /** When it was answered, among all requests and responses; `Infinity` until then. */
  answered: number;
  /** When it was answered, in milliseconds. */
  answeredAt: number;
  /** The status; 0 until it is answered. */
  status: number;
  /** The headers of the response. */
  answer: Headers;
  /** The response's body, where it is a manifest or a list. */
  answerBody?: Bytes;
  /** What was done to it on purpose. */
  readonly provoked: Set<GradeProvocation>;
  /** How many bytes of an upload it added. */
  taken: number;
  /** What was on a fallback tag's list before it, or a manifest that belongs on it, was written. */
  listBefore?: string[];
  /** The fallback tag on whose list a manifest was that is deleted. */
  listedOn?: string;
  /** How many bytes of the response went out, where it was cut. */
  sent: number;
}

/** Everything that was seen of a client. */
export interface GradeJournal {
  readonly entries: readonly GradeEntry[];
  /** How the client's run ended, where that was said. */
  readonly outcome: GradeOutcome | undefined;
}

/** A digest that no content has: a client that asks for it has read a manifest that was corrupted. */
export const CANARY = `sha256:${"c0ffee00".repeat(8)}`;

/** The entries that came after another one was answered. */
export function after(journal: GradeJournal, entry: GradeEntry): GradeEntry[] {
  return journal.entries.filter(({ came }) => came > entry.answered);
}

/** The entries that something was done to on purpose. */
export function provokedBy(
  { entries }: GradeJournal,
  provocation: GradeProvocation,
): readonly GradeEntry[] {
  return entries.filter(({ provoked }) => provoked.has(provocation));
}

export function isRead({ method }: Pick<GradeEntry, "method">): boolean {
  return method === "GET" || method === "HEAD";
}

export function isSameRequest(a: GradeEntry, b: GradeEntry): boolean {
  return a.method === b.method && a.url.href === b.url.href;
}

/** The JSON object in bytes; `undefined` where there is none. */
export function jsonIn(bytes: Bytes | undefined): Record<string, unknown> | undefined {
  if (bytes === undefined) return undefined;
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** One upload: the request that began it, and those that went on with it. */
export interface GradeUpload {
  /** The request that was answered with a Location. */
  readonly opening: GradeEntry;
  /** What came to that Location, or one that followed it, in order. */
  readonly requests: readonly GradeEntry[];
}

export function uploadsIn({ entries }: GradeJournal): GradeUpload[] {
  return entries
    .filter((entry) =>
      entry.method === "POST" && entry.route?.kind === "uploads" && entry.status === 202
    )
    .flatMap((opening) => {
      const { pathname } = locationOf(opening) ?? {};
      if (pathname === undefined) return [];
      return [{ opening, requests: entries.filter(({ url }) => url.pathname === pathname) }];
    });
}

/** The Location of a response, as a URL. */
export function locationOf(entry: GradeEntry): URL | undefined {
  const location = entry.answer.get("location");
  return location !== null && URL.canParse(location, entry.url.href)
    ? new URL(location, entry.url)
    : undefined;
}

/** The digest that a request closes an upload with. */
export function closingDigest({ url }: GradeEntry): string | null {
  return url.searchParams.get("digest");
}

/** The target and the URL of a `Link` to the next page. */
export function nextLinkOf(entry: GradeEntry): { target: string; url: URL } | undefined {
  const target = /<([^>]*)>\s*;\s*rel="?next"?/.exec(entry.answer.get("link") ?? "")?.[1];
  if (target === undefined || !URL.canParse(target, entry.url.href)) return undefined;
  return { target, url: new URL(target, entry.url) };
}
