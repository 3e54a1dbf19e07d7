import { RecentMap } from "../../content/recent.ts";
import { type Handler, type RequestContext, withRequest } from "../../server/middleware.ts";
import { answered, changed } from "../changed.ts";
import { errorAnswer, textAnswer } from "./answer.ts";
import type { LocationQuirks } from "./options.ts";
import { markOtherOrigin } from "./other_origin.ts";

/** What a ticket stands for: a URL of the registry, asked for with a client's credentials. */
interface Ticket {
  url: URL;
  authorization: string | undefined;
  storage: boolean;
}

/** What an upload's location must be like. */
interface Place {
  /** What the location ends with; `undefined` once it was used. */
  serial?: string | undefined;
  /** Whether it ends with something. */
  once: boolean | "writes";
  /** The query that must come back. */
  query?: string;
  /** Whether it may be escaped in another way. */
  decoded: boolean;
}

const TICKETS = "/elsewhere/";

/** More than that are clients that never come back: the oldest are forgotten. */
export const MAX_REMEMBERED = 10_000;

/** Where blobs and uploads are, when they are not where the registry would have them. */
export class Places {
  readonly #tickets = new RecentMap<string, Ticket>(MAX_REMEMBERED);
  readonly #places = new RecentMap<string, Place>(MAX_REMEMBERED);

  /** Finds the registry's own URL again, before anything else looks at a request. */
  async accept(next: Handler, context: RequestContext): Promise<Response> {
    const { request, url } = context;
    if (!url.pathname.startsWith(TICKETS)) return await this.#find(next, context);
    const ticket = this.#tickets.get(url.pathname.slice(TICKETS.length));
    if (request.headers.has("authorization")) {
      // In the words of a storage: two ways to authenticate are one too many.
      return textAnswer(400, "<Error><Code>InvalidArgument</Code></Error>", "application/xml");
    }
    if (ticket === undefined) {
      return textAnswer(403, "<Error><Code>AccessDenied</Code></Error>", "application/xml");
    }
    const target = new URL(ticket.url);
    if (!ticket.storage) target.search = url.search;
    const inner = changed(context, {
      url: target,
      headers: { authorization: ticket.authorization },
    });
    markOtherOrigin(inner);
    const response = await this.#find(next, inner);
    if (!ticket.storage) return response;
    return answered(response, { headers: { "docker-content-digest": undefined } });
  }

  async #find(next: Handler, context: RequestContext): Promise<Response> {
    const { request, route, url } = context;
    if (route?.kind !== "upload") return await next(context);
    const [path, serial] = url.pathname.split("~", 2) as [string, string?];
    const place = this.#places.get(path);
    if (place === undefined) return await next(context);
    const own = new URL(path, url);
    own.search = url.search;
    if (place.query !== undefined) {
      const rest = restOf(url, place.query, place.decoded);
      if (rest === undefined) {
        return errorAnswer(
          400,
          "BLOB_UPLOAD_INVALID",
          "the query of the Location did not come back",
        );
      }
      own.search = rest;
    }
    if (place.once !== false) {
      if (serial !== place.serial) {
        return errorAnswer(404, "BLOB_UPLOAD_UNKNOWN", "this Location was used before");
      }
      const writes = request.method !== "GET" && request.method !== "HEAD";
      if (writes || place.once === true) place.serial = undefined;
    }
    return await next(changed(context, { url: own }));
  }

  /** Redirects requests for a blob to a storage on another origin. */
  redirect(context: RequestContext, status: number, origin: string | undefined): Response {
    const location = this.#ticket(context, context.url, originFor(context.url, origin), true);
    // A signature in the query, as storages have it: clients must not pass it on.
    location.searchParams.set("X-Amz-Signature", crypto.randomUUID().replaceAll("-", ""));
    return new Response(null, {
      status,
      headers: { location: location.href, "content-length": "0" },
    });
  }

  /** A response whose `Location` says where it is in another way. */
  locate(context: RequestContext, response: Response, quirks: LocationQuirks): Response {
    const location = response.headers.get("location");
    if (location === null) return response;
    const { form = "path", query = false, once = false, otherOrigin = false } = quirks;
    let url = new URL(location, context.url);
    const { route } = withRequest(context, new Request(url));
    if (route?.kind === "upload") {
      const place: Place = {
        once,
        decoded: query === "decoded",
        ...(once !== false && { serial: token(8) }),
        // Escapes, a `+` and padding: what comes back re-encoded is not the same.
        ...(query && { query: `_state=${token(12)}%2F%2b${query === true ? "+" : ""}~==` }),
      };
      this.#places.set(url.pathname, place);
      if (once !== false) url.pathname += `~${place.serial}`;
      if (otherOrigin !== false) {
        const origin = typeof otherOrigin === "string" ? otherOrigin : undefined;
        url = this.#ticket(context, url, originFor(context.url, origin), false);
      }
      if (query) url.search = `?${place.query}`;
    }
    return answered(response, { headers: { location: formed(url, context.url, form) } });
  }

  #ticket(context: RequestContext, url: URL, origin: string, storage: boolean): URL {
    const id = crypto.randomUUID();
    this.#tickets.set(id, {
      url,
      authorization: context.request.headers.get("authorization") ?? undefined,
      storage,
    });
    return new URL(TICKETS + id, origin);
  }
}

/** What a client's query says beside the one that had to come back; `undefined` where that did not. */
function restOf(
  { search, searchParams }: URL,
  query: string,
  decoded: boolean,
): string | undefined {
  if (decoded) {
    const rest = new URLSearchParams(searchParams);
    rest.delete("_state");
    const came = searchParams.get("_state") === new URLSearchParams(query).get("_state");
    return came ? rest.toString() : undefined;
  }
  const rest = search.slice(1 + query.length);
  if (!search.startsWith(`?${query}`) || (rest !== "" && rest[0] !== "&")) return undefined;
  return rest.slice(1);
}

function token(length: number): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, length);
}

/** Another origin that leads here: see `LocationQuirks.otherOrigin`. */
function originFor(url: URL, given: string | undefined): string {
  if (given !== undefined) return given;
  const other = new URL(url.origin);
  if (url.hostname === "127.0.0.1") other.hostname = "localhost";
  else if (url.hostname === "localhost") other.hostname = "127.0.0.1";
  else other.hostname = `elsewhere.${url.hostname}`;
  return other.origin;
}

function formed(url: URL, base: URL, form: "absolute" | "path" | "relative"): string {
  if (form === "absolute" || url.origin !== base.origin) return url.href;
  const path = url.pathname + url.search;
  return form === "path" ? path : relativePath(base.pathname, path);
}

/** The path to one path from another: `id` from `/v2/app/blobs/uploads/`. */
function relativePath(from: string, to: string): string {
  const start = from.split("/").slice(0, -1);
  const end = to.split("/");
  let same = 0;
  while (same < start.length && same < end.length - 1 && start[same] === end[same]) same++;
  return "../".repeat(start.length - same) + end.slice(same).join("/");
}
