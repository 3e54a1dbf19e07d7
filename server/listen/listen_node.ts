import { type Bytes, EMPTY } from "../../content/bytes.ts";
import { freeMemory, takeMemory } from "../../content/memory.ts";
import { InvalidOptionError } from "../../errors.ts";
import {
  type Piece,
  type PieceReader,
  pieceReader,
  readerStream,
} from "../../content/piece_reader.ts";
import { builtin } from "../../runtime/builtin.ts";
import { guarded, Refusal } from "../refusal.ts";
import { isPlainUrl } from "../request_url.ts";
import type { Listener, Tls } from "./listener.ts";

/**
 * What this needs of `node:http` and `node:https`: their types would tie the package to one runtime.
 */
interface NodeHttp {
  createServer(
    options: Partial<Tls> & { maxHeaderSize: number },
    listener: (request: NodeRequest, response: NodeResponse) => void,
  ): NodeServer;
}

interface NodeServer {
  requestTimeout: number;
  address(): { port: number };
  listen(port: number, hostname: string): void;
  once(event: "listening" | "error" | "close", listener: (error: Error) => void): void;
  close(): void;
  closeIdleConnections?(): void;
  closeAllConnections(): void;
}

interface NodeRequest {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly complete: boolean;
  on(event: "data", listener: (chunk: Bytes) => void): void;
  on(event: "end" | "close" | "error", listener: (error?: Error) => void): void;
  pause(): void;
  resume(): void;
}

interface NodeResponse {
  readonly destroyed: boolean;
  writeHead(status: number, namesAndValues: string[]): void;
  write(bytes: Uint8Array, written: (error?: Error | null) => void): boolean;
  end(bytes?: Uint8Array): void;
  destroy(): void;
  once(event: "close", listener: () => void): void;
}

/** How much of a request's body waits in memory until it is read, in bytes. */
const BODY_BUFFER_BYTES = 1024 * 1024;

/** What one read of a response's body takes. */
const PIECE_BYTES = 256 * 1024;

/** While one piece goes out, the next one is read. */
const WRITES_AT_ONCE = 2;

/** The longest headers of a request: a token of 21 KB has been seen, and Node takes 16. */
const HEADER_BYTES = 64 * 1024;

/**
 * Listens with `node:http` or `node:https`, on Node, Bun and Deno. Bodies go both ways no faster than
 * they are taken.
 *
 * @throws {InvalidOptionError} When the runtime has no `node:http` of its own.
 */
export function listenNode(
  handler: (request: Request) => Promise<Response>,
  hostname: string,
  port: number,
  tls?: Tls,
): Promise<Listener> {
  const scheme = tls === undefined ? "http" : "https";
  const http = builtin<NodeHttp>(scheme);
  if (http?.createServer === undefined) {
    throw new InvalidOptionError(
      "Cannot serve: this runtime has neither Deno.serve nor node:http; give the registry's " +
        "fetch to the runtime's own server",
    );
  }
  const server = http.createServer(
    { ...(tls && { cert: tls.cert, key: tls.key }), maxHeaderSize: HEADER_BYTES },
    (incoming, outgoing) => {
      void answer(handler, incoming, outgoing, scheme).catch(() => outgoing.destroy());
    },
  );
  // Node ends requests that take longer than five minutes: a large blob on a slow line does.
  server.requestTimeout = 0;
  const finished = new Promise<void>((resolve) => server.once("close", () => resolve()));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () =>
      resolve({
        port: server.address().port,
        finished,
        shutdown() {
          server.close();
          server.closeIdleConnections?.();
        },
        abort() {
          server.close();
          server.closeAllConnections();
        },
      }));
    server.listen(port, hostname);
  });
}

async function answer(
  handler: (request: Request) => Promise<Response>,
  incoming: NodeRequest,
  outgoing: NodeResponse,
  scheme: string,
): Promise<void> {
  const body = hasBody(incoming) ? requestBody(incoming) : undefined;
  const request = toRequest(incoming, scheme, body?.stream);
  try {
    const response = request === undefined ? malformed() : await handler(request);
    const headers: string[] = [];
    response.headers.forEach((value, name) => headers.push(name, value));
    outgoing.writeHead(response.status, headers);
    if (response.body === null || incoming.method === "HEAD") {
      outgoing.end();
      return;
    }
    const length = Number(response.headers.get("content-length") ?? Infinity);
    await writeBody(response.body as ReadableStream<Bytes>, length, outgoing);
  } finally {
    body?.drop(); // the next request on this connection comes behind it
  }
}

/** Whether a request has a body, by what it says of its length. */
function hasBody({ headers, method }: NodeRequest): boolean {
  if (method === "GET" || method === "HEAD") return false;
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"]) > 0;
}

/** The request as the platform knows it; nothing where its target, its host or its method is none. */
function toRequest(
  incoming: NodeRequest,
  scheme: string,
  body: ReadableStream<Bytes> | undefined,
): Request | undefined {
  const { method, url: target, rawHeaders, headers } = incoming;
  try {
    // In absolute form the target has a host of its own, and that one counts (RFC 9112, 3.2.2).
    const text = target.startsWith("/")
      ? `${scheme}://${headers.host || "localhost"}${target}`
      : target.replace(/^https?:/i, `${scheme}:`);
    const init: RequestInit & { duplex: "half" } = { method, duplex: "half" };
    if (body !== undefined) init.body = body;
    const request = new Request(text, init);
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      request.headers.append(rawHeaders[index]!, rawHeaders[index + 1]!);
    }
    // Of several hosts these are all, of which none is plain: Node's `headers` has the first alone.
    return isPlainUrl(text, request.headers.get("host")) ? request : undefined;
  } catch {
    return undefined;
  }
}

function malformed(): Response {
  const message = "Cannot answer: the request's target, its Host or its method is malformed";
  return guarded(new Refusal(400, "UNSUPPORTED", message).response());
}

/**
 * A request's body, straight from the connection: a stream of its own around every piece would cost a
 * fifth more. A reader's buffer is filled from all pieces that are there.
 */
function requestBody(
  incoming: NodeRequest,
): { stream: ReadableStream<Bytes>; drop: () => void } {
  let queue: Bytes[] = [];
  let held = 0;
  let state: "open" | "ended" | "dropped" = "open";
  let failure: Error | undefined;
  let wake = () => {};
  incoming.on("data", (chunk) => {
    if (state !== "open") return; // it is no longer read: what still comes is thrown away
    queue.push(chunk);
    held += chunk.byteLength;
    if (held >= BODY_BUFFER_BYTES) incoming.pause();
    wake();
  });
  const end = (error?: Error) => {
    if (state !== "open") return;
    state = "ended";
    if (!incoming.complete || error) failure = error ?? new TypeError("the connection closed");
    wake();
  };
  incoming.on("end", end);
  incoming.on("error", end);
  incoming.on("close", end);

  function fill(memory: Bytes): number {
    let count = 0;
    while (queue.length > 0 && count < memory.byteLength) {
      const part = queue[0]!.subarray(0, memory.byteLength - count) as Bytes;
      memory.set(part, count);
      count += part.byteLength;
      if (part.byteLength < queue[0]!.byteLength) {
        queue[0] = queue[0]!.subarray(part.byteLength) as Bytes;
        continue;
      }
      queue.shift();
      if (part.byteLength === part.buffer.byteLength) freeMemory(part); // no other piece is in it
    }
    held -= count;
    return count;
  }

  function drop(): void {
    state = "dropped";
    queue = [];
    held = 0;
    incoming.resume();
    wake();
  }

  const stream = readerStream({
    async read(view) {
      while (held === 0 && state === "open") await new Promise<void>((resolve) => wake = resolve);
      if (held === 0 && failure !== undefined) throw failure;
      const memory = view === undefined
        ? new Uint8Array(Math.min(held, PIECE_BYTES))
        : takeMemory(view);
      const count = fill(memory);
      if (held < BODY_BUFFER_BYTES && state === "open") incoming.resume();
      return { done: count === 0, value: memory.subarray(0, count) as Bytes };
    },
    cancel: () => Promise.resolve(drop()),
  });
  return { stream, drop };
}

/**
 * Writes a body piece by piece, from buffers that are used again once they are written: a new one for
 * each piece costs twice the time.
 */
async function writeBody(
  body: ReadableStream<Bytes>,
  length: number,
  outgoing: NodeResponse,
): Promise<void> {
  const reader = pieceReader(body);
  const read = (view: Bytes) => reader.read(view).catch((error) => ({ error }));
  const first = await read(new Uint8Array(Math.min(PIECE_BYTES, length || 1)));
  if ("value" in first && first.value?.byteLength === length) {
    outgoing.end(first.value); // most are whole in one piece
    await reader.cancel();
    return;
  }
  await writePieces(reader, first, length, outgoing);
}

/** What a read came to. */
type Read = Piece | { error: unknown };

async function writePieces(
  reader: PieceReader,
  first: Read,
  length: number,
  outgoing: NodeResponse,
): Promise<void> {
  let before: Read | undefined = first;
  const closed = new Promise<never>((_resolve, reject) => {
    outgoing.once("close", () => reject(new TypeError("the connection closed")));
  });
  closed.catch(() => {});
  /** What is being written: each gives a buffer back. */
  const writing: Promise<Bytes>[] = [];
  try {
    for (;;) {
      const view: Bytes = before !== undefined
        ? EMPTY
        : writing.length < WRITES_AT_ONCE
        ? new Uint8Array(Math.min(PIECE_BYTES, length || 1))
        : await Promise.race([writing.shift()!, closed]);
      const piece: Read = before ?? await reader.read(view);
      before = undefined;
      if ("error" in piece) throw piece.error;
      const { done, value } = piece;
      if (done || value === undefined) break;
      if (outgoing.destroyed) throw new TypeError("the connection closed");
      const tookView = view !== EMPTY && view.byteLength === 0;
      const written = write(outgoing, value).then((): Bytes =>
        tookView
          ? new Uint8Array(value.buffer)
          : view === EMPTY
          ? new Uint8Array(PIECE_BYTES)
          : view
      );
      written.catch(() => {}); // whoever waits for it is told
      writing.push(written);
    }
    await Promise.race([Promise.all(writing), closed]);
    outgoing.end();
  } catch (error) {
    // What came before the end goes out, and a body that ends early must not look whole.
    await Promise.race([Promise.allSettled(writing), closed]).catch(() => {});
    outgoing.destroy();
    await reader.cancel(error).catch(() => {});
  }
}

function write(outgoing: NodeResponse, bytes: Bytes): Promise<void> {
  return new Promise((resolve, reject) => {
    outgoing.write(bytes, (error) => error ? reject(error) : resolve());
  });
}
