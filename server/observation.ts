import type { Bytes } from "../content/bytes.ts";
import { type PieceReader, pieceReader, readerStream } from "../content/piece_reader.ts";
import { countReads } from "../stores/file_stream.ts";

/** One request that a registry saw. */
export interface ObservedRequest {
  /** The method. */
  readonly method: string;
  /** Where it went: `http://registry.test`; a registry can have several origins. */
  readonly origin: string;
  /** The path with its query, as it came. */
  readonly path: string;
  /** The headers by their lower-case names; those with secrets say `present`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The response's status; 0 until it is known. */
  readonly status: number;
  /** How many bytes of the request's body were read so far. */
  readonly bytesIn: number;
  /** How many bytes of the response's body were read so far; for HEAD none. */
  readonly bytesOut: number;
}

const SECRET_HEADERS = ["authorization", "cookie", "proxy-authorization"];

const observations = new WeakMap<ObservedRequest, Observation>();

/** Fills in what is seen of one request. */
export class Observation {
  /** What was seen so far. */
  readonly seen: { -readonly [Key in keyof ObservedRequest]: ObservedRequest[Key] };
  /** What counts the body of the response; an older one counts no more. */
  #counter: symbol | undefined;
  #own: Response | undefined;

  /** What is known of a request before it is handled. */
  constructor(request: Request, url: URL | undefined) {
    const headers: Record<string, string> = {};
    // Not `for … of`: on Deno (2.9) each of its steps sorts all headers anew.
    request.headers.forEach((value, name) => {
      headers[name] = SECRET_HEADERS.includes(name) ? "present" : value;
    });
    this.seen = {
      method: request.method,
      origin: url?.origin ?? "",
      path: url === undefined ? request.url : url.pathname + url.search,
      headers,
      status: 0,
      bytesIn: 0,
      bytesOut: 0,
    };
    observations.set(this.seen, this);
  }

  /** The observation that fills something in. */
  static of(seen: ObservedRequest): Observation {
    return observations.get(seen)!;
  }

  /** Counts what is read of the request's body. */
  countIn(reader: PieceReader): PieceReader {
    return counted(reader, (count) => this.seen.bytesIn += count);
  }

  /** Counts what is read of a body that streams; of one that wraps another, the outer one counts. */
  countOut(stream: ReadableStream<Bytes>): ReadableStream<Bytes> {
    const counter = this.#counter = Symbol();
    this.seen.bytesOut = 0;
    const onBytes = (count: number) => {
      if (counter === this.#counter) this.seen.bytesOut += count;
    };
    return countReads(stream, onBytes) ? stream : countBytes(stream, onBytes);
  }

  /** The registry's own response: a body of it that is not counted goes out at once. */
  async own(answer: () => Promise<Response>): Promise<Response> {
    this.#counter = undefined;
    return this.#own = await answer();
  }

  /** Notes what is answered in the end, and counts what is read of a body that middleware made. */
  finish(response: Response): Response {
    const { status, headers, body } = response;
    const own = this.#own;
    this.#own = undefined; // what was seen is kept for long, and would keep the response with it
    this.seen.status = status;
    if (body === null) return response;
    if (response === own) {
      if (this.#counter === undefined) this.seen.bytesOut = Number(headers.get("content-length"));
      return response;
    }
    const counted = this.countOut(body as ReadableStream<Bytes>);
    return counted === body ? response : new Response(counted, response);
  }
}

/** The same stream, counted as it is read: a `TransformStream` would copy everything once more. */
export function countBytes(
  stream: ReadableStream<Bytes>,
  onBytes: (count: number) => void,
): ReadableStream<Bytes> {
  return readerStream(counted(pieceReader(stream), onBytes));
}

function counted(reader: PieceReader, onBytes: (count: number) => void): PieceReader {
  return {
    async read(view) {
      const piece = await reader.read(view);
      onBytes(piece.value?.byteLength ?? 0);
      return piece;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}
