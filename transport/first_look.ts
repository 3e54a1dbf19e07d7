import { type ApiError, CertificateError, NetworkError } from "../errors.ts";
import { lookAtTls, type SeenTls } from "../runtime/look_at_tls.ts";
import type { ChannelRequest, ChannelResponse, Send } from "./channel.ts";
import { connectionFailure } from "./connection_failure.ts";
import { untilAborted } from "./until_aborted.ts";
import { wrongScheme } from "./wrong_scheme.ts";

/**
 * Sends to one origin, which is looked at once where it fails before it has ever answered, for the
 * network does not always say why. By plain http, some servers of TLS end the connection without a
 * word (Node, Envoy, HAProxy), and a HEAD's 400 has no words. By https, a host that wants a client
 * certificate says so after the handshake and closes, and the reset that meets the request takes its
 * words away.
 *
 * @throws {WrongSchemeError} When it speaks TLS and was asked by plain http.
 * @throws {CertificateError} When it wants a client certificate.
 */
export function firstLook(send: Send, look = lookAtTls): Send {
  let way: Send = watched;
  let looked: Promise<SeenTls> | undefined;

  /** What is wrong, where a look tells. */
  async function reason(request: ChannelRequest, cause?: unknown): Promise<ApiError | undefined> {
    if (way === send) return undefined; // it has answered
    const { url, addresses, signal } = request;
    const { speaks, error } = await untilAborted(looked ??= look(url, addresses?.[0]), signal);
    if (url.protocol === "http:") return speaks ? wrongScheme(request, cause) : undefined;
    const failure = error && connectionFailure(request, error);
    return failure instanceof CertificateError ? failure : undefined;
  }

  async function watched(request: ChannelRequest): Promise<ChannelResponse> {
    let answer: ChannelResponse;
    try {
      answer = await send(request);
    } catch (error) {
      throw error instanceof NetworkError && await reason(request, error.cause) || error;
    }
    const { status, body } = answer.response;
    if (status !== 400 || request.url.protocol === "https:") way = send;
    else if (request.method === "HEAD") {
      const wrong = await reason(request);
      if (wrong === undefined) return answer;
      await body?.cancel().catch(() => {});
      throw wrong;
    }
    return answer;
  }

  return (request) => way(request);
}
