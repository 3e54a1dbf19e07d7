import type { Limits } from "../content/limits.ts";
import type { Bytes } from "../content/bytes.ts";
import { concatBytes } from "../content/bytes.ts";
import { type PieceReader, pieceReader, readAll, stallGuard } from "../content/piece_reader.ts";
import type { HttpError, RegistryError } from "../errors.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "./channel.ts";
import { plainJson } from "./content_encoding.ts";
import { dockerResponse } from "./docker_response.ts";
import { httpError } from "./http_error.ts";
import { parseRateLimit } from "./rate_limit.ts";
import { redactUrl } from "./redact.ts";
import { registryErrors } from "./registry_errors.ts";
import { parseRetryAfter } from "./retry_after.ts";
import { bodyFailure } from "./send_failure.ts";
import { untilAborted } from "./until_aborted.ts";
import { contentTypeOf, isWebPage } from "./web_page.ts";
import { wantsTls, wrongScheme } from "./wrong_scheme.ts";

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

/** What to do about a registry's errors: a sentence, where there is one. */
export type AdviceOn = (errors: readonly RegistryError[]) => string | undefined;

/**
 * The typed error for a response; reads its body, up to a limit.
 *
 * @throws {WrongSchemeError} When a host answers that it wants TLS.
 */
export async function responseError(
  channel: Pick<Channel, "limits" | "clock" | "redact">,
  request: ChannelRequest,
  { response, url, anonymity, carried }: ChannelResponse,
  adviceOn?: AdviceOn,
): Promise<HttpError> {
  const { headers } = response;
  const retryAfter = parseRetryAfter(headers.get("retry-after"), channel.clock.now());
  const rateLimit = parseRateLimit(headers);
  const redact = (words: string) => channel.redact?.(words, url) ?? words;
  const asked = { method: request.method, url: redact(redactUrl(url)) };
  const bytes = await readStart(response, channel.limits, request);
  const moved = url.origin !== request.url.origin;
  if (response.status === 400 && url.protocol === "http:" && wantsTls(bytes)) {
    throw wrongScheme({ ...request, url, ...(moved && { purpose: "redirect" }) });
  }
  const errors = registryErrors(bytes, redact);
  const page = isWebPage(bytes) && ` with a web page, ${contentTypeOf(response)}`;
  const by = page || moved ? `answered by ${url.host}${page || ""}` : undefined;
  return httpError(`Cannot ${request.what}`, {
    resp: dockerResponse(response, { ...asked, redact }, bytes.byteLength > 0 ? bytes : null),
    errors,
    redact,
    notes: [by, anonymity?.reason ?? carried].filter((note) => note !== undefined),
    advice: adviceOn?.(errors),
    ...asked,
    ...(retryAfter !== undefined && { retryAfter }),
    ...(rateLimit !== undefined && { rateLimit }),
    ...(anonymity?.cause !== undefined && { cause: anonymity.cause }),
  });
}

/** The errors that a response's body names, in the other end's own words; reads up to a limit. */
export async function responseErrors(
  channel: Pick<Channel, "limits" | "redact">,
  request: Asked,
  response: Response,
): Promise<RegistryError[]> {
  const redact = (words: string) => channel.redact?.(words, request.url) ?? words;
  return registryErrors(await readStart(response, channel.limits, request), redact);
}

/** What a body's reading needs of the request that it answers. */
type Asked = Pick<ChannelRequest, "url" | "what" | "signal">;

/**
 * A response's whole body, up to a named limit.
 *
 * @throws {LimitError} When it is longer.
 * @throws {TimeoutError} When it stands still.
 * @throws {NetworkError} When it breaks.
 */
export async function readBody(
  channel: Pick<Channel, "limits">,
  response: Response,
  limit: "manifestBytes" | "pageBytes" | "tokenBytes",
  what: string,
  request: Asked,
): Promise<Bytes> {
  if (response.body === null) return new Uint8Array(0);
  const reader = bodyReader(response, channel.limits, what, request.signal);
  const most = { name: limit, bytes: channel.limits[limit], what };
  try {
    const bytes = await readAll(reader, most);
    return await plainJson(bytes, response.headers, request.what, most);
  } catch (error) {
    request.signal?.throwIfAborted();
    throw bodyFailure(request, error);
  }
}

/** The start of an error's body: what is longer, cut or slow does not hide the status. */
export async function readStart(
  response: Response,
  limits: Required<Limits>,
  { signal }: Asked,
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

function bodyReader(
  response: Response,
  limits: Required<Limits>,
  what: string,
  signal: AbortSignal | undefined,
): PieceReader {
  const stream = response.body as ReadableStream<Bytes>;
  const reader = stallGuard(pieceReader(stream), limits, what);
  return signal === undefined ? reader : abortable(reader, signal);
}

/** Ends a read with the signal's reason: a caller's `fetch` may not obey the signal. */
function abortable(reader: PieceReader, signal: AbortSignal): PieceReader {
  return {
    async read(view) {
      signal.throwIfAborted();
      return await untilAborted(
        reader.read(view),
        signal,
        () => void reader.cancel(signal.reason).catch(() => {}),
      );
    },
    cancel: (reason) => reader.cancel(reason),
  };
}
