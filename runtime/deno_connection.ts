import { builtin } from "./builtin.ts";
import type { NodeSocket } from "./http.ts";
import { ProxyFailure } from "./proxy_failure.ts";
import { connectAnswer, connectRequest, type ProxyServer } from "./proxy_tunnel.ts";
import type { TlsSettings } from "./tls_trust.ts";

/** The part of `Deno.Conn` that is used: Deno's types are not there for everybody. */
interface Connection {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

interface Address {
  hostname: string;
  port: number;
  signal: AbortSignal;
}

interface DenoNet {
  connect(options: Address): Promise<Connection>;
  connectTls(
    options: Address & { caCerts?: string[]; cert: string; key: string },
  ): Promise<Connection>;
  startTls(
    connection: Connection,
    options: { hostname: string; caCerts?: string[] },
  ): Promise<Connection>;
}

/** How a connection is made, where nothing but its URL does not say it. */
interface DenoConnectionOptions {
  /** What TLS is made with. Through a proxy a client certificate cannot be shown. */
  tls?: TlsSettings;
  /**
   * The host's addresses, where they were checked: one of them is connected to, whatever the name says
   * by now. Not with a client certificate, which goes by name alone; nor where the program may connect
   * to the name alone (`--allow-net=registry.example.com`), which Deno then looks after.
   */
  addresses?: readonly string[];
  /** The proxy, spoken to without TLS: a tunnel for https, else a connection to the proxy itself. */
  proxy?: ProxyServer;
}

type Done = (error?: unknown) => void;

interface Duplex extends NodeSocket {
  push(bytes: Uint8Array | null): void;
  once(event: string, listener: () => void): void;
  end(): void;
  destroy(error?: unknown): unknown;
  writableFinished: boolean;
}

interface NodeStream {
  Duplex: new (options: {
    writableHighWaterMark: number;
    construct(done: Done): void;
    read(this: Duplex): void;
    write(bytes: Uint8Array, encoding: string, done: Done): void;
    final(done: Done): void;
    destroy(error: unknown, done: Done): void;
  }) => Duplex;
}

/** What one read from the connection takes at most. */
const READ_BYTES = 64 * 1024;

/** How much may wait to be written before `write` asks its caller to wait. */
const WRITE_BYTES = 1024 * 1024;

/**
 * A connection that `node:http` can use, made by Deno itself. Deno's own `node:https` asks for the
 * whole `--allow-sys`, and trusts other certificates than `fetch` does: not those of `--cert` and
 * `DENO_TLS_CA_STORE`. This one needs `--allow-net` and trusts what `fetch` trusts.
 */
export function denoConnection(url: URL, options: DenoConnectionOptions = {}): NodeSocket {
  const { Duplex } = builtin<NodeStream>("stream")!;
  const connecting = new AbortController();
  let connection: Connection | undefined;

  const socket = new Duplex({
    writableHighWaterMark: WRITE_BYTES,
    construct(done) {
      connect(url, connecting.signal, options).then((made) => {
        connection = made;
        done();
      }, done);
    },
    read() {
      const into = new Uint8Array(READ_BYTES);
      connection!.read(into).then(
        (count) => this.push(count === null ? null : into.subarray(0, count)),
        (error) => this.destroy(error),
      );
    },
    write(bytes, _encoding, done) {
      writeAll(connection!, bytes).then(() => done(), done);
    },
    final(done) {
      connection!.closeWrite().then(() => done(), done);
    },
    destroy(error, done) {
      connection?.close();
      done(error);
    },
  });

  // What `node:http` expects of a socket besides.
  const itself = (): NodeSocket => socket;
  const destroy = socket.destroy.bind(socket);
  return Object.assign(socket, {
    // A stream is destroyed once it is constructed: in vain to wait for a host that does not answer.
    destroy(error?: unknown) {
      if (connection === undefined) connecting.abort();
      return destroy(error);
    },
    destroySoon() {
      socket.end();
      if (socket.writableFinished) socket.destroy();
      else socket.once("finish", () => socket.destroy());
    },
    ref: itself,
    setKeepAlive: itself,
    setNoDelay: itself,
    setTimeout: itself,
    unref: itself,
  });
}

async function connect(
  url: URL,
  signal: AbortSignal,
  { tls, proxy, addresses = [] }: DenoConnectionOptions,
): Promise<Connection> {
  const { Deno } = globalThis as unknown as { Deno: DenoNet };
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const secure = url.protocol === "https:";
  const address = { hostname, port: Number(url.port) || (secure ? 443 : 80), signal };
  const caCerts = tls?.ca && { caCerts: [...tls.ca] };
  if (proxy !== undefined) {
    const tcp = await connectProxy(proxy, signal);
    if (!secure) return tcp;
    await openTunnel(tcp, url, proxy, signal);
    return await Deno.startTls(tcp, { hostname, ...caCerts });
  }
  const { cert, key } = tls ?? {};
  if (secure && cert !== undefined && key !== undefined) {
    return await Deno.connectTls({ ...address, ...caCerts, cert, key });
  }
  const tcp = await connectHost(address, addresses);
  return secure ? await Deno.startTls(tcp, { hostname, ...caCerts }) : tcp;
}

/** Connects to the first of the addresses that answers; by name where there are none. */
async function connectHost(byName: Address, addresses: readonly string[]): Promise<Connection> {
  const { Deno } = globalThis as unknown as { Deno: DenoNet };
  let failure: unknown;
  for (const hostname of addresses) {
    try {
      return await Deno.connect({ ...byName, hostname });
    } catch (error) {
      failure = error;
      if (byName.signal.aborted || (error as Error).name === "NotCapable") break;
    }
  }
  if (failure === undefined || (failure as Error).name === "NotCapable") {
    return await Deno.connect(byName);
  }
  throw failure;
}

async function connectProxy(
  { host, hostname, port }: ProxyServer,
  signal: AbortSignal,
): Promise<Connection> {
  const { Deno } = globalThis as unknown as { Deno: DenoNet };
  try {
    return await Deno.connect({ hostname, port, signal });
  } catch (cause) {
    if ((cause as Error).name === "NotCapable") throw cause;
    throw new ProxyFailure((cause as Error).message, { host, cause });
  }
}

async function openTunnel(
  tcp: Connection,
  url: URL,
  proxy: ProxyServer,
  signal: AbortSignal,
): Promise<void> {
  // What ends the wait for a proxy that does not answer is the end of its connection.
  const end = (): void => tcp.close();
  signal.addEventListener("abort", end, { once: true });
  try {
    await writeAll(tcp, new TextEncoder().encode(connectRequest(url, proxy)));
    const answered = connectAnswer(proxy);
    const into = new Uint8Array(READ_BYTES);
    for (let done = false; !done;) {
      const count = await tcp.read(into);
      if (count === null) throw new Error("it closed the connection");
      done = answered(into.subarray(0, count));
    }
  } catch (cause) {
    if (!signal.aborted) tcp.close();
    if (cause instanceof ProxyFailure) throw cause;
    throw new ProxyFailure((cause as Error).message, { host: proxy.host, cause });
  } finally {
    signal.removeEventListener("abort", end);
  }
}

async function writeAll(connection: Connection, bytes: Uint8Array): Promise<void> {
  let at = await connection.write(bytes);
  while (at < bytes.byteLength) at += await connection.write(bytes.subarray(at));
}
