import { Observation } from "./observation.ts";
import { Refusal } from "./refusal.ts";
import { type Route, routeOf } from "./route.ts";

/** A request on its way to the registry, as quirks and faults see it. */
export interface Visit {
  /** The request. */
  readonly request: Request;
  /** Its URL. */
  readonly url: URL;
  /** Its route; `undefined` for paths outside the specification, such as the token service's. */
  readonly route: Route | undefined;
  /** What is noted of it. */
  readonly observation: Observation;
  /** Whether it came by another origin: a blob's storage, or an upload's. */
  readonly elsewhere: boolean;
}

/** Answers a request. */
export type Visited = (visit: Visit) => Promise<Response>;

/** Something that a registry does differently: stands before it and after it. */
export type Quirk = (next: Visited) => Visited;

/** A request as quirks see it. */
export function visitOf(request: Request, observation: Observation, elsewhere = false): Visit {
  const url = new URL(request.url);
  return { request, url, route: safeRoute(url.pathname), observation, elsewhere };
}

function safeRoute(pathname: string): Route | undefined {
  try {
    return routeOf(pathname);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** What becomes of a request. */
export interface VisitChange {
  /** The method. */
  method?: string;
  /** The URL. */
  url?: URL;
  /** Headers to set; those that are `undefined` are taken away. */
  headers?: Record<string, string | undefined>;
  /** The body; `null` for none. */
  body?: BodyInit | null;
  /** Whether it came by another origin. */
  elsewhere?: boolean;
  /** Whether nobody sent it: then it is not noted, and no other quirk is for it. */
  unseen?: boolean;
}

/** The same request with something changed; the one that came stays as it is. */
export function changed(visit: Visit, change: VisitChange): Visit {
  const { request } = visit;
  const headers = new Headers(request.headers);
  for (const [name, value] of Object.entries(change.headers ?? {})) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  const body = change.body === undefined ? request.body : change.body;
  if (body === null) headers.delete("content-length");
  const init: RequestInit & { duplex: "half" } = {
    method: change.method ?? request.method,
    headers,
    duplex: "half",
    ...(body !== null && { body }),
  };
  const again = new Request(change.url ?? visit.url, init);
  const observation = change.unseen ? new Observation(again, visit.url) : visit.observation;
  return visitOf(again, observation, change.elsewhere ?? visit.elsewhere);
}

/** The URL with another query. */
export function withQuery(url: URL, edit: (query: URLSearchParams) => void): URL {
  const other = new URL(url);
  edit(other.searchParams);
  return other;
}

/** A response like another one, with something changed. */
export function answered(
  response: Response,
  change: {
    status?: number;
    headers?: Record<string, string | undefined>;
    body?: BodyInit | null;
  },
): Response {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(change.headers ?? {})) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  const body = change.body === undefined ? response.body : change.body;
  return new Response(body, { status: change.status ?? response.status, headers });
}

/**
 * A question to the registry that the client did not ask, with its credentials: the answer's body
 * is thrown away.
 */
export async function ask(
  next: Visited,
  visit: Visit,
  method: "GET" | "HEAD",
  url: URL,
): Promise<Response> {
  const response = await next(
    changed(visit, {
      method,
      url,
      body: null,
      headers: { "content-range": undefined, "content-type": undefined, range: undefined },
      unseen: true,
    }),
  );
  await response.body?.cancel();
  return response;
}

/**
 * Whether the client may push to the request's repository: the registry's refusal where it may not.
 * Quirks that answer by themselves ask this first, so that they tell nobody more than a registry.
 */
export async function mayPush(next: Visited, visit: Visit): Promise<Response | undefined> {
  const { route, url } = visit;
  if (route === undefined || !("repository" in route)) return undefined;
  // An upload that is not there: whoever may push is told 404.
  const probe = new URL(`/v2/${route.repository}/blobs/uploads/-`, url);
  const response = await next(
    changed(visit, { method: "GET", url: probe, body: null, unseen: true }),
  );
  if (response.status === 401 || response.status === 403) return response;
  await response.body?.cancel();
  return undefined;
}
