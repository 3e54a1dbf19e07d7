import { HostRefusedError, TooManyRedirectsError, UploadError } from "../errors.ts";
import type { Limits } from "../content/limits.ts";
import type { ChannelRequest, Middleware } from "./channel.ts";
import { copyFields } from "./header_fields.ts";
import { raiseScheme } from "./raise_scheme.ts";
import { redactUrl } from "./redact.ts";

const REDIRECTS = [301, 302, 303, 307, 308];

/** Headers that belong to one origin and stay there. */
const ORIGIN_HEADERS = ["authorization", "cookie", "proxy-authorization"];

/** What is special about the redirects that are followed. */
export interface RedirectOptions {
  /** The registry: its own host by http is raised to https. @default {none} */
  registry?: URL;
  /**
   * Whether a POST's body stays with its origin as credentials do: elsewhere, and after 301 and 302 as
   * browsers do, a GET without it follows. Called with where the credentials did not go along to.
   * @default {a body goes wherever the redirect leads}
   */
  withheld?: (url: URL) => void;
}

/**
 * Follows redirects. Credentials stay with their origin: compared at every hop, scheme and port
 * included, and not restored when a later hop leads back.
 */
export function redirect(
  limits: Pick<Required<Limits>, "maxRedirects">,
  options: RedirectOptions = {},
): Middleware {
  return (next) => async (request) => {
    const hops: Response[] = [];
    const seen: string[] = [];
    let hop = request;
    for (;;) {
      const answer = await next(hop);
      const location = REDIRECTS.includes(answer.response.status)
        ? answer.response.headers.get("location")
        : null;
      if (location === null || request.redirect === "manual") {
        return hops.length === 0 ? answer : { ...answer, hops };
      }
      seen.push(hop.url.href);
      await answer.response.body?.cancel().catch(() => {});
      if (hops.length >= limits.maxRedirects) {
        throw new TooManyRedirectsError(
          `Cannot ${request.what}: more than maxRedirects, ${limits.maxRedirects}, redirects`,
        );
      }
      hops.push(answer.response);
      hop = follow(hop, answer.response.status, location, options);
      if (seen.includes(hop.url.href)) {
        throw new TooManyRedirectsError(
          `Cannot ${request.what}: redirected in a circle at ${
            hop.url.href === request.url.href ? redactUrl(hop.url) : place(hop.url)
          }`,
        );
      }
    }
  };
}

function follow(
  request: ChannelRequest,
  status: number,
  location: string,
  { registry, withheld }: RedirectOptions,
): ChannelRequest {
  const url = target(request, location, registry);
  const headers = copyFields(request.headers);
  const leaves = url.origin !== request.url.origin;
  if (leaves) {
    for (const name of ORIGIN_HEADERS) headers.delete(name);
  }
  const { body, ...rest } = request;
  const form = withheld !== undefined && request.method === "POST";
  const getsAlone = status === 303 ? request.method !== "HEAD" : form && (leaves || status < 303);
  if (leaves || form && getsAlone) withheld?.(url);
  if (getsAlone) {
    headers.delete("content-type");
    return { ...rest, method: "GET", url, headers, purpose: "redirect" };
  }
  if (body !== undefined && !body.reopenable) {
    throw new UploadError(
      `Cannot ${request.what}: redirected to ${url.origin} after the stream was sent. ` +
        `Pass {size, open()} instead of a stream`,
    );
  }
  return { ...request, url, headers, purpose: "redirect" };
}

/** What is shown of where a redirect leads: the rest may repeat what was sent. */
function place({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}

function target(request: ChannelRequest, location: string, registry?: URL): URL {
  let url: URL;
  try {
    url = new URL(location, request.url);
  } catch (cause) {
    throw new HostRefusedError(`Cannot ${request.what}: redirected to what is not a URL`, {
      cause,
      host: "",
    });
  }
  if (registry !== undefined) raiseScheme(url, registry);
  const refuse = (why: string) =>
    new HostRefusedError(`Cannot ${request.what}: ${why}, ${place(url)}`, { host: url.host });
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw refuse("redirected to something that is not HTTP");
  }
  if (request.url.protocol === "https:" && url.protocol === "http:") {
    throw refuse("redirected from https to http");
  }
  url.username = "";
  url.password = "";
  url.hash = "";
  return url;
}
