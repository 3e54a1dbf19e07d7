import { bareMediaType } from "../content/media_types.ts";
import type { ChannelResponse } from "./channel.ts";

/** How a web page begins. */
const PAGE = /^\s*<(?:!doctype\s+html|html)\b/i;

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

/** An answer's content type, for messages. */
export function contentTypeOf({ headers }: Response): string {
  const type = bareMediaType(headers.get("content-type")).replace(/[^\x21-\x7e]/g, "");
  return type.slice(0, TYPE_CHARACTERS) || "no Content-Type";
}
