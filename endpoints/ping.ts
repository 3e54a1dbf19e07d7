import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "../transport/channel.ts";
import { sendExpecting } from "../transport/expect.ts";
import { readBody } from "../transport/read_body.ts";
import { checkChannel, ENDPOINT_OPTIONS, type EndpointOptions } from "./request.ts";
import { headerFields } from "../transport/header_fields.ts";

/** Options of {@linkcode ping}. */
export interface PingOptions extends EndpointOptions {
  /** Headers to send along. */
  headers?: RequestInit["headers"];
  /** The statuses that count as an answer. @default {[200, 401, 404]} */
  expectStatus?: number[];
}

const PING_OPTIONS: OptionNames<PingOptions> = names("headers expectStatus", ENDPOINT_OPTIONS);

/**
 * Asks whether this is a registry (end-1), without credentials. The answer's body is in memory.
 *
 * @throws {HttpError} For any status that is not expected.
 * @throws {InvalidContentError} When a web page answers with status 200.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#determining-support
 */
export async function ping(channel: Channel, options: PingOptions = {}): Promise<ChannelResponse> {
  checkChannel(channel);
  checkOptions(options, PING_OPTIONS);
  const { headers, expectStatus = [200, 401, 404], signal } = options;
  const request: ChannelRequest = {
    method: "GET",
    url: new URL("/v2/", channel.origin),
    headers: headerFields(new Headers(headers)),
    purpose: "registry",
    what: `ping ${channel.origin}`,
    ...(signal && { signal }),
  };
  const answer = await sendExpecting(channel, request, expectStatus);
  const bytes = await readBody(
    channel,
    answer.response,
    "pageBytes",
    `the answer of ${channel.origin}`,
    request,
  );
  if (answer.response.ok && bytes.byteLength > 0) {
    const { refusePage } = await import("../transport/web_page.ts");
    refusePage(answer, bytes, request.what);
  }
  const response = new Response(bytes.byteLength === 0 ? null : bytes, answer.response);
  return { ...answer, response };
}
