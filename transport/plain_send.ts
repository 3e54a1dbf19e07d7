import { NetworkError } from "../errors.ts";
import { speaksTls } from "../runtime/speaks_tls.ts";
import type { ChannelRequest, ChannelResponse, Send } from "./channel.ts";
import { wrongScheme } from "./wrong_scheme.ts";

/**
 * Sends by plain http to one origin. Some servers of TLS end such a connection without a word (Node,
 * Envoy, HAProxy), and a HEAD's 400 has no words: a host that has never answered otherwise is looked
 * at once.
 *
 * @throws {WrongSchemeError} When it speaks TLS.
 */
export function plainSend(send: Send, looks = speaksTls): Send {
  let way = watched;
  let tls: Promise<boolean> | undefined;

  async function wantsTls({ url, addresses }: ChannelRequest): Promise<boolean> {
    return way === watched && await (tls ??= looks(url, addresses?.[0]));
  }

  async function watched(request: ChannelRequest): Promise<ChannelResponse> {
    let answer: ChannelResponse;
    try {
      answer = await send(request);
    } catch (error) {
      if (!(error instanceof NetworkError) || !await wantsTls(request)) throw error;
      throw wrongScheme(request, error.cause);
    }
    const { status, body } = answer.response;
    if (status !== 400) way = send;
    else if (request.method === "HEAD" && await wantsTls(request)) {
      await body?.cancel().catch(() => {});
      throw wrongScheme(request);
    }
    return answer;
  }

  return (request) => way(request);
}
