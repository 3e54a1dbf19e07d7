/**
 * What the tests of per-host options talk to: registries over TLS with certificates of every kind,
 * and a proxy that counts. On `node:` modules alone, for `Deno.serve` asks no client for a certificate.
 */
import { Buffer } from "node:buffer";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import type { Registry } from "../../server/mod.ts";
import { startChild } from "../peers/child.ts";
import { onPath } from "../../scripts/peers_table.ts";
import { neededPeer, requirePeers } from "../peers/locate.ts";

/** Something that listens on a free port of 127.0.0.1. */
export interface Listening {
  /** The host with its port. */
  host: string;
  /** The port. */
  port: number;
  /** From which local ports connections came, in order. */
  ports: number[];
  /** Ends it and its connections. */
  close(): Promise<void>;
}

/** Listens, and remembers who came. */
async function listening(server: net.Server): Promise<Listening> {
  const sockets = new Set<net.Socket>();
  const ports: number[] = [];
  server.on("connection", (socket: net.Socket) => {
    ports.push(socket.remotePort!);
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as net.AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    port,
    ports,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A registry, and the headers of every request to it. */
export interface TestRegistry extends Listening {
  /** The registry itself. */
  registry: Registry;
  /** The headers that came, a request each. */
  headers: http.IncomingHttpHeaders[];
}

/** Serves a registry over HTTP, or with certificates over HTTPS. */
export async function serveRegistry(
  registry: Registry,
  options?: https.ServerOptions,
): Promise<TestRegistry> {
  const headers: http.IncomingHttpHeaders[] = [];
  const answer = async (incoming: http.IncomingMessage, outgoing: http.ServerResponse) => {
    headers.push(incoming.headers);
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(piece as Buffer);
    const scheme = options === undefined ? "http" : "https";
    const response = await registry.fetch(
      new Request(`${scheme}://${incoming.headers.host}${incoming.url}`, {
        method: incoming.method!,
        headers: new Headers(incoming.headers as Record<string, string>),
        ...(pieces.length > 0 && { body: Buffer.concat(pieces) }),
      }),
    );
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  };
  const handler = (incoming: http.IncomingMessage, outgoing: http.ServerResponse) => {
    answer(incoming, outgoing).catch(() => outgoing.destroy());
  };
  const server = options === undefined
    ? http.createServer(handler)
    : https.createServer(options, handler);
  return { ...await listening(server as unknown as net.Server), registry, headers };
}

/** The first byte of a TLS handshake. */
const HANDSHAKE = 0x16;

/**
 * Serves in front of a server of TLS, and answers what is no handshake with these words or none: as
 * Go does, or Envoy, HAProxy and Node.
 */
export async function serveTlsAlone(to: Listening, words = ""): Promise<Listening> {
  return await listening(net.createServer((client) => {
    client.once("data", (first: Buffer) => {
      if (first[0] !== HANDSHAKE) return client.end(words);
      const onward = net.connect(to.port, "127.0.0.1", () => {
        onward.write(first);
        client.pipe(onward);
        onward.pipe(client);
      });
      onward.on("error", () => client.destroy());
      onward.on("close", () => client.destroy());
      client.on("close", () => onward.destroy());
    });
  }));
}

/** Refuses whoever shows no certificate; says where it listens. All clients know its curve at once. */
const REFUSAL = `
const certificates = JSON.parse(process.argv[1]);
const options = { ...certificates, requestCert: true, ecdhCurve: "X25519" };
const server = require("tls").createServer(options);
server.listen(0, "127.0.0.1", () => console.log("port " + server.address().port + ";"));
`;

/** More than any machine takes to start Node. */
const START_MS = 120_000;

/** Any Node does: the peer, or the machine's own where no peers were brought. */
const NODE = requirePeers("node24").ignore ? onPath("node") : neededPeer("node24");

/**
 * Serves TLS to clients with a certificate alone, by Node: Deno's `node:https` often closes before
 * it has sent why. `undefined` on a machine without Node.
 */
export async function serveRefusal(
  certificates: { cert: string; key: string; ca: string },
): Promise<Listening | undefined> {
  if (NODE === undefined) return undefined;
  const child = startChild(NODE, ["-e", REFUSAL, JSON.stringify(certificates)]);
  const port = Number((await child.said(/port (\d+);/, START_MS))[1]);
  return { host: `127.0.0.1:${port}`, port, ports: [], close: () => child.kill() };
}

/** The most bytes that a client sends after its first ones until a handshake is over. */
const HANDSHAKE_BYTES = 200;

/** How long a request is waited for: where none comes in time, the host's words arrive after all. */
const REQUEST_MS = 200;

/**
 * Serves in front of {@linkcode serveRefusal}, and resets each connection on which a request came:
 * what the host said of the client is lost then, as happens where it closes with the request unread.
 */
export async function serveLostRefusal(to: Listening): Promise<Listening> {
  return await listening(net.createServer((client) => {
    const onward = net.connect(to.port, "127.0.0.1");
    let sent: number | undefined; // bytes after the first ones
    client.on("data", (piece: Buffer) => {
      sent = sent === undefined ? 0 : sent + piece.length;
      onward.write(piece);
    });
    onward.on("data", (piece: Buffer) => {
      if (!sent) return client.write(piece);
      setTimeout(() => {
        if (sent! > HANDSHAKE_BYTES) client.resetAndDestroy();
        else client.end(piece);
      }, REQUEST_MS);
    });
    onward.on("error", () => {});
    client.on("close", () => onward.destroy());
  }));
}

/** Serves nothing: each connection ends with its first bytes. */
export async function serveNothing(): Promise<Listening> {
  return await listening(net.createServer((client) => {
    client.once("data", () => client.end());
  }));
}

/** What a proxy does, and how it is told. */
interface ProxySettings {
  /** The value of `Proxy-Authorization` that it wants. */
  authorization?: string;
  /** Its certificate and key, where it is spoken to over TLS. */
  tls?: { cert: string; key: string };
  /** Names it knows better than the machine. */
  names?: Record<string, string>;
  /** What listens in place of a name, on this machine. */
  ports?: Record<string, number>;
}

/** A proxy and its book. */
export interface TestProxy extends Listening {
  /** What it was asked for: `CONNECT host:port`, or a method and an absolute URL. */
  asked: string[];
  /** Its own ports towards the hosts: a host that sees others was reached around it. */
  outgoing: Set<number>;
  /** Bytes that clients sent through it. */
  sent: number;
}

/** Serves a proxy: tunnels, and plain requests with absolute URLs. */
export async function serveProxy(settings: ProxySettings = {}): Promise<TestProxy> {
  const book = { asked: [] as string[], outgoing: new Set<number>(), sent: 0 };
  const { authorization, names = {}, ports = {} } = settings;
  const refuses = ({ headers }: http.IncomingMessage) =>
    authorization !== undefined && headers["proxy-authorization"] !== authorization;

  function reach(host: string, port: number, ready: (socket: net.Socket) => void): net.Socket {
    const own = ports[host];
    const address = own === undefined ? names[host] ?? host : "127.0.0.1";
    const socket = net.connect(own ?? port, address, () => {
      book.outgoing.add(socket.localPort!);
      ready(socket);
    });
    return socket;
  }

  const handler = (incoming: http.IncomingMessage, outgoing: http.ServerResponse) => {
    book.asked.push(`${incoming.method} ${incoming.url}`);
    if (refuses(incoming)) {
      outgoing.writeHead(407, { "proxy-authenticate": "Basic" });
      return outgoing.end();
    }
    const url = new URL(incoming.url!);
    const { "proxy-authorization": _, ...headers } = incoming.headers;
    const onward = http.request({
      method: incoming.method!,
      path: url.pathname + url.search,
      headers,
      createConnection: () => reach(url.hostname, Number(url.port) || 80, () => {}),
    }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.on("data", (piece: Buffer) => book.sent += piece.length);
    incoming.pipe(onward);
  };
  const server = settings.tls === undefined
    ? http.createServer(handler)
    : https.createServer(settings.tls, handler);
  server.on("connect", (incoming: http.IncomingMessage, client: net.Socket) => {
    book.asked.push(`CONNECT ${incoming.url}`);
    if (refuses(incoming)) {
      return client.end(
        "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
      );
    }
    const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(incoming.url!)!;
    const onward = reach(host!, Number(port), (socket) => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      client.on("data", (piece: Buffer) => book.sent += piece.length);
      client.pipe(socket);
      socket.pipe(client);
    });
    onward.on("error", () => client.destroy());
    onward.on("close", () => client.destroy());
    client.on("close", () => onward.destroy());
    client.on("error", () => onward.destroy());
  });
  return Object.assign(book, await listening(server as unknown as net.Server));
}

/** How many connections reached a host around a proxy. */
export function direct(host: Listening, proxy: TestProxy): number {
  return host.ports.filter((port) => !proxy.outgoing.has(port)).length;
}
