import { InvalidContentError } from "../errors.ts";
import { readerStream } from "../content/piece_reader.ts";
import type { NodeResponse } from "../runtime/http.ts";
import type { ChannelRequest } from "./channel.ts";
import { nodeBodyReader } from "./node_body_reader.ts";

/** Statuses whose responses have no body, and which `Response` refuses to give one. */
const NULL_BODY_STATUSES = [204, 205, 304];

/**
 * A `Response` of what `node:http` received; `ended` is called when nothing more will be read.
 *
 * @throws {InvalidContentError} When the status is none that HTTP knows.
 */
export function nodeResponse(
  incoming: NodeResponse,
  request: ChannelRequest,
  ended: () => void,
): Response {
  const status = incoming.statusCode ?? 0;
  if (status < 200 || status > 599) {
    throw new InvalidContentError(
      `Cannot ${request.what}: ${request.url.host} answered with the status ${status}`,
    );
  }
  const init = { status, statusText: statusText(incoming) };
  if (request.method === "HEAD" || NULL_BODY_STATUSES.includes(status)) {
    incoming.on("error", () => {});
    incoming.on("close", ended);
    incoming.resume();
    return withHeaders(new Response(null, init), incoming);
  }
  const body = readerStream(nodeBodyReader(incoming, request, ended));
  return withHeaders(new Response(body, init), incoming);
}

/** The status's words, unless they hold what `Response` refuses. */
function statusText({ statusMessage = "" }: NodeResponse): string {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(statusMessage) ? statusMessage : "";
}

/** A response given its headers, each checked and copied once: twice where it is made of `Headers`. */
function withHeaders(response: Response, { rawHeaders }: NodeResponse): Response {
  const { headers } = response;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index]!, rawHeaders[index + 1]!);
  }
  return response;
}
