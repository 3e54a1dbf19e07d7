import type { HttpError } from "../errors.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "./channel.ts";
import { dockerResponse } from "./docker_response.ts";
import { type AdviceOn, httpError } from "./http_error.ts";
import { readStart } from "./read_body.ts";
import { redactUrl } from "./redact.ts";
import { registryErrors } from "./registry_errors.ts";
import { type SecretsKeeper, secretsOf } from "./secrets.ts";
import { answeredBy } from "./web_page.ts";
import { wantsTls, wrongScheme } from "./wrong_scheme.ts";

/**
 * The typed error for a response; reads its body, up to a limit.
 *
 * @throws {WrongSchemeError} When a host answers that it wants TLS.
 */
export async function responseError(
  channel: Pick<Channel, "limits" | "clock" | "secrets">,
  request: ChannelRequest,
  answer: ChannelResponse,
  adviceOn?: AdviceOn,
): Promise<HttpError> {
  const { response, url, anonymity, carried } = answer;
  const secrets = channel.secrets as SecretsKeeper | undefined;
  const redact = (words: string) => secrets ? secretsOf(secrets).redact(words, url) : words;
  const asked = { method: request.method, url: redact(redactUrl(url)) };
  const bytes = await readStart(response, channel.limits, request);
  const moved = url.origin !== request.url.origin;
  if (response.status === 400 && url.protocol === "http:" && wantsTls(bytes)) {
    throw wrongScheme({ ...request, url, ...(moved && { purpose: "redirect" }) });
  }
  const errors = registryErrors(bytes, redact);
  const by = answeredBy(answer, bytes, moved);
  return httpError(`Cannot ${request.what}`, {
    resp: dockerResponse(response, { ...asked, redact }, bytes.byteLength > 0 ? bytes : null),
    errors,
    now: channel.clock.now(),
    redact,
    notes: [by, anonymity?.reason ?? carried].filter((note) => note !== undefined),
    advice: adviceOn?.(errors),
    ...asked,
    ...(anonymity?.cause !== undefined && { cause: anonymity.cause }),
  });
}
