import type { Bytes } from "../../content/bytes.ts";
import { servedStream } from "../../stores/file_stream.ts";
import type { Listener, Tls } from "./listener.ts";
import { endWith } from "./request_end.ts";

interface DenoServer {
  addr: { port: number };
  finished: Promise<void>;
}

interface DenoServe {
  serve(
    options: {
      hostname: string;
      port: number;
      cert?: string;
      key?: string;
      signal: AbortSignal;
      onListen: () => void;
      onError: () => Response;
    },
    handler: (request: Request, info: { completed: Promise<void> }) => Promise<Response>,
  ): DenoServer;
}

/**
 * Listens with Deno's own server.
 *
 * Its graceful `shutdown` cannot be cut short any more (2.9: the signal then throws), and waits for
 * clients that never read. So this counts what runs, and ends the server abruptly once nothing does.
 */
export function listenDeno(
  handler: (request: Request) => Promise<Response>,
  hostname: string,
  port: number,
  tls?: Tls,
): Promise<Listener> {
  const { serve } = (globalThis as unknown as { Deno: DenoServe }).Deno;
  const controller = new AbortController();
  const options = {
    hostname,
    port,
    ...(tls && { cert: tls.cert, key: tls.key }),
    signal: controller.signal,
    // Without these two, Deno prints: where it listens, and whatever fails.
    onListen: () => {},
    onError: () => new Response(null, { status: 500 }),
  };
  let running = 0;
  let closing = false;

  function done(): void {
    running--;
    if (closing && running === 0) controller.abort();
  }

  return new Promise((resolve) => {
    const server = serve(options, async (request, info) => {
      if (closing) return new Response(null, { status: 503, headers: { connection: "close" } });
      running++;
      endWith(request, controller.signal);
      info.completed.then(done, done);
      return served(await handler(request));
    });
    resolve({
      port: server.addr.port,
      finished: server.finished,
      shutdown() {
        closing = true;
        if (running === 0) controller.abort();
      },
      abort: () => controller.abort(),
    });
  });
}

/** The response as this server sends it fastest. */
function served(response: Response): Response {
  const body = response.body && servedStream(response.body as ReadableStream<Bytes>);
  if (!body) return response;
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}
