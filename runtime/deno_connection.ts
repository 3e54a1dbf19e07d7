import { builtin } from "./builtin.ts";
import type { NodeSocket } from "./http.ts";

/** The part of `Deno.Conn` that is used: Deno's types are not there for everybody. */
interface Connection {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

interface DenoNet {
  connect(
    options: { hostname: string; port: number; signal: AbortSignal },
  ): Promise<Connection>;
  startTls(connection: Connection, options: { hostname: string }): Promise<Connection>;
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
export function denoConnection(url: URL): NodeSocket {
  const { Duplex } = builtin<NodeStream>("stream")!;
  const connecting = new AbortController();
  let connection: Connection | undefined;

  const socket = new Duplex({
    writableHighWaterMark: WRITE_BYTES,
    construct(done) {
      connect(url, connecting.signal).then((made) => {
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
  { protocol, hostname, port }: URL,
  signal: AbortSignal,
): Promise<Connection> {
  const { Deno } = globalThis as unknown as { Deno: DenoNet };
  const host = hostname.replace(/^\[|\]$/g, "");
  const tls = protocol === "https:";
  const tcp = await Deno.connect({
    hostname: host,
    port: Number(port) || (tls ? 443 : 80),
    signal,
  });
  return tls ? await Deno.startTls(tcp, { hostname: host }) : tcp;
}

async function writeAll(connection: Connection, bytes: Uint8Array): Promise<void> {
  let at = await connection.write(bytes);
  while (at < bytes.byteLength) at += await connection.write(bytes.subarray(at));
}
