import { HostRefusedError, TooManyRedirectsError, UploadError } from "../errors.ts";
import type { ChannelRequest, ChannelResponse, Send } from "./channel.ts";
import { copyFields } from "./header_fields.ts";
import { namedUrl } from "./named_url.ts";
import { redactUrl } from "./redact.ts";

const REDIRECTS = [301, 302, 303, 307, 308];

/** What is special about the redirects that are followed. */
export interface RedirectOptions {
  /** The registry's origin: its own host by http is raised to https. @default {none} */
  registry?: string;
  /**
   * Whether a POST's body stays with its origin as credentials do: elsewhere, and after 301 and 302 as
   * browsers do, a GET without it follows. Called with where the credentials did not go along to.
   * @default {a body goes wherever the redirect leads}
   */
  withheld?: (url: URL) => void;
}

/** Headers that belong to one origin and stay there. */
const ORIGIN_HEADERS = ["authorization", "cookie", "proxy-authorization"];

/**
 * Goes where an answer leads, and where that leads.
 *
 * @throws {TooManyRedirectsError} When there are more than `maxRedirects`, or it is a circle.
 * @throws {HostRefusedError} When one leads to what is not HTTP, or from https to http.
 * @throws {UploadError} When the body was a stream, and is gone.
 */
export async function followRedirects(
  next: Send,
  request: ChannelRequest,
  first: ChannelResponse,
  maxRedirects: number,
  options: RedirectOptions,
): Promise<ChannelResponse> {
  const hops: Response[] = [];
  const seen: string[] = [];
  let hop = request;
  let answer = first;
  for (;;) {
    const { response } = answer;
    const location = response.headers.get("location");
    if (location === null || !REDIRECTS.includes(response.status)) return { ...answer, hops };
    seen.push(hop.url.href);
    await response.body?.cancel().catch(() => {});
    if (hops.length >= maxRedirects) {
      throw new TooManyRedirectsError(
        `Cannot ${request.what}: more than maxRedirects, ${maxRedirects}, redirects`,
      );
    }
    hops.push(response);
    hop = follow(hop, response.status, location, options);
    if (seen.includes(hop.url.href)) {
      throw new TooManyRedirectsError(
        `Cannot ${request.what}: redirected in a circle at ${
          hop.url.href === request.url.href ? redactUrl(hop.url) : place(hop.url)
        }`,
      );
    }
    answer = await next(hop);
  }
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

function target(request: ChannelRequest, location: string, registry?: string): URL {
  const secure = request.url.protocol === "https:";
  return namedUrl(location, request.url, registry, secure, (problem, url, cause) => {
    if (url === undefined) {
      const message = `Cannot ${request.what}: redirected to what is not a URL`;
      return new HostRefusedError(message, { cause, host: "" });
    }
    const why = problem === "not HTTP" ? "to something that is not HTTP" : "from https to http";
    return new HostRefusedError(`Cannot ${request.what}: redirected ${why}, ${place(url)}`, {
      host: url.host,
    });
  });
}
