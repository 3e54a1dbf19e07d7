import { HostRefusedError, TooManyRedirectsError, UploadError } from "../errors.ts";
import type { ChannelRequest, ChannelResponse, Send } from "./channel.ts";
import { copyFields } from "./header_fields.ts";
import { raiseScheme } from "./raise_scheme.ts";
import { redactUrl } from "./redact.ts";
import { redirection, type RedirectOptions } from "./redirection.ts";

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
    const location = redirection(answer);
    if (location === null) return { ...answer, hops };
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
