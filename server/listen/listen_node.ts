import type { Bytes } from "../../content/bytes.ts";
import { InvalidOptionError } from "../../errors.ts";
import { pieceReader } from "../../content/piece_reader.ts";
import { builtin } from "../../runtime/builtin.ts";
import { guarded, Refusal } from "../refusal.ts";
import { requestUrl } from "../request_url.ts";
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
  readonly complete: boolean;
  on(event: "data", listener: (chunk: Bytes) => void): void;
  on(event: "end" | "close" | "error", listener: (error?: Error) => void): void;
  pause(): void;
  resume(): void;
}

interface NodeResponse {
  readonly destroyed: boolean;
  writeHead(status: number, headers: Record<string, string>): void;
  write(bytes: Uint8Array, written: (error?: Error | null) => void): boolean;
  end(): void;
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
 * @throws {InvalidOptionError} When the runtime has no `node:http`.
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
  const request = toRequest(incoming, scheme);
  const response = request === undefined ? malformed() : await handler(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null || incoming.method === "HEAD") {
    outgoing.end();
    return;
  }
  const length = Number(response.headers.get("content-length") ?? Infinity);
  await writeBody(response.body as ReadableStream<Bytes>, length, outgoing);
}

/** The request as the platform knows it; nothing where its target, its host or its method is none. */
function toRequest(incoming: NodeRequest, scheme: string): Request | undefined {
  const { method, url: target, rawHeaders } = incoming;
  try {
    const headers = new Headers();
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      headers.append(rawHeaders[index]!, rawHeaders[index + 1]!);
    }
    const host = headers.get("host");
    // In absolute form the target has a host of its own, and that one counts (RFC 9112, 3.2.2).
    const text = target.startsWith("/")
      ? `${scheme}://${host || "localhost"}${target}`
      : target.replace(/^https?:/i, `${scheme}:`);
    const url = requestUrl(text, host);
    if (url === undefined) return undefined;
    const hasBody = method !== "GET" && method !== "HEAD" &&
      (headers.has("transfer-encoding") || Number(headers.get("content-length")) > 0);
    const init: RequestInit & { duplex: "half" } = { method, headers, duplex: "half" };
    if (hasBody) init.body = requestBody(incoming);
    return new Request(url, init);
  } catch {
    return undefined;
  }
}

function malformed(): Response {
  const message = "Cannot answer: the request's target, its Host or its method is malformed";
  return guarded(new Refusal(400, "UNSUPPORTED", message).response());
}

function requestBody(incoming: NodeRequest): ReadableStream<Bytes> {
  return new ReadableStream({
    start(controller) {
      let open = true;
      incoming.on("data", (chunk) => {
        if (!open) return; // it is no longer read: what still comes is thrown away
        try {
          controller.enqueue(chunk);
        } catch {
          open = false;
          return;
        }
        if (controller.desiredSize! <= 0) incoming.pause();
      });
      const end = (error?: Error) => {
        if (!open) return;
        open = false;
        try {
          if (incoming.complete && error === undefined) controller.close();
          else controller.error(error ?? new TypeError("the connection closed"));
        } catch { /* cancelled meanwhile */ }
      };
      incoming.on("end", end);
      incoming.on("error", end);
      incoming.on("close", end);
      incoming.pause();
    },
    pull: () => incoming.resume(),
    cancel: () => incoming.resume(),
  }, { highWaterMark: BODY_BUFFER_BYTES, size: (chunk) => chunk.byteLength });
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
  const closed = new Promise<never>((_resolve, reject) => {
    outgoing.once("close", () => reject(new TypeError("the connection closed")));
  });
  closed.catch(() => {});
  /** What is being written: each gives a buffer back. */
  const writing: Promise<Bytes>[] = [];
  try {
    for (;;) {
      const view: Bytes = writing.length < WRITES_AT_ONCE
        ? new Uint8Array(Math.min(PIECE_BYTES, length || 1))
        : await Promise.race([writing.shift()!, closed]);
      const { done, value } = await reader.read(view);
      if (done || value === undefined) break;
      if (outgoing.destroyed) throw new TypeError("the connection closed");
      const tookView = view.byteLength === 0;
      const written = write(outgoing, value).then((): Bytes =>
        tookView ? new Uint8Array(value.buffer) : view
      );
      written.catch(() => {}); // whoever waits for it is told
      writing.push(written);
    }
    await Promise.race([Promise.all(writing), closed]);
    outgoing.end();
  } catch (error) {
    outgoing.destroy(); // a body that ends early must not look whole
    await reader.cancel(error).catch(() => {});
  }
}

function write(outgoing: NodeResponse, bytes: Bytes): Promise<void> {
  return new Promise((resolve, reject) => {
    outgoing.write(bytes, (error) => error ? reject(error) : resolve());
  });
}
