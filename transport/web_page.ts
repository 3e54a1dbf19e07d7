import { bareMediaType } from "../content/media_types.ts";
import type { Bytes } from "../content/bytes.ts";
import { BadDigestError, InvalidContentError, SizeMismatchError } from "../errors.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "./channel.ts";
import { readStart } from "./read_body.ts";

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

/** Who answered, for the message of a refusal, where it is a web page or `moved` to another host. */
export function answeredBy(
  { response, url }: ChannelResponse,
  body: Uint8Array,
  moved = false,
): string | undefined {
  const page = isWebPage(body) ? ` with a web page, ${contentTypeOf(response)}` : "";
  return page || moved ? `answered by ${url.host}${page}` : undefined;
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

/** What {@linkcode refusePage} says of a body that says nothing else; see `leaveBody` of `expect.ts`. */
export async function leaveBody(
  { limits }: Pick<Channel, "limits">,
  request: ChannelRequest,
  answer: ChannelResponse,
  asked?: () => Promise<ReadableStream<Bytes>>,
): Promise<void> {
  const start = await readStart(answer.response, limits, request);
  try {
    refusePage(answer, start, request.what);
  } catch (page) {
    if (asked === undefined) throw page;
    await (await asked()).pipeTo(new WritableStream()).catch((error) => {
      const other = error instanceof BadDigestError || error instanceof SizeMismatchError;
      throw other ? page : error;
    });
  }
}

/** An answer's content type, for messages. */
export function contentTypeOf({ headers }: Response): string {
  const type = bareMediaType(headers.get("content-type")).replace(/[^\x21-\x7e]/g, "");
  return type.slice(0, TYPE_CHARACTERS) || "no Content-Type";
}
