import type { Bytes } from "../../content/bytes.ts";
import { InvalidOptionError } from "../../errors.ts";
import { builtin } from "../../runtime/builtin.ts";
import type { Listener, Tls } from "./listener.ts";

/**
 * What this needs of `node:http` and `node:https`: their types would tie the package to one runtime.
 */
interface NodeHttp {
  createServer(
    options: Partial<Tls>,
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
  readonly headers: { host?: string };
  readonly complete: boolean;
  on(event: "data", listener: (chunk: Bytes) => void): void;
  on(event: "end" | "close" | "error", listener: (error?: Error) => void): void;
  pause(): void;
  resume(): void;
}

interface NodeResponse {
  readonly destroyed: boolean;
  writeHead(status: number, headers: Record<string, string>): void;
  write(bytes: Uint8Array): boolean;
  end(): void;
  destroy(): void;
  once(event: "drain" | "close", listener: () => void): void;
  off(event: "drain" | "close", listener: () => void): void;
}

/** How much of a request's body waits in memory until it is read, in bytes. */
const BODY_BUFFER_BYTES = 1024 * 1024;

/**
 * Listens with `node:http` or `node:https`, on Node and Bun. Bodies go both ways no faster than
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
    { ...(tls && { cert: tls.cert, key: tls.key }) },
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
  const response = request === undefined
    ? new Response(null, { status: 400, headers: { "content-length": "0" } })
    : await handler(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null || incoming.method === "HEAD") {
    outgoing.end();
    return;
  }
  await writeBody(response.body as ReadableStream<Bytes>, outgoing);
}

/** The request as the platform knows it; nothing where its target or its method is none. */
function toRequest(incoming: NodeRequest, scheme: string): Request | undefined {
  const { method, url, headers: { host }, rawHeaders } = incoming;
  if (!url.startsWith("/")) return undefined;
  try {
    const headers = new Headers();
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      headers.append(rawHeaders[index]!, rawHeaders[index + 1]!);
    }
    const hasBody = method !== "GET" && method !== "HEAD" &&
      (headers.has("transfer-encoding") || Number(headers.get("content-length")) > 0);
    const init: RequestInit & { duplex: "half" } = { method, headers, duplex: "half" };
    if (hasBody) init.body = requestBody(incoming);
    return new Request(`${scheme}://${host ?? "localhost"}${url}`, init);
  } catch {
    return undefined;
  }
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

async function writeBody(body: ReadableStream<Bytes>, outgoing: NodeResponse): Promise<void> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (outgoing.destroyed) throw new TypeError("the connection closed");
      if (!outgoing.write(value)) await drained(outgoing);
    }
    outgoing.end();
  } catch (error) {
    outgoing.destroy(); // a body that ends early must not look whole
    await reader.cancel(error).catch(() => {});
  }
}

function drained(outgoing: NodeResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      outgoing.off("drain", done);
      outgoing.off("close", done);
      resolve();
    };
    outgoing.once("drain", done);
    outgoing.once("close", done);
  });
}
