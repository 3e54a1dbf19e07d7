import {
  ApiError,
  DownloadError,
  InvalidContentError,
  NetworkError,
  TimeoutError,
} from "../errors.ts";
import { type Bytes, EMPTY } from "../content/bytes.ts";
import type { Digest } from "../content/digest.ts";
import { type Piece, type PieceReader, pieceReader, stallGuard } from "../content/piece_reader.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "../transport/channel.ts";
import { responseError } from "../transport/expect.ts";
import { contentLength } from "../transport/content_encoding.ts";
import { Retries } from "../transport/retry.ts";
import { copyFields } from "../transport/header_fields.ts";
import { contentRange, otherRange, plainBody } from "./request.ts";

/** What is read: a blob, or a part of one. */
interface ResumingOptions {
  /** The blob. */
  digest: Digest;
  /** What it is called in messages. @default {the blob and its digest} */
  name?: string;
  /** The first byte that is wanted. */
  offset: number;
  /** How many bytes are wanted; all that follow when undefined. */
  length: number | undefined;
  /** How many bytes will come, where that is known. */
  size: number | undefined;
}

/** A try that brings fewer bytes than this, and less than a 64th of all, is as good as a failed one. */
const PROGRESS_BYTES = 64 * 1024;
const PROGRESS_PARTS = 64;

/**
 * Reads a blob's body, and goes on with a range request where it breaks or ends early. A registry
 * that ignores ranges and sends the whole again is read up to where it broke. A part that ends before
 * what was asked for, as some caches answer, is gone on with at once.
 */
export function resumingReader(
  channel: Channel,
  request: ChannelRequest,
  first: ChannelResponse,
  { digest, name = `the blob ${digest}`, offset, length, size }: ResumingOptions,
): PieceReader {
  const retries = new Retries(channel);
  let received = 0;
  const whole = length === undefined && offset === 0 ? size : undefined;
  /** Where the current try began, and the byte after its last, where the registry named that. */
  let began = 0;
  let announced = rangeEnd(first);
  const enough = Math.min(PROGRESS_BYTES, Math.ceil((size ?? Infinity) / PROGRESS_PARTS));
  /** How many bytes the whole has, of which a part is read: nothing else tells a part of another. */
  const total = contentRange(first.response.headers)?.total;
  let cancelled = false;
  /** What is left of a piece that did not fit into the memory that was given for it. */
  let rest = EMPTY;
  /** Made when it is first needed: until then the body can be moved whole. */
  let current: PieceReader | undefined;

  function reader(): PieceReader {
    return current ??= bodyReader(first, first.response.status === 206 ? 0 : offset);
  }

  /** The body's reader, past the bytes that were not asked for. */
  function bodyReader({ response }: ChannelResponse, skip: number): PieceReader {
    if (response.body === null) return NOTHING;
    const body = pieceReader(response.body as ReadableStream<Bytes>);
    const guarded = stallGuard(body, channel.limits, name);
    return skip === 0 ? guarded : skipBytes(guarded, skip);
  }

  async function resume(cause: unknown): Promise<void> {
    request.signal?.throwIfAborted();
    const from = offset + received;
    void reader().cancel(cause).catch(() => {});
    if (from !== announced || received - began < enough) {
      const delay = retries.failed();
      if (delay === undefined || !isBroken(cause)) throw failed(cause);
      const reason = (cause as Error).message;
      channel.emit({ type: "resume", direction: "download", digest, offset: from, reason });
      await channel.clock.sleep(delay, request.signal);
      if (cancelled) return;
    }
    began = received;
    current = await openFrom(from, cause);
    if (cancelled) await current.cancel().catch(() => {});
  }

  async function openFrom(from: number, cause: unknown): Promise<PieceReader> {
    const headers = copyFields(request.headers);
    // With its end where that is known: crane's registry takes no open range.
    const wanted = size ?? length;
    const last = wanted === undefined ? "" : String(offset + wanted - 1);
    headers.set("range", `bytes=${from}-${last}`);
    const again = { ...request, headers };
    let answer: ChannelResponse;
    try {
      answer = await channel.send(again);
    } catch (error) {
      request.signal?.throwIfAborted();
      throw failed(error);
    }
    const { status } = answer.response;
    if (status === 200 || status === 206) answer = await plainBody(answer, whole, request.what);
    const { headers: answered, body } = answer.response;
    announced = rangeEnd(answer);
    if (status === 200) return bodyReader(answer, from);
    if (status === 206) {
      const part = contentRange(answered);
      const other = part?.total !== undefined && total !== undefined && part.total !== total;
      if (part?.first === from && !(other && whole === undefined)) return bodyReader(answer, 0);
      await body?.cancel().catch(() => {});
      const message = part?.first === from
        ? `it had ${total} bytes, and has ${part.total} now`
        : otherRange(answered, from);
      throw ended(new InvalidContentError(`Cannot ${request.what}: ${message}`, { cause }));
    }
    const error = await responseError(channel, again, answer);
    if (status !== 416) throw error;
    // Of a whole blob of unknown size, all bytes may be there: its digest decides.
    if (offset === 0 && wanted === undefined) return NOTHING;
    throw ended(error);
  }

  function failed(cause: unknown): unknown {
    return cause instanceof ApiError && !isBroken(cause) ? cause : ended(cause);
  }

  function ended(cause: unknown): DownloadError {
    const of = size === undefined ? "" : ` of ${size}`;
    return new DownloadError(
      `Cannot pull ${name}: it ended after ${received}${of} bytes`,
      { cause },
    );
  }

  /** The next piece, from as many responses as it takes; in other memory after a fault. */
  async function next(view: Bytes | undefined): Promise<Piece> {
    for (;;) {
      let cause: unknown;
      try {
        // A body that is longer than the part that it says it is ends with that part; of the last one,
        // more bytes than a whole blob has are an error.
        const part = (announced ?? Infinity) - offset;
        const left = (part < (size ?? 0) ? part : length ?? Infinity) - received;
        if (left <= 0) await reader().cancel().catch(() => {});
        const piece: Piece = left > 0 ? await reader().read(view) : { done: true };
        const { done, value } = piece;
        if (!done && value !== undefined) {
          const wanted = value.byteLength > left ? value.subarray(0, left) as Bytes : value;
          received += wanted.byteLength;
          if (received - began >= enough) retries.progressed();
          return { done: false, value: wanted };
        }
        if (cancelled || size === undefined || received >= size) return piece;
        cause = new NetworkError(`the body ended after ${received} of ${size} bytes`);
      } catch (error) {
        // All bytes are there: how the connection ends is of no interest.
        if (cancelled || size !== undefined && received >= size) return { done: true };
        cause = error;
      }
      await resume(cause);
      if (cancelled) return { done: true };
      if (view?.byteLength === 0) view = undefined; // it went down with the broken body
    }
  }

  return {
    async read(view) {
      if (rest.byteLength > 0) {
        const value = rest;
        rest = EMPTY;
        return { done: false, value };
      }
      if (view === undefined) return await next(view);
      const { buffer: { byteLength: memory }, byteOffset: at, byteLength: bytes } = view;
      const piece = await next(view);
      const { done, value = EMPTY } = piece;
      const taken = view.buffer.byteLength === 0;
      const fits = value.buffer.byteLength === memory && value.byteOffset === at &&
        value.byteLength <= bytes;
      if (!taken || fits) return piece;
      // A broken body took the memory, and a byte stream takes back no other than of that shape.
      const given = new Uint8Array(new ArrayBuffer(memory), at, bytes);
      const fitting = value.subarray(0, bytes);
      given.set(fitting);
      rest = new Uint8Array(value.subarray(bytes));
      return { done, value: given.subarray(0, fitting.byteLength) };
    },
    async cancel(reason) {
      cancelled = true;
      await reader().cancel(reason).catch(() => {}); // it may have broken just now
    },
    get native() {
      const { response, movable } = first;
      if (!movable || current !== undefined || cancelled || size === undefined) return undefined;
      // Another length is one that nobody has promised; a part is not what was asked for.
      if (response.status !== 200 || offset > 0 || length !== undefined) return undefined;
      if (contentLength(response.headers) !== size || response.body === null) return undefined;
      return {
        size,
        take() {
          current = NOTHING;
          return response.body as ReadableStream<Bytes>;
        },
        moved() {},
      };
    },
  };
}

/** The byte after the last that a 206 says it holds. */
function rangeEnd({ response }: ChannelResponse): number | undefined {
  const range = response.status === 206 ? contentRange(response.headers) : undefined;
  return range && range.last + 1;
}

/** A body without bytes. */
const NOTHING: PieceReader = {
  read: () => Promise.resolve({ done: true }),
  cancel: () => Promise.resolve(),
};

/** Whether a fault is one of the connection's, so that the rest can still be fetched. */
function isBroken(error: unknown): boolean {
  if (error instanceof ApiError) {
    return error instanceof NetworkError || error instanceof TimeoutError;
  }
  return error instanceof Error && error.name !== "AbortError"; // a body stream's own error
}

/** A reader without its first bytes. */
function skipBytes(reader: PieceReader, count: number): PieceReader {
  let left = count;
  return {
    async read(view) {
      while (left > 0) {
        const { done, value } = await reader.read();
        if (done || value === undefined) break;
        if (value.byteLength > left) {
          const rest = new Uint8Array(value.subarray(left));
          left = 0;
          return { done: false, value: rest };
        }
        left -= value.byteLength;
      }
      return await reader.read(view);
    },
    cancel: (reason) => reader.cancel(reason),
  };
}
