import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { InvalidOptionError } from "../../errors.ts";
import type { Middleware } from "../middleware.ts";
import { emptyResponse } from "../refusal.ts";

/** Which web pages may use a registry from a browser. */
export interface CorsOptions {
  /** Their origins: `https://app.example`, with the port where it is not the scheme's own. */
  origins: readonly string[];
  /**
   * Whether those pages may send what the browser has for the registry: cookies of a proxy in front,
   * and passwords that it was given. They can then do whatever their reader may.
   * @default {false}
   */
  credentials?: boolean;
}

const CORS_OPTIONS: OptionNames<CorsOptions> = names("origins credentials");

/** What pages use of responses, beyond what browsers show them anyway. */
const EXPOSED_HEADERS = [
  ...["Accept-Ranges", "Content-Length", "Content-Range", "Docker-Content-Digest"],
  ...["Docker-Distribution-Api-Version", "Docker-Upload-UUID", "Link", "Location"],
  ...["OCI-Chunk-Max-Length", "OCI-Chunk-Min-Length", "OCI-Filters-Applied", "OCI-Subject"],
  ...["OCI-Tag", "Range", "RateLimit-Limit", "RateLimit-Remaining", "Retry-After", "Warning"],
  "WWW-Authenticate",
].join(", ");

const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";

/** For how long a browser need not ask again, in seconds: two hours is the most that Chrome takes. */
const MAX_AGE_S = 7_200;

/** A header's name. */
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~-]+(?:\s*,\s*[\w!#$%&'*+.^`|~-]+)*$/;

/**
 * Lets web pages use a registry: answers their browsers' questions (preflights), and marks
 * responses. Pages of other origins are refused by their browsers; other clients notice nothing.
 *
 * @throws {InvalidOptionError} When what should be an origin is none.
 *
 * @example A registry that pages of one origin may use
 * ```ts
 * import { cors, createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const origin = "https://app.example";
 * const registry = createRegistry({ middleware: [cors({ origins: [origin] })] });
 * const { headers } = await registry.fetch("https://registry.test/v2/", { headers: { origin } });
 * assertEquals(headers.get("access-control-allow-origin"), origin);
 * ```
 *
 * @see https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function cors(options: true | CorsOptions): Middleware {
  const answer = answerPages(options);
  return (next) => (context) => answer(context.request, () => next(context));
}

/**
 * The same for whatever answers a request, which may be no registry.
 *
 * @throws {InvalidOptionError} When what should be an origin is none.
 */
export function answerPages(
  options: true | CorsOptions,
): (request: Request, next: () => Promise<Response>) => Promise<Response> {
  if (options !== true) checkOptions(options ?? null, CORS_OPTIONS, "cors");
  const origins = options === true ? undefined : options.origins;
  const credentials = options !== true && options.credentials === true;
  for (const origin of origins ?? []) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    throw new InvalidOptionError(
      "Cannot serve as 'cors' must hold origins, such as https://app.example: current value is " +
        origin,
    );
  }

  /** The origin to name in a response; `undefined` for a page that may not. */
  function allowed(request: Request): string | undefined {
    if (origins === undefined) return "*";
    const origin = request.headers.get("origin");
    return origin !== null && origins.includes(origin) ? origin : undefined;
  }

  return async (request, next) => {
    const origin = allowed(request);
    const preflight = isPreflight(request);
    const response = preflight ? emptyResponse(204) : await next();
    const headers = new Headers(response.headers);
    // A cache must not give one page the answer to another.
    if (origins !== undefined) headers.append("vary", "Origin");
    if (origin !== undefined) {
      headers.set("access-control-allow-origin", origin);
      if (credentials) headers.set("access-control-allow-credentials", "true");
      if (preflight) allowRequest(request, headers);
      else headers.set("access-control-expose-headers", EXPOSED_HEADERS);
    }
    const { status, statusText, body } = response;
    return new Response(body, { status, statusText, headers });
  };
}

function isPreflight({ method, headers }: Request): boolean {
  return method === "OPTIONS" && headers.has("origin") &&
    headers.has("access-control-request-method");
}

/** `*` would not stand for Authorization: the headers asked for are named, whatever they are. */
function allowRequest(request: Request, headers: Headers): void {
  headers.set("access-control-allow-methods", METHODS);
  headers.set("access-control-max-age", String(MAX_AGE_S));
  const asked = request.headers.get("access-control-request-headers");
  if (asked === null || !HEADER_NAMES.test(asked)) return;
  headers.set("access-control-allow-headers", asked);
}
