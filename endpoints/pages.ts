import { isObject } from "../content/json_object.ts";
import { InvalidContentError, InvalidOptionError, LimitError } from "../errors.ts";
import { names, type OptionNames } from "../content/check_options.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "../transport/channel.ts";
import { sendExpecting } from "../transport/expect.ts";
import { readBody } from "../transport/read_body.ts";
import { ENDPOINT_OPTIONS, type EndpointOptions } from "./request.ts";

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

/** Their names. */
export const LIST_OPTIONS: OptionNames<ListOptions> = names("pageSize maxPages", ENDPOINT_OPTIONS);

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
  answered?: ChannelResponse,
): AsyncGenerator<Page> {
  checkCount("pageSize", pageSize);
  checkCount("maxPages", maxPages);
  const seen = new Set([request.url.href]);
  let load: (() => Promise<ChannelResponse>) | undefined = async () =>
    answered ?? await sendExpecting(channel, request, [200]);
  for (let page = 1; load !== undefined; page++) {
    if (page > maxPages) {
      throw new LimitError(`Cannot ${request.what}: more than maxPages, ${maxPages}, pages`, {
        limit: "maxPages",
        maximum: maxPages,
      });
    }
    const answer = await load();
    const { headers } = answer.response;
    yield { json: await readJson(channel, answer, request), headers };
    load = undefined;
    if (!headers.has("link")) return;
    const { nextPage } = await import("./next_page.ts"); // most lists are one page
    load = nextPage(channel, request, answer, seen);
  }
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
  let cause: unknown;
  try {
    const json: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (isObject(json)) return json;
  } catch (error) {
    cause = error;
  }
  const { strangeAnswer } = await import("../transport/web_page.ts");
  throw new InvalidContentError(
    `Cannot ${what}: the answer is not ${cause ? "JSON" : "a JSON object"}: ` +
      strangeAnswer(answer, bytes),
    { cause },
  );
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
