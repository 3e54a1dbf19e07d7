import { HostRefusedError, InvalidContentError } from "../errors.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "../transport/channel.ts";
import { sendExpecting } from "../transport/expect.ts";
import { nextLink } from "../transport/link.ts";
import { quoteInput } from "../reference/quote_input.ts";
import { redactUrl } from "../transport/redact.ts";
import { resolveUrl } from "./request.ts";

/**
 * Asks for the page that the `Link` of one leads to; `undefined` where that was the last.
 *
 * @param seen The URLs of all pages so far.
 * @throws {HostRefusedError} When the link leads to another origin.
 * @throws {InvalidContentError} When it cannot be read, or leads back to a page.
 */
export function nextPage(
  channel: Channel,
  request: ChannelRequest,
  answer: ChannelResponse,
  seen: Set<string>,
): (() => Promise<ChannelResponse>) | undefined {
  const { what } = request;
  const header = answer.response.headers.get("link");
  const link = nextLink(header);
  if (link === undefined) return undefined;
  if (link === false) {
    throw new InvalidContentError(
      `Cannot ${what}: there is a next page, but its link cannot be read: ${quoteInput(header)}`,
    );
  }
  const url = resolveUrl(channel, link, answer.url, what);
  if (url.origin !== channel.origin) {
    throw new HostRefusedError(
      `Cannot ${what}: the next page is on another host, ${redactUrl(url)}`,
      { host: url.host },
    );
  }
  if (seen.has(url.href)) {
    throw new InvalidContentError(
      `Cannot ${what}: the link to the next page leads back to ${redactUrl(url)}`,
    );
  }
  return async () => {
    seen.add(url.href);
    const own = ownPage(request, url);
    const answer = await sendExpecting(channel, linked(request, url), own ? [200, 404] : [200]);
    if (own === undefined || answer.response.status !== 404) return answer;
    await answer.response.body?.cancel();
    seen.add(own.href);
    return await sendExpecting(channel, linked(request, own), [200]);
  };
}

/**
 * A linked page at the list's own path, where the link leads to another: Artifactory leaves out what a
 * virtual repository's path begins with.
 */
function ownPage(request: ChannelRequest, link: URL): URL | undefined {
  const last = link.searchParams.get("last");
  if (last === null || link.pathname === request.url.pathname) return undefined;
  const url = new URL(request.url);
  url.searchParams.set("last", last);
  const count = link.searchParams.get("n");
  if (count !== null) url.searchParams.set("n", count);
  return url;
}

/**
 * What a registry's link makes davit ask for is asked of `allowHost` as such. Where it leads to another
 * path, what comes of that may be the link's fault: so it is in the message.
 */
function linked(request: ChannelRequest, url: URL): ChannelRequest {
  const own = url.pathname === request.url.pathname;
  const what = own ? request.what : `${request.what} from ${redactUrl(url)} on`;
  return { ...request, url, what, purpose: "link" };
}
