import type { Bytes } from "../content/bytes.ts";
import type { HttpError } from "../errors.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "./channel.ts";
import type { AdviceOn } from "./http_error.ts";

/**
 * Sends a request and answers the response if its status is one of those.
 *
 * @throws {HttpError} One of its subclasses, for any other status.
 */
export async function sendExpecting(
  channel: Channel,
  request: ChannelRequest,
  statuses: readonly number[],
  adviceOn?: AdviceOn,
): Promise<ChannelResponse> {
  const answer = await channel.send(request);
  if (statuses.includes(answer.response.status)) return answer;
  throw await responseError(channel, request, answer, adviceOn);
}

/**
 * Leaves the body of an answer whose status says it all, unless it is a web page: a portal answers
 * whatever it is asked. `asked` gives, verified, what may be a page itself.
 *
 * @throws {InvalidContentError} When it is one, and not what was asked for.
 */
export async function leaveBody(
  channel: Pick<Channel, "limits">,
  request: ChannelRequest,
  answer: ChannelResponse,
  asked?: () => Promise<ReadableStream<Bytes>>,
): Promise<void> {
  const { body, headers } = answer.response;
  if (body === null) return;
  if (headers.get("content-length") === "0") return await body.cancel();
  const { leaveBody } = await import("./web_page.ts");
  await leaveBody(channel, request, answer, asked);
}

/**
 * The typed error for a response; reads its body, up to a limit. What makes it is loaded with the first.
 *
 * @throws {WrongSchemeError} When a host answers that it wants TLS.
 */
export async function responseError(
  channel: Pick<Channel, "limits" | "clock" | "secrets">,
  request: ChannelRequest,
  answer: ChannelResponse,
  adviceOn?: AdviceOn,
): Promise<HttpError> {
  const { responseError } = await import("./response_error.ts");
  return await responseError(channel, request, answer, adviceOn);
}
