import { builtin } from "./builtin.ts";

/**
 * The part of `node:http` that davit uses, spelled out: the types of `node:` are not there for
 * everybody who type-checks this package.
 */
export interface NodeHttp {
  /** Starts a request; nothing is sent before its first `write` or `end`. */
  request(options: NodeRequestOptions): NodeRequest;
  /** Keeps connections open between requests. */
  Agent: new (options: NodeAgentOptions) => NodeAgent;
}

/** Keeps connections. */
export interface NodeAgent {
  /** Names the connections that serve a request: those of one name are used again. */
  getName?(options?: object): string;
  /** Closes every connection. */
  destroy(): void;
}

/** What a connection with TLS is made with. */
export interface NodeTlsOptions {
  /** Certificates, as PEM texts, that are trusted instead of the machine's own. */
  ca?: string | string[];
  /** The client's certificate, a PEM text. */
  cert?: string;
  /** The key of the client's certificate, a PEM text. */
  key?: string;
  /** Whether the server's certificate is verified. @default {true} */
  rejectUnauthorized?: boolean;
}

/** Options of an agent. Times are milliseconds. */
export interface NodeAgentOptions extends NodeTlsOptions {
  /** Whether connections are kept for the next request. */
  keepAlive?: boolean;
  /** Which idle connection is taken first. */
  scheduling?: "fifo" | "lifo";
  /** How long a connection may be idle. */
  timeout?: number;
}

/** Options of a request. */
export interface NodeRequestOptions {
  /** The method. */
  method: string;
  /** The host, without the brackets of an IPv6 address. */
  hostname: string;
  /** The port; the protocol's own where there is none. */
  port?: string;
  /** The path with the query. */
  path: string;
  /** The headers. */
  headers: Record<string, string>;
  /** Where connections come from. */
  agent?: NodeAgent;
  /** Makes the connection for this request alone, where there is no agent. */
  createConnection?: () => NodeSocket;
  /** The most bytes of the response's head. */
  maxHeaderSize: number;
  /** Answers the host's addresses in place of the machine's resolver. */
  lookup?: NodeLookup;
  /** The host's addresses, where they were checked; for the agent's names. */
  addresses?: readonly string[];
}

/** An address as `node:net` wants it. */
interface NodeAddress {
  /** The address. */
  address: string;
  /** Its kind: 4 or 6. */
  family: number;
}

/** Looks a name up, as `node:net` asks for it: all addresses, or the first one. */
export type NodeLookup = (
  hostname: string,
  options: { all?: boolean },
  done: (error: null, found: NodeAddress[] | string, family?: number) => void,
) => void;

/** A connection that `node:http` can use. */
export interface NodeSocket {
  /** Ends the connection. */
  destroy(error?: unknown): unknown;
}

interface Emitter {
  on(event: string, listener: (value: never) => void): unknown;
}

/** A request on its way. Emits `response`, `error` and `close`. */
export interface NodeRequest extends Emitter {
  /** Sends bytes; the callback says that the system has taken them. */
  write(bytes: Uint8Array, taken: () => void): boolean;
  /** Ends the request. */
  end(): void;
  /** Ends the connection. */
  destroy(error?: Error): void;
}

/** A response. Emits `data`, `end`, `error` and `close`. */
export interface NodeResponse extends Emitter {
  /** The status. */
  statusCode?: number;
  /** The status's words. */
  statusMessage?: string;
  /** Names and values in turn, as they came. */
  rawHeaders: string[];
  /** Whether the whole response was received. */
  complete: boolean;
  /** Whether each `data` stands in memory that is used again after its event. @default {false} */
  borrowed?: boolean;
  /** The connection; whether it keeps the process alive. */
  socket?: { ref(): unknown; unref(): unknown } | null;
  /** No more `data` for now. */
  pause(): unknown;
  /** `data` again. */
  resume(): unknown;
  /** Ends the connection. */
  destroy(error?: Error): unknown;
}

/** `node:http` or `node:https`, or `undefined` where the runtime has none. */
export function nodeHttp(protocol: string): NodeHttp | undefined {
  return builtin<NodeHttp>(protocol === "https:" ? "https" : "http");
}

/** Lets the event loop take what has arrived. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const timers = builtin<{ setImmediate(callback: () => void): unknown }>("timers");
    if (timers === undefined) setTimeout(resolve);
    else timers.setImmediate(resolve);
  });
}
