import type { Handler, RequestContext } from "../../server/middleware.ts";
import { changedOwn } from "../changed.ts";

/**
 * A question to the registry that the client did not ask, with its credentials: the answer's body
 * is thrown away.
 */
export async function ask(
  next: Handler,
  context: RequestContext,
  method: "GET" | "HEAD",
  url: URL,
): Promise<Response> {
  const headers = { "content-range": undefined, "content-type": undefined, range: undefined };
  const response = await next(changedOwn(context, { method, url, body: null, headers }));
  await response.body?.cancel();
  return response;
}

/**
 * Whether the client may push to the request's repository: the registry's refusal where it may not.
 * Quirks that answer by themselves ask this first, so that they disclose no more than a registry.
 */
export async function mayPush(
  next: Handler,
  context: RequestContext,
): Promise<Response | undefined> {
  const { route, url } = context;
  if (route === undefined || !("repository" in route)) return undefined;
  // An upload that is not there: a client that may push gets 404.
  const probe = new URL(`/v2/${route.repository}/blobs/uploads/-`, url);
  const response = await next(changedOwn(context, { method: "GET", url: probe, body: null }));
  if (response.status === 401 || response.status === 403) return response;
  await response.body?.cancel();
  return undefined;
}
