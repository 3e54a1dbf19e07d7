import { bareMediaType } from "../content/media_types.ts";
import { InvalidContentError } from "../errors.ts";
import type { ChannelResponse } from "./channel.ts";

/**
 * How a web page begins, behind what XML puts in front.
 *
 * @see https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type
 */
const PAGE = new RegExp(
  String
    .raw`^\s*(?:<\?xml\b[^>]*>\s*)?<(?:!--|(?:!doctype\s+html|html|head|body|meta|title|script|` +
    String.raw`style|iframe|h1|div|table|font|a|b|p|br)(?:[\s/>]|$))`,
  "i",
);

/** By this header a registry says that it is one, whatever its front page is. */
const REGISTRY_HEADER = "docker-distribution-api-version";

/** A page's beginning is looked for in so many bytes, and so much is shown of a content type. */
const START_BYTES = 1_024;
const TYPE_CHARACTERS = 100;

/** Whether a body is a web page, whatever its header calls it. */
export function isWebPage(body: Uint8Array): boolean {
  return PAGE.test(new TextDecoder().decode(body.subarray(0, START_BYTES)));
}

/**
 * Who answered what in a registry's place, for messages: `proxy.example answered 200 with text/html, a
 * web page`.
 */
export function strangeAnswer({ response, url }: ChannelResponse, body: Uint8Array): string {
  const page = isWebPage(body)
    ? ", a web page: of a proxy, a portal or a login, or of a web server that is no registry"
    : "";
  return `${url.host} answered ${response.status} with ${contentTypeOf(response)}${page}`;
}

/**
 * Refuses a web page that came in a registry's place. What the header calls it says nothing: Quay
 * answers `/v2/` with "true" as text/html.
 *
 * @throws {InvalidContentError} When the body is a page, and the answer is not called a registry's.
 */
export function refusePage(answer: ChannelResponse, body: Uint8Array, what: string): void {
  if (!isWebPage(body) || answer.response.headers.has(REGISTRY_HEADER)) return;
  throw new InvalidContentError(`Cannot ${what}: ${strangeAnswer(answer, body)}`);
}

/** An answer's content type, for messages. */
export function contentTypeOf({ headers }: Response): string {
  const type = bareMediaType(headers.get("content-type")).replace(/[^\x21-\x7e]/g, "");
  return type.slice(0, TYPE_CHARACTERS) || "no Content-Type";
}
