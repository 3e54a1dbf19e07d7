import { builtin, runtimeName } from "./builtin.ts";
import {
  type NodeHttp,
  nodeHttp,
  type NodeLookup,
  type NodeRequest,
  type NodeRequestOptions,
  type NodeResponse,
  type NodeTlsOptions,
} from "./http.ts";
import { readHead, requestHead, type ResponseHead } from "./response_head.ts";

/** GETs and HEADs over connections of davit's own. */
export interface DirectGets {
  /** Starts a request: as `node:http` does, but that its `data` is gone after each event. */
  request: NodeHttp["request"];
  /** Closes the connections that are idle. */
  close(): void;
}

/** Options of {@linkcode directGets}. */
interface DirectGetsOptions extends NodeTlsOptions {
  /** How long a connection may be idle, in milliseconds. */
  idleTimeout: number;
}

/**
 * What one read takes at most. `node:http` makes a buffer of 64 KiB for each, here there is one. Bun
 * reads 512 KiB at a time whatever it is given; on Node pieces of that size double the peak memory.
 */
const BUFFER_BYTES = runtimeName() === "bun" ? 512 * 1024 : 128 * 1024;

interface NodeBuffer extends Uint8Array {
  subarray(start?: number, end?: number): NodeBuffer;
  toString(encoding?: "latin1", start?: number, end?: number): string;
}

interface Socket {
  readonly destroyed: boolean;
  on(event: string, listener: (error: Error) => void): unknown;
  write(text: string, encoding: "latin1"): boolean;
  resume(): unknown;
  destroy(): unknown;
  ref(): unknown;
  unref(): unknown;
  setTimeout(milliseconds: number): unknown;
}

interface Net {
  connect(options: ConnectOptions): Socket;
  isIP(host: string): number;
}

interface ConnectOptions extends NodeTlsOptions {
  host: string;
  port: number;
  servername?: string;
  ALPNProtocols?: string[];
  lookup?: NodeLookup;
  onread: { buffer: NodeBuffer; callback(bytes: number, buffer: NodeBuffer): boolean };
}

/** A connection, and what its bytes and its end mean at the moment. */
interface Connection {
  socket: Socket;
  /** The addresses of its host that were checked. */
  addresses: string;
  /** Whether it waits for its next request. */
  idle: boolean;
  /** Takes bytes, which are gone afterwards; answers whether more may come. */
  receive(bytes: NodeBuffer): boolean;
  /** It is closed. */
  closed(error: Error): void;
}

interface Emitter {
  on(event: string, listener: (value: never) => void): unknown;
  emit(event: string, value?: unknown): void;
}

/**
 * HTTP/1.1 GETs of large bodies for Node and Bun, whose `node:http` makes a buffer for each 64 KiB:
 * here all bytes come into one, from where the reader copies them to where they are wanted. HEADs go
 * the same way: a thousand of them cost half the processor time of `node:http`. A
 * response whose head says anything out of the ordinary is left to `node:http`, which asks for it
 * once more, as is all that the origin is asked for from then on, unless it was a refusal.
 */
export function directGets(
  protocol: string,
  { idleTimeout, ...tls }: DirectGetsOptions,
): DirectGets {
  const http = nodeHttp(protocol)!;
  const idle: Connection[] = [];
  let odd = false;

  function keep(connection: Connection): void {
    const { socket } = connection;
    // Nothing may come before it is asked for the next time.
    connection.receive = () => {
      socket.destroy();
      return false;
    };
    connection.closed = () => {
      const at = idle.indexOf(connection);
      if (at >= 0) idle.splice(at, 1);
    };
    connection.idle = true;
    socket.unref();
    socket.resume();
    idle.push(connection);
  }

  function request(options: NodeRequestOptions): NodeRequest {
    const asked = requestHead(options);
    if (odd || asked === undefined) return http.request(options);
    const events = emitter();
    let over = false;
    let other: NodeRequest | undefined;
    let connection: Connection;

    function open(): void {
      // Where addresses were checked, a kept connection is used again for the same ones alone.
      const wanted = addressesOf(options);
      const at = idle.findLastIndex(({ addresses }) => addresses === wanted);
      const [kept] = at < 0 ? [] : idle.splice(at, 1);
      connection = kept ?? connect(protocol, options, { idleTimeout, ...tls }, asked!);
      const { socket } = connection;
      let text = "";
      if (kept !== undefined) {
        kept.idle = false;
        socket.ref();
        socket.write(asked!, "latin1");
      }
      connection.closed = (error) => {
        if (over) return;
        // The server ended a connection that was kept: not what was asked for has failed.
        if (kept !== undefined && text === "") return open();
        events.emit("error", error);
        events.emit("close");
      };
      connection.receive = (bytes) => {
        const before = text.length;
        text += bytes.toString("latin1", 0, options.maxHeaderSize - before);
        const end = text.indexOf("\r\n\r\n", before - 3);
        if (end < 0 && text.length < options.maxHeaderSize) return true;
        const head = end < 0 ? undefined : readHead(text.slice(0, end), options.method);
        if (head === undefined) {
          leave(text);
          return false;
        }
        over = true;
        const { incoming, receive } = respond(connection, head, keep);
        connection.receive = receive;
        events.emit("response", incoming);
        events.emit("close");
        return receive(bytes.subarray(end + 4 - before));
      };
    }

    /** Asks `node:http` instead; a refusal in chunks says nothing of how blobs come. */
    function leave(head: string): void {
      over = true;
      odd ||= !/^HTTP\/1\.1 [45]/.test(head);
      connection.socket.destroy();
      other = http.request(options);
      for (const event of ["response", "error", "close"]) {
        other.on(event, (value: unknown) => events.emit(event, value));
      }
      other.end();
    }

    open();
    return {
      on: events.on,
      write: () => false, // there is nothing to write
      end() {},
      destroy() {
        over = true;
        connection.socket.destroy();
        other?.destroy();
      },
    };
  }

  return {
    request,
    close() {
      for (const { socket } of idle) socket.destroy();
    },
  };
}

/** A connection that sends a request's head as soon as it stands, its certificate checked. */
function connect(
  protocol: string,
  options: NodeRequestOptions,
  { idleTimeout, ...tls }: DirectGetsOptions,
  head: string,
): Connection {
  const { hostname: host, port, lookup } = options;
  const secure = protocol === "https:";
  const net = builtin<Net>("net")!;
  const { Buffer } = builtin<{ Buffer: { allocUnsafeSlow(bytes: number): NodeBuffer } }>("buffer")!;
  let failure: Error | undefined;
  const to: ConnectOptions = {
    host,
    port: Number(port || (secure ? 443 : 80)),
    ...(lookup && { lookup }),
    onread: {
      buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES),
      callback: (bytes, buffer) => connection.receive(buffer.subarray(0, bytes)),
    },
  };
  const socket = secure
    ? builtin<Net>("tls")!.connect({
      ...to,
      ...tls,
      ...(net.isIP(host) === 0 && { servername: host }),
      ALPNProtocols: ["http/1.1"],
    })
    : net.connect(to);
  const connection: Connection = {
    ...{ socket, addresses: addressesOf(options), idle: false },
    receive: () => false,
    closed: () => {},
  };
  socket.on(secure ? "secureConnect" : "connect", () => socket.write(head, "latin1"));
  // Set once, as a timer for each request costs a twentieth of it; what moves puts it off.
  socket.setTimeout(idleTimeout);
  socket.on("timeout", () => connection.idle && socket.destroy());
  socket.on("error", (error) => failure = error);
  socket.on("close", () => connection.closed(failure ?? new Error("it was closed")));
  return connection;
}

function addressesOf({ addresses = [] }: NodeRequestOptions): string {
  return String([...addresses].sort());
}

/** The response on a connection, which is kept once its body was received, or closed. */
function respond(
  connection: Connection,
  { status, reason, fields, length, keepAlive }: ResponseHead,
  keep: (connection: Connection) => void,
): { incoming: NodeResponse; receive(bytes: NodeBuffer): boolean } {
  const { socket } = connection;
  const { on, emit } = emitter();
  let left = length;
  let paused = false;
  const incoming: NodeResponse = {
    statusCode: status,
    statusMessage: reason,
    rawHeaders: fields,
    complete: false,
    borrowed: true,
    socket,
    on,
    pause: () => paused = true,
    resume() {
      paused = false;
      if (!incoming.complete) socket.resume();
    },
    destroy: () => incoming.complete || socket.destroy(),
  };
  connection.closed = (error) => {
    emit("error", error);
    emit("close");
  };

  function receive(bytes: NodeBuffer): boolean {
    const body = bytes.subarray(0, left);
    left -= body.byteLength;
    emit("data", body);
    if (left > 0) return !paused;
    incoming.complete = true;
    connection.closed = () => {};
    // What comes after the body belongs to no request: such a connection is not used again.
    if (!keepAlive || bytes.byteLength > body.byteLength) socket.destroy();
    else if (!socket.destroyed) keep(connection);
    emit("end");
    emit("close");
    return true;
  }

  return { incoming, receive };
}

function emitter(): Emitter {
  const listeners = new Map<string, (value: never) => void>();
  return {
    on: (event, listener) => listeners.set(event, listener),
    emit: (event, value) => listeners.get(event)?.(value as never),
  };
}
