import { encodeText } from "../content/bytes.ts";
import { ownRequest, type RequestContext, withRequest } from "../server/middleware.ts";

interface RequestChange {
  method?: string;
  url?: URL | string;
  /** Headers to set; those that are `undefined` are taken away. */
  headers?: Record<string, string | undefined>;
  /** The body; `null` for none. */
  body?: BodyInit | null;
}

/** The same context with something changed in its request; the one that came stays as it is. */
export function changed(context: RequestContext, change: RequestChange): RequestContext {
  return withRequest(context, changedRequest(context.request, change));
}

/** A request like the client's that a quirk sends on its own account, with the client's credentials. */
export function changedOwn(context: RequestContext, change: RequestChange): RequestContext {
  return ownRequest(changedRequest(context.request, change));
}

export function changedRequest(request: Request, change: RequestChange): Request {
  const headers = changedHeaders(request.headers, change.headers);
  const body = change.body === undefined ? request.body : change.body;
  if (body === null) headers.delete("content-length");
  const init: RequestInit & { duplex: "half" } = {
    method: change.method ?? request.method,
    headers,
    duplex: "half",
    ...(body !== null && { body }),
  };
  return new Request(change.url ?? request.url, init);
}

export function withQuery(url: URL, edit: (query: URLSearchParams) => void): URL {
  const other = new URL(url);
  edit(other.searchParams);
  return other;
}

export function answered(
  response: Response,
  change: {
    status?: number;
    headers?: Record<string, string | undefined>;
    body?: BodyInit | null;
  },
): Response {
  const headers = changedHeaders(response.headers, change.headers);
  const body = change.body === undefined ? response.body : change.body;
  return new Response(body, { status: change.status ?? response.status, headers });
}

export function answeredJson(response: Response, value: unknown): Response {
  const body = encodeText(JSON.stringify(value));
  return answered(response, { body, headers: { "content-length": String(body.byteLength) } });
}

function changedHeaders(
  given: Headers,
  change: Record<string, string | undefined> = {},
): Headers {
  const headers = new Headers(given);
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  return headers;
}
