import { builtin } from "./builtin.ts";
import type { NodeAgent, NodeAgentOptions, NodeSocket, NodeTlsOptions } from "./http.ts";
import { ProxyFailure } from "./proxy_failure.ts";
import { connectAnswer, connectRequest, type ProxyServer } from "./proxy_tunnel.ts";

interface Socket extends NodeSocket {
  on(event: string, listener: (value: never) => void): unknown;
  removeAllListeners(event?: string): unknown;
  setTimeout(milliseconds: number): unknown;
  read(): Uint8Array | null;
  write(text: string): unknown;
}

type Connected = (error: Error | null, socket?: NodeSocket) => void;

interface Target {
  host: string;
  port: number | string;
}

interface TunnelAgent extends NodeAgent {
  createConnection(target: Target, done: Connected): void;
}

interface Net {
  connect(options: Target): Socket;
  isIP(host: string): number;
}

interface Tls {
  connect(
    options: NodeTlsOptions & Partial<Target> & { servername: string; socket?: Socket },
  ): Socket;
}

/** Options of {@linkcode proxyAgent}. */
interface ProxyAgentOptions extends NodeAgentOptions {
  /** How long the proxy may take to make a tunnel, in milliseconds. */
  tunnelTimeout: number;
  /** What a connection with TLS to the proxy itself is made with. */
  proxyTls: NodeTlsOptions;
}

/**
 * A `node:https` agent whose connections are tunnels through a proxy. Its errors are
 * {@linkcode ProxyFailure}, where the proxy is to blame.
 */
export function proxyAgent(proxy: ProxyServer, options: ProxyAgentOptions): NodeAgent {
  const { tunnelTimeout, proxyTls, ca, cert, key, rejectUnauthorized, ...settings } = options;
  const tlsOptions = defined({ ca, cert, key, rejectUnauthorized });
  const { Agent } = builtin<{ Agent: new (options: NodeAgentOptions) => TunnelAgent }>("https")!;
  const tls = builtin<Tls>("tls")!;
  const agent = new Agent(settings);
  agent.createConnection = (target, done) => {
    tunnel(proxy, target, { tunnelTimeout, proxyTls }, (error, socket) => {
      if (error !== null) return done(error);
      const { host } = target;
      try {
        done(null, tls.connect({ ...tlsOptions, socket: socket as Socket, host, ...named(host) }));
      } catch (cause) {
        socket!.destroy();
        done(cause as Error);
      }
    });
  };
  return agent;
}

function tunnel(
  proxy: ProxyServer,
  { host, port }: Target,
  { tunnelTimeout, proxyTls }: Pick<ProxyAgentOptions, "proxyTls" | "tunnelTimeout">,
  done: Connected,
): void {
  const socket = proxySocket(proxy, proxyTls);
  const answered = connectAnswer(proxy);
  let over = false;

  function finish(error: Error | null): void {
    if (over) return;
    over = true;
    socket.setTimeout(0);
    for (const event of ["readable", "end", "close", "timeout"]) socket.removeAllListeners(event);
    // What fails from now on, fails the TLS connection in it, which tells.
    if (error === null) return done(null, socket);
    socket.destroy();
    done(error);
  }

  function fail(message: string, cause?: unknown): void {
    finish(new ProxyFailure(message, { host: proxy.host, ...(cause !== undefined && { cause }) }));
  }

  socket.on(
    "error",
    (cause: Error) => fail(cause.message || (cause as { code?: string }).code!, cause),
  );
  socket.on("end", () => fail("it closed the connection"));
  socket.on("close", () => fail("it closed the connection"));
  socket.on("timeout", () => fail(`it made no tunnel within ${tunnelTimeout} ms`));
  socket.on("readable", () => {
    try {
      for (let piece = socket.read(); piece !== null; piece = socket.read()) {
        if (answered(piece)) return finish(null);
      }
    } catch (error) {
      finish(error as Error);
    }
  });
  socket.setTimeout(tunnelTimeout);
  const authority = new URL("https://host");
  authority.hostname = host.includes(":") ? `[${host}]` : host;
  authority.port = String(port);
  socket.write(connectRequest(authority, proxy));
}

/** A connection to the proxy itself. */
function proxySocket({ hostname: host, port, tls }: ProxyServer, options: NodeTlsOptions): Socket {
  if (!tls) return builtin<Net>("net")!.connect({ host, port });
  return builtin<Tls>("tls")!.connect({ ...defined(options), host, port, ...named(host) });
}

/** The name that a server is asked for: an address is none. */
function named(host: string): { servername: string } {
  return { servername: builtin<Net>("net")!.isIP(host) === 0 ? host : "" };
}

function defined(options: NodeTlsOptions): NodeTlsOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
