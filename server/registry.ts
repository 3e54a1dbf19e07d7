import { checkOptions } from "../content/check_options.ts";
import { InvalidContentError } from "../errors.ts";
import type { Authorizer } from "./access/access.ts";
import { createAuthorizer, needOf } from "./access/authorizer.ts";
import type { RegistryAction } from "./access/options.ts";
import type { RegistryBackend } from "./backends/backend.ts";
import { MemoryBackend } from "./backends/memory_backend.ts";
import { deleteBlob, getBlob, headBlob } from "./blobs.ts";
import { type Exchange, requestBody } from "./exchange.ts";
import { Deadlines } from "./listen/deadlines.ts";
import { deleteManifest, getManifest, headManifest, putManifest } from "./manifests.ts";
import { contextOf, type Handler, type RequestContext } from "./middleware.ts";
import { Observation, type ObservedRequest } from "./observation.ts";
import {
  REGISTRY_OPTIONS,
  type RegistryOptions,
  type RegistrySettings,
  registrySettings,
} from "./options.ts";
import { listRepositories, listTags } from "./pages.ts";
import { PullThroughBackend } from "./pull_through/pull_through_backend.ts";
import { UpstreamRefusal } from "./pull_through/upstream.ts";
import { listReferrers } from "./referrers.ts";
import { guarded, jsonResponse, Refusal } from "./refusal.ts";
import { requestUrl } from "./request_url.ts";
import { type Route, type RouteKind, routeOf } from "./route.ts";
import { UploadSessions } from "./upload_sessions.ts";
import { deleteUpload, getUpload, patchUpload, putUpload, startUpload } from "./uploads.ts";

/** A registry in this process. */
export interface Registry {
  /**
   * Answers a request, whatever it is: what goes wrong is a response, and the promise never rejects.
   * Can be given to a client as its `fetch`, or to a server as its handler; it does not depend on
   * `this`. A request's signal is not looked at: a client that gives up cancels the body.
   */
  fetch(input: Request | URL | string, init?: RequestInit): Promise<Response>;
  /** The requests seen, the newest last; it may be emptied. */
  readonly requests: ObservedRequest[];
}

type EndpointHandler = (exchange: Exchange, route: never) => Promise<Response>;

interface Endpoint {
  action: RegistryAction;
  handle: EndpointHandler;
}

const pull = (handle: EndpointHandler): Endpoint => ({ action: "pull", handle });
const push = (handle: EndpointHandler): Endpoint => ({ action: "push", handle });
const remove = (handle: EndpointHandler): Endpoint => ({ action: "delete", handle });

/** The specification's endpoints: what a method does to a route, and what it takes to be allowed. */
const ENDPOINTS: Record<RouteKind, Readonly<Record<string, Endpoint>>> = {
  ping: { GET: pull(ping), HEAD: pull(ping) }, // end-1
  blob: { GET: pull(getBlob), HEAD: pull(headBlob), DELETE: remove(deleteBlob) }, // end-2, end-10
  manifest: { // end-3, end-7, end-9
    GET: pull(getManifest),
    HEAD: pull(headManifest),
    PUT: push(putManifest),
    DELETE: remove(deleteManifest),
  },
  uploads: { POST: push(startUpload) }, // end-4a, end-4b, end-4c, end-11
  upload: { // end-5, end-6, end-13, end-14
    PATCH: push(patchUpload),
    PUT: push(putUpload),
    GET: push(getUpload),
    DELETE: push(deleteUpload),
  },
  tags: { GET: pull(listTags), HEAD: pull(listTags) }, // end-8
  referrers: { GET: pull(listReferrers), HEAD: pull(listReferrers) }, // end-12
  catalog: { GET: pull(listRepositories), HEAD: pull(listRepositories) },
};

/**
 * An OCI registry in memory: the whole distribution specification as one function from a `Request`
 * to a `Response`. Give its `fetch` to a client and test without sockets, or serve it with
 * {@linkcode serve}.
 *
 * @throws {InvalidOptionError} When an option is not what it must be.
 *
 * @example Test code against a registry
 * ```ts
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const registry = createRegistry();
 * const { fetch } = registry;
 * const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
 * const url = `http://registry.test/v2/greetings/blobs/uploads/?digest=${digest}`;
 * const pushed = await fetch(new Request(url, { method: "POST", body: "hello" }));
 * assertEquals(pushed.status, 201);
 *
 * const blob = new URL(pushed.headers.get("location")!, url);
 * assertEquals(await (await fetch(new Request(blob))).text(), "hello");
 * assertEquals(registry.requests.map(({ method, status }) => `${method} ${status}`), [
 *   "POST 201",
 *   "GET 200",
 * ]);
 * ```
 */
export function createRegistry(options: RegistryOptions = {}): Registry {
  checkOptions(options, REGISTRY_OPTIONS);
  return buildRegistry(options, false);
}

/**
 * A registry whose `fetch` may reject when its middleware does, as that of a connection which
 * breaks: for tests of clients.
 */
export function buildRegistry(options: RegistryOptions, rejects: boolean): Registry {
  const settings = registrySettings(options);
  const { backend = new MemoryBackend(), upstream, middleware = [] } = options;
  const deadlines = new Deadlines(settings.now, settings.later);
  const parts: Parts = {
    settings,
    backend,
    ...(upstream !== undefined && {
      pullThrough: new PullThroughBackend({
        ...settings,
        upstream,
        backend,
        pushes: settings.upstreamPushes,
      }),
    }),
    deadlines,
    uploads: new UploadSessions(backend, settings, deadlines),
    authorizer: createAuthorizer(options.auth, settings),
  };
  const requests: ObservedRequest[] = [];
  const answer = middleware.reduceRight<Handler>(
    (next, each) => each(next),
    (context) =>
      Observation.of(context.observed).own(() =>
        answerOf(parts, context.request, () => handle(parts, context))
      ),
  );

  async function fetch(input: Request | URL | string, init?: RequestInit): Promise<Response> {
    let request: Request;
    try {
      request = input instanceof Request && init === undefined ? input : new Request(input, init);
    } catch (cause) {
      return guarded(badRequest(cause).response()); // no URL, or a GET with a body
    }
    const url = requestUrl(request.url, request.headers.get("host"));
    const observation = new Observation(request, url);
    requests.push(observation.seen);
    // One is taken at a time: `splice` would move all the others.
    while (requests.length > settings.requestsKept) requests.shift();
    try {
      const response = url === undefined
        ? await answerOf(parts, request, () => Promise.reject(badRequest()))
        : await answer(contextOf(request, url, observation.seen));
      return observation.finish(response);
    } catch (error) {
      if (rejects) throw error;
      return observation.finish(
        await answerOf(parts, request, () => Promise.reject(error)), // middleware has failed
      );
    }
  }

  return { fetch, requests };
}

/** What a registry consists of. */
interface Parts {
  readonly settings: RegistrySettings;
  readonly backend: RegistryBackend;
  /** What stands in front of the backend, where there is an upstream. */
  readonly pullThrough?: PullThroughBackend;
  readonly deadlines: Deadlines;
  readonly uploads: UploadSessions;
  readonly authorizer: Authorizer;
}

/** Handles a request, and makes a response of whatever goes wrong. */
async function answerOf(
  { settings, uploads }: Parts,
  request: Request,
  handling: () => Promise<Response>,
): Promise<Response> {
  let response: Response;
  try {
    uploads.watch();
    response = outward(await handling(), settings);
  } catch (error) {
    response = outward(refusalFor(error, settings).response(request.method), settings);
  }
  return await finished(request, response);
}

/**
 * The response as it goes out, with what every response says. A client whose body was not read should
 * stop sending it, and HEAD gets no body.
 */
export async function finished(request: Request, response: Response): Promise<Response> {
  guarded(response).headers.set("docker-distribution-api-version", "registry/2.0");
  if (request.body !== null && !request.body.locked) await request.body.cancel().catch(() => {});
  if (request.method !== "HEAD" || response.body === null) return response;
  await response.body.cancel();
  return new Response(null, { status: response.status, headers: response.headers });
}

async function handle(parts: Parts, context: RequestContext): Promise<Response> {
  const { authorizer, backend: own, deadlines, pullThrough, settings, uploads } = parts;
  const { request, url } = context;
  const observation = Observation.of(context.observed);
  if (authorizer.token !== undefined && url.pathname === authorizer.tokenPath) {
    const body = () => requestBody({ settings, deadlines, request, observation });
    return await authorizer.token(request, url, body);
  }
  const route = context.route ?? routeOf(url.pathname);
  const endpoint = endpointOf(route, request.method, settings);
  const access = await authorizer.authorize(request, url, needOf(route, endpoint.action, url));
  const exchange: Exchange = {
    request,
    url,
    observation,
    access,
    settings,
    backend: own,
    deadlines,
    uploads,
  };
  if (pullThrough === undefined) return await endpoint.handle(exchange, route as never);
  if (endpoint.action !== "pull" && "repository" in route) {
    pullThrough.checkChange(route.repository);
  }
  const warnings = new Set<string>();
  const ns = endpoint.action === "pull" ? url.searchParams.get("ns") ?? undefined : undefined;
  const backend = pullThrough.forRequest({ warn: (text) => warnings.add(text), ns });
  const response = await endpoint.handle({ ...exchange, backend }, route as never);
  const named = ns !== undefined && "repository" in route && backend.namespaceOf(route.repository);
  if (named) response.headers.set("oci-namespace", named);
  // The code and the agent that the specification asks for: RFC 9111 took 110, "stale", away.
  for (const text of warnings) response.headers.append("warning", `299 - "${text}"`);
  return response;
}

function endpointOf(route: Route, method: string, { deletes }: RegistrySettings): Endpoint {
  const endpoints = ENDPOINTS[route.kind];
  const endpoint = Object.hasOwn(endpoints, method) ? endpoints[method] : undefined;
  const refused = endpoint?.action === "delete" && !deletes;
  if (endpoint !== undefined && !refused) return endpoint;
  const allowed = Object.entries(endpoints)
    .filter(([, { action }]) => deletes || action !== "delete")
    .map(([name]) => name);
  throw new Refusal(
    405,
    "UNSUPPORTED",
    refused
      ? "Cannot delete: this registry has deletes switched off"
      : `Cannot ${method} here: this path takes ${allowed.join(", ")}`,
    { headers: { allow: allowed.join(", ") } },
  );
}

function ping(): Promise<Response> {
  return Promise.resolve(jsonResponse("{}"));
}

/** What an error is answered with; what is not the client's fault is reported. */
function refusalFor(error: unknown, { onError }: RegistrySettings): Refusal {
  if (error instanceof UpstreamRefusal) onError(error.cause);
  if (error instanceof Refusal) return error;
  onError(error);
  if (error instanceof InvalidContentError) {
    // A layout that something else broke, or put links in: for clients there is no such repository.
    const message = "Cannot use the repository: what the registry keeps of it cannot be read";
    return new Refusal(404, "NAME_UNKNOWN", message, { cause: error });
  }
  return new Refusal(500, "UNKNOWN", "Cannot answer: the registry failed", { cause: error });
}

/** Some servers make a request's URL of whatever the client says its host is. */
function badRequest(cause?: unknown): Refusal {
  const message = "Cannot answer: the request's URL or Host is malformed";
  return new Refusal(400, "UNSUPPORTED", message, { cause });
}

/** The response with the addresses in it as clients know them, where that is said. */
function outward(response: Response, { externalUrl }: RegistrySettings): Response {
  if (externalUrl === undefined) return response;
  const { headers } = response;
  const location = headers.get("location");
  if (location?.startsWith("/")) headers.set("location", externalUrl + location);
  const path = new URL(externalUrl).pathname.replace(/\/$/, "");
  const link = headers.get("link");
  if (link !== null) headers.set("link", link.replace(/^<\//, `<${path}/`));
  return response;
}
