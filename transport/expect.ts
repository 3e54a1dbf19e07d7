import type { HttpError } from "../errors.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "./channel.ts";
import type { AdviceOn } from "./http_error.ts";
import { readStart } from "./read_body.ts";

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
 * whatever it is asked.
 *
 * @throws {InvalidContentError} When it is one.
 */
export async function leaveBody(
  channel: Pick<Channel, "limits">,
  request: ChannelRequest,
  answer: ChannelResponse,
): Promise<void> {
  const start = await readStart(answer.response, channel.limits, request);
  if (start.byteLength === 0) return;
  const { refusePage } = await import("./web_page.ts");
  refusePage(answer, start, request.what);
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
