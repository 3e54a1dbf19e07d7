import { checkRepositoryName, type RepositoryName } from "../reference/repository_name.ts";
import { Refusal } from "./refusal.ts";

/** Which part of the specification a path belongs to, and what the path says. */
export type Route =
  | { kind: "ping" }
  | { kind: "catalog" }
  | { kind: "manifest"; repository: RepositoryName; reference: string }
  | { kind: "blob"; repository: RepositoryName; digest: string }
  | { kind: "uploads"; repository: RepositoryName }
  | { kind: "upload"; repository: RepositoryName; id: string }
  | { kind: "tags"; repository: RepositoryName }
  | { kind: "referrers"; repository: RepositoryName; digest: string };

/** The kinds of routes. */
export type RouteKind = Route["kind"];

/**
 * The route of a path. It is read from its end, since a repository may be called `tags`,
 * `blobs/uploads` or `manifests`. Nothing is unescaped before it is split: an escaped slash is no
 * separator, and no part of a name.
 *
 * @throws {Refusal} 404 when the path is none of the specification's; 400 NAME_INVALID when the
 * repository's name breaks the grammar.
 */
export function routeOf(pathname: string): Route {
  if (pathname === "/v2" || pathname === "/v2/") return { kind: "ping" };
  if (pathname === "/v2/_catalog") return { kind: "catalog" };
  if (!pathname.startsWith("/v2/")) throw unknownPath(pathname);
  const path = pathname.slice("/v2/".length);
  const [beforeLast, last] = splitLast(path);
  const [start, collection] = splitLast(beforeLast);
  switch (collection) {
    case "manifests":
      return { kind: "manifest", repository: name(start), reference: unescape(last) };
    case "blobs":
      if (last !== "uploads") {
        return { kind: "blob", repository: name(start), digest: unescape(last) };
      }
      return { kind: "uploads", repository: name(start) };
    case "referrers":
      return { kind: "referrers", repository: name(start), digest: unescape(last) };
    case "tags":
      if (last === "list") return { kind: "tags", repository: name(start) };
      break;
    case "uploads": {
      const [repository, blobs] = splitLast(start);
      if (blobs !== "blobs") break;
      if (last === "") return { kind: "uploads", repository: name(repository) };
      return { kind: "upload", repository: name(repository), id: unescape(last) };
    }
  }
  throw unknownPath(pathname);
}

/** A path's parts before and after its last slash. */
function splitLast(path: string): [string, string] {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? ["", path] : [path.slice(0, slash), path.slice(slash + 1)];
}

function name(text: string): RepositoryName {
  try {
    return checkRepositoryName(text);
  } catch (cause) {
    throw new Refusal(400, "NAME_INVALID", (cause as Error).message, { cause });
  }
}

/** A segment without its escapes: some clients escape the colon of a digest. */
function unescape(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // no digest, tag or upload has a "%": the grammar refuses it later
  }
}

function unknownPath(pathname: string): Refusal {
  const shown = pathname.length > 200 ? `${pathname.slice(0, 200)}…` : pathname;
  return new Refusal(404, "UNSUPPORTED", `Cannot find ${shown}: it is no path of this registry`);
}
