import { type Bytes, concatBytes } from "../content/bytes.ts";
import type { Limits } from "../content/limits.ts";
import { type PieceReader, pieceReader, readAll, stallGuard } from "../content/piece_reader.ts";
import type { Channel, ChannelRequest } from "./channel.ts";
import { contentLength, plainJson } from "./content_encoding.ts";
import { bodyFailure } from "./send_failure.ts";
import { untilAborted } from "./until_aborted.ts";

/** What a body's reading needs of the request that it answers. */
export type ReadFor = Pick<ChannelRequest, "url" | "what" | "signal">;

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
  request: ReadFor,
): Promise<Bytes> {
  if (response.body === null) return new Uint8Array(0);
  const reader = bodyReader(response, channel.limits, what, request.signal);
  const most = { name: limit, bytes: channel.limits[limit], what };
  try {
    const expected = Math.min(contentLength(response.headers) ?? 0, most.bytes);
    const bytes = await readAll(reader, most, expected);
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

/** Reads a response's body, until the signal ends it or it stands still. */
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
      if (signal.aborted) await reader.cancel(signal.reason).catch(() => {});
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
