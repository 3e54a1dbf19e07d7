/** A registry of handlers for the tests of endpoints: no sockets, no time, every request counted. */
import { assertEquals } from "@std/assert";
import { type ApiError, NetworkError } from "../errors.ts";
import type { DavitEvent } from "../events.ts";
import { type Bytes, concatBytes } from "../content/bytes.ts";
import { DEFAULT_LIMITS, type Limits } from "../content/limits.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import { type Channel, type ChannelRequest, compose, type Send } from "../transport/channel.ts";
import { countedOpen, FakeClock } from "../transport/fake_send_test.ts";
import { checkedReader } from "../transport/checked_reader.ts";
import { redirect } from "../transport/redirect.ts";
import { retry } from "../transport/retry.ts";
import type { RetryPolicy } from "../transport/retry_policy.ts";
import { untilAborted } from "../transport/until_aborted.ts";

/** The registry that the tests talk to. */
export const ORIGIN = "https://registry.test";

/** A request as a handler sees it. */
export class Seen {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  /** `METHOD /path?query`; the whole URL where it is another origin's. */
  readonly line: string;
  #reader: PieceReader | undefined;
  #pieces: Bytes[] = [];

  constructor(readonly request: ChannelRequest, reader: PieceReader | undefined) {
    this.method = request.method;
    this.url = request.url;
    this.headers = new Headers([...request.headers]);
    const { origin, pathname, search, href } = request.url;
    this.line = `${request.method} ${origin === ORIGIN ? pathname + search : href}`;
    this.#reader = reader;
  }

  /** What has been read of the body. */
  get body(): Bytes {
    return concatBytes(this.#pieces);
  }

  /** What has been read of the body, as text. */
  get text(): string {
    return new TextDecoder().decode(this.body);
  }

  /** Reads the body to its end, or until there are so many bytes. */
  async read(count = Infinity): Promise<Bytes> {
    while (this.#reader !== undefined && this.body.byteLength < count) {
      const { done, value } = await this.#reader.read(new Uint8Array(64 * 1024));
      if (done) this.#reader = undefined;
      else this.#pieces.push(value!.slice());
    }
    return this.body;
  }

  /** Lets go of the rest of the body. */
  async cancel(reason?: unknown): Promise<void> {
    await this.#reader?.cancel(reason).catch(() => {}); // it may have broken already
    this.#reader = undefined;
  }
}

/** A class of davit's errors, for tables. */
// deno-lint-ignore no-explicit-any
export type ErrorClass = new (...args: any[]) => ApiError;

/** Answers a request. What it throws is the connection's failure. */
export type Handler = (seen: Seen) => Response | Promise<Response>;

/** How a {@linkcode fakeRegistry} differs from the usual. */
export interface FakeOptions {
  origin?: string;
  limits?: Limits;
  retry?: Partial<RetryPolicy>;
  streams?: boolean;
  /** Whether responses' bodies are byte streams. @default {true} */
  byteStreams?: boolean;
}

/** A channel to a handler, with the middleware of a real one but for authentication. */
export function fakeRegistry(handler: Handler, options: FakeOptions = {}) {
  const seen: Seen[] = [];
  const events: DavitEvent[] = [];
  const clock = new FakeClock();
  const open = { bodies: 0 };
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const policy = { maxAttempts: 3, minDelay: 100, maxDelay: 1_000, ...options.retry };
  const emit = (event: DavitEvent) => void events.push(event);

  const wire: Send = async (request) => {
    request.signal?.throwIfAborted();
    const exchange = new Seen(request, await bodyReader(request));
    seen.push(exchange);
    try {
      const answered = await untilAborted(Promise.resolve(handler(exchange)), request.signal);
      if (answered.status < 300) await untilAborted(exchange.read(), request.signal);
      const response = countedOpen(answered, open, options.byteStreams ?? true);
      return { response, url: request.url, hops: [] };
    } finally {
      await exchange.cancel(request.signal?.reason);
    }
  };

  const channel: Channel = {
    origin: options.origin ?? ORIGIN,
    send: compose(retry({ retry: policy, limits, clock, emit, random: () => 1 }), redirect(limits))(
      wire,
    ),
    streams: options.streams ?? true,
    limits,
    retry: policy,
    clock,
    capabilities: {},
    emit,
  };

  return {
    channel,
    seen,
    events,
    clock,
    /** The requests so far, as `METHOD /path?query`. */
    lines: () => seen.map(({ line }) => line),
    of: <T extends DavitEvent["type"]>(type: T) =>
      events.filter((event): event is DavitEvent & { type: T } => event.type === type),
    /** Fails when a response's body was neither read to its end nor cancelled. */
    assertClosed: () => assertEquals(open.bodies, 0, "bodies left open"),
  };
}

/** A handler that takes one step for each request; `Error`s are the connection's. */
export function steps(...all: (Response | Error | Handler)[]): Handler {
  let at = 0;
  return (seen) => {
    const step = all[at++];
    if (step === undefined) throw new Error(`unexpected ${seen.line}`);
    if (step instanceof Error) throw step;
    return typeof step === "function" ? step(seen) : step;
  };
}

/** A JSON response. */
export function json(value: unknown, headers: HeadersInit = {}, status = 200): Response {
  return new Response(JSON.stringify(value), { status, headers });
}

/** An error response as the specification has it. */
export function failure(status: number, code: string, headers: HeadersInit = {}): Response {
  return json({ errors: [{ code, message: code.toLowerCase() }] }, headers, status);
}

/** A broken connection. */
export function reset(): NetworkError {
  return new NetworkError("the connection was reset");
}

/** A body that gives some bytes and then breaks, ends or stands still. */
export function brokenBody(
  bytes: Uint8Array,
  then: Error | "end" | "stall" = new TypeError("the connection was reset"),
): ReadableStream<Bytes> {
  let given = false;
  return new ReadableStream<Bytes>({
    pull(controller) {
      if (!given && bytes.byteLength > 0) {
        given = true;
        return controller.enqueue(bytes.slice());
      }
      if (then === "end") return controller.close();
      if (then === "stall") return new Promise(() => {});
      throw then;
    },
  }, { highWaterMark: 0 });
}

/** Bytes that differ from place to place. */
export function sample(size: number): Bytes {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = i * 7 + (i >> 8) * 13;
  return bytes;
}

async function bodyReader(request: ChannelRequest): Promise<PieceReader | undefined> {
  const { body, what, signal } = request;
  if (body === undefined) return undefined;
  // What is at hand is sent as it is, without being opened.
  if (body.blob !== undefined) return pieceReader(body.blob.stream());
  return await checkedReader(body, what, signal);
}
