import {
  HostRefusedError,
  InvalidContentError,
  InvalidOptionError,
  LimitError,
} from "../errors.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "../transport/channel.ts";
import { readBody, sendExpecting } from "../transport/expect.ts";
import { nextLink } from "../transport/link.ts";
import { quoteInput } from "../reference/quote_input.ts";
import { redactUrl } from "../transport/redact.ts";
import { strangeAnswer } from "../transport/web_page.ts";
import { type EndpointOptions, resolveUrl } from "./request.ts";

/** Options of every list. */
export interface ListOptions extends EndpointOptions {
  /**
   * How many entries a page holds; the registry may give fewer. ECR refuses more than 1000.
   * @default {the registry's own}
   */
  pageSize?: number;
  /** The most pages to read; one more is an error. @default {limits.maxPages} */
  maxPages?: number;
}

/** One page of a list. */
export interface Page {
  /** The parsed body. */
  json: Record<string, unknown>;
  /** The response's headers. */
  headers: Headers;
}

/**
 * The pages of a list, following `Link` on the registry's own origin. A short page is not the end:
 * only a missing link is.
 *
 * @throws {LimitError} When there are more pages than `maxPages`, or one is too large.
 * @throws {HostRefusedError} When a link leads to another origin.
 * @throws {InvalidContentError} When a page is not JSON, or a link leads back to a page.
 */
export async function* pages(
  channel: Channel,
  request: ChannelRequest,
  { pageSize, maxPages = channel.limits.maxPages }: ListOptions,
  first?: ChannelResponse,
): AsyncGenerator<Page> {
  checkCount("pageSize", pageSize);
  checkCount("maxPages", maxPages);
  const seen = new Set<string>();
  let url = new URL(request.url);
  if (pageSize !== undefined) url.searchParams.set("n", String(pageSize));
  for (let page = 1;; page++) {
    if (page > maxPages) {
      throw new LimitError(`Cannot ${request.what}: more than maxPages, ${maxPages}, pages`, {
        limit: "maxPages",
        maximum: maxPages,
      });
    }
    seen.add(url.href);
    let answer: ChannelResponse;
    if (page === 1) answer = first ?? await sendExpecting(channel, { ...request, url }, [200]);
    else {
      const own = ownPage(request, url);
      answer = await sendExpecting(channel, linked(request, url), own ? [200, 404] : [200]);
      if (answer.response.status === 404) {
        await answer.response.body?.cancel();
        url = own!;
        seen.add(url.href);
        answer = await sendExpecting(channel, linked(request, url), [200]);
      }
    }
    const { headers } = answer.response;
    yield { json: await readJson(channel, answer, request), headers };
    const header = headers.get("link");
    const link = nextLink(header);
    if (link === undefined) return;
    if (link === false) {
      const shown = quoteInput(header);
      throw new InvalidContentError(
        `Cannot ${request.what}: there is a next page, but its link cannot be read: ${shown}`,
      );
    }
    url = resolveUrl(channel, link, answer.url, request.what);
    if (url.origin !== channel.origin) {
      throw new HostRefusedError(
        `Cannot ${request.what}: the next page is on another host, ${redactUrl(url)}`,
        { host: url.host },
      );
    }
    if (seen.has(url.href)) {
      throw new InvalidContentError(
        `Cannot ${request.what}: the link to the next page leads back to ${redactUrl(url)}`,
      );
    }
  }
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

/** What a registry's link makes davit ask for is asked of `allowHost` as such. */
function linked(request: ChannelRequest, url: URL): ChannelRequest {
  return { ...request, url, purpose: "link" };
}

async function readJson(
  channel: Channel,
  answer: ChannelResponse,
  request: ChannelRequest,
): Promise<Record<string, unknown>> {
  const { what } = request;
  const { response } = answer;
  const page = what.replace(/^list/, "a page with");
  const bytes = await readBody(channel, response, "pageBytes", page, request);
  const by = strangeAnswer(answer, bytes);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new InvalidContentError(`Cannot ${what}: the answer is not JSON: ${by}`, { cause });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new InvalidContentError(`Cannot ${what}: the answer is not a JSON object: ${by}`);
  }
  return json as Record<string, unknown>;
}

/**
 * Counts what is gathered from all pages.
 *
 * @throws {LimitError} When there are more entries than `limits.listEntries`.
 */
export function checkEntries({ limits }: Channel, count: number, what: string): void {
  const { listEntries } = limits;
  if (count <= listEntries) return;
  throw new LimitError(
    `Cannot ${what}: more than limits.listEntries, ${listEntries}, entries. Iterate over them instead`,
    { limit: "listEntries", maximum: listEntries },
  );
}

function checkCount(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return;
  throw new InvalidOptionError(
    `Cannot list as '${name}' must be a positive integer: current value is ${value}`,
  );
}
