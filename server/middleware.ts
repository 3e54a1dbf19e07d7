import { checkArgument } from "../content/check_argument.ts";
import { Observation, type ObservedRequest } from "./observation.ts";
import { Refusal } from "./refusal.ts";
import { type Route, routeOf } from "./route.ts";

/** A request on its way through a registry, as middleware is given it. */
export interface RequestContext {
  /** The request. */
  readonly request: Request;
  /** Its URL. */
  readonly url: URL;
  /**
   * The specification's endpoint that it is for; `undefined` for other paths, such as the token
   * service's.
   */
  readonly route: Route | undefined;
  /** What is noted of the client's request, while it is handled. */
  readonly observed: ObservedRequest;
}

/** Answers a request. */
export type Handler = (context: RequestContext) => Promise<Response>;

/**
 * What stands between a registry and its clients: sees every request before the registry, and every
 * response after it. It may change either, answer by itself, or ask more than once. The first one
 * given sees a request first.
 *
 * It passes the context on that it was given, or {@linkcode withRequest} in its place. What it asks on
 * its own account, it asks with {@linkcode ownRequest}: nothing of that is noted.
 *
 * @example A registry that is read-only on Sundays
 * ```ts
 * import { createRegistry, type Middleware } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const today = "Sunday";
 * const closed: Middleware = (next) => async (context) => {
 *   const { method } = context.request;
 *   if (today !== "Sunday" || method === "GET" || method === "HEAD") return await next(context);
 *   return new Response("closed on Sundays", { status: 405 });
 * };
 * const { fetch, requests } = createRegistry({ middleware: [closed] });
 * await fetch("https://registry.test/v2/app/blobs/uploads/", { method: "POST" });
 * assertEquals(requests.map(({ status }) => status), [405]);
 * ```
 */
export type Middleware = (next: Handler) => Handler;

/**
 * The same context with another request in place of the client's: what is read of its body is noted
 * as the client's.
 *
 * @example Every path below `/mirror/` is the same without it
 * ```ts
 * import { createRegistry, type Middleware, withRequest } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const below: Middleware = (next) => (context) => {
 *   const url = new URL(context.url);
 *   url.pathname = url.pathname.replace(/^\/mirror/, "");
 *   return next(withRequest(context, new Request(url, context.request)));
 * };
 * const { fetch } = createRegistry({ middleware: [below] });
 * assertEquals((await fetch("https://registry.test/mirror/v2/")).status, 200);
 * ```
 */
export function withRequest({ observed }: RequestContext, request: Request): RequestContext {
  checkArgument("request", request, "request");
  return contextOf(request, new URL(request.url), observed);
}

/**
 * The context of a request that middleware sends on its own account: nothing of it is noted.
 *
 * @example Every pull of a manifest says whether `latest` is there
 * ```ts
 * import { createRegistry, type Middleware, ownRequest } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const latest: Middleware = (next) => async (context) => {
 *   const response = await next(context);
 *   if (context.route?.kind !== "manifest") return response;
 *   const url = new URL("latest", context.url);
 *   const { status } = await next(ownRequest(new Request(url, { method: "HEAD" })));
 *   response.headers.set("x-latest", String(status));
 *   return response;
 * };
 * const { fetch, requests } = createRegistry({ middleware: [latest] });
 * const { headers } = await fetch("https://registry.test/v2/app/manifests/v1");
 * assertEquals(headers.get("x-latest"), "404");
 * assertEquals(requests.length, 1);
 * ```
 */
export function ownRequest(request: Request): RequestContext {
  checkArgument("request", request, "request");
  const url = new URL(request.url);
  return contextOf(request, url, new Observation(request, url).seen);
}

/** The context of a request, with what is noted of it. */
export function contextOf(request: Request, url: URL, observed: ObservedRequest): RequestContext {
  return { request, url, route: specifiedRoute(url.pathname), observed };
}

function specifiedRoute(pathname: string): Route | undefined {
  try {
    return routeOf(pathname);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
