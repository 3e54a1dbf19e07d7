import type { Bytes } from "../content/bytes.ts";
import { concatBytes } from "../content/bytes.ts";
import type { Limits } from "../content/limits.ts";
import type { HttpError, RegistryError } from "../errors.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "./channel.ts";
import { plainJson } from "./content_encoding.ts";
import { dockerResponse } from "./docker_response.ts";
import { httpError } from "./http_error.ts";
import { parseRateLimit } from "./rate_limit.ts";
import { bodyReader, type ReadFor } from "./read_body.ts";
import { redactUrl } from "./redact.ts";
import { registryErrors } from "./registry_errors.ts";
import { parseRetryAfter } from "./retry_after.ts";
import { type SecretsKeeper, secretsOf } from "./secrets.ts";

/** The typed error for a response; reads its body, up to a limit. */
export async function responseError(
  channel: Pick<Channel, "limits" | "clock" | "secrets">,
  request: ChannelRequest,
  { response, url, anonymity }: ChannelResponse,
): Promise<HttpError> {
  const { headers } = response;
  const retryAfter = parseRetryAfter(headers.get("retry-after"), channel.clock.now());
  const rateLimit = parseRateLimit(headers);
  const secrets = channel.secrets as SecretsKeeper | undefined;
  const redact = (words: string) => secrets ? secretsOf(secrets).redact(words, url) : words;
  const asked = { method: request.method, url: redact(redactUrl(url)) };
  const bytes = await readStart(response, channel.limits, request);
  return httpError(`Cannot ${request.what}`, {
    resp: dockerResponse(response, { ...asked, redact }, bytes.byteLength > 0 ? bytes : null),
    errors: registryErrors(bytes, redact),
    redact,
    ...asked,
    ...(retryAfter !== undefined && { retryAfter }),
    ...(rateLimit !== undefined && { rateLimit }),
    ...(anonymity?.cause !== undefined && { cause: anonymity.cause }),
  }, anonymity?.reason);
}

/** The errors that a response's body names, in the other end's own words; reads up to a limit. */
export async function responseErrors(
  limits: Required<Limits>,
  request: ReadFor,
  response: Response,
  redact: (words: string) => string,
): Promise<RegistryError[]> {
  return registryErrors(await readStart(response, limits, request), redact);
}

/** The start of an error's body: what is longer, cut or slow does not hide the status. */
export async function readStart(
  response: Response,
  limits: Required<Limits>,
  { signal }: ReadFor,
): Promise<Bytes> {
  if (response.body === null) return new Uint8Array(0);
  const what = "the error";
  const reader = bodyReader(response, limits, what, signal);
  const pieces: Bytes[] = [];
  let size = 0;
  try {
    while (size < limits.errorBytes) {
      const { done, value } = await reader.read();
      if (done || value === undefined) {
        const most = { name: "errorBytes", bytes: limits.errorBytes, what };
        const bytes = concatBytes(pieces);
        return await plainJson(bytes, response.headers, `read ${what}`, most).catch(() => bytes);
      }
      pieces.push(value.subarray(0, limits.errorBytes - size) as Bytes);
      size += value.byteLength;
    }
  } catch {
    signal?.throwIfAborted(); // otherwise what arrived is what there is to say
  }
  await reader.cancel().catch(() => {});
  return concatBytes(pieces);
}
