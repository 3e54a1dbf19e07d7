/**
 * A registry behind a socket that breaks where a test says: in the head, in the middle of a body,
 * before the answer or after it took effect. Bytes are read by hand, so that a reset is a reset.
 */

type Octets = Uint8Array<ArrayBuffer>;

/** Where a connection breaks. */
export type Phase =
  /** The head was read, nothing of the body. */
  | "head"
  /** Half of the body was read; the registry has none of it. */
  | "body"
  /** All was read, and nothing was done. */
  | "unanswered"
  /** All was read and done, and not answered. */
  | "landed"
  /** Half of the answer was written. */
  | "answer"
  /** All was read, nothing was done, and the connection stays open. */
  | "silent";

/** An answer to the byte, and what the connection does then. */
export interface RawAnswer {
  /** The bytes, as text; lines end in CRLF. */
  raw: string;
  /** Whether the connection stays open. @default {false} */
  holds?: boolean;
}

/** Somebody who answers: a registry. */
interface Answerer {
  fetch(request: Request): Promise<Response>;
}

/** A server on loopback that breaks where it is told to. */
export class BrokenServer {
  /** Its address: `http://127.0.0.1:40123`. */
  readonly url: string;
  /** The requests whose heads came, as "PUT /path". */
  readonly requests: string[] = [];
  /** The headers of each of them. */
  readonly heads: Headers[] = [];
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #served: Promise<void>[] = [];
  readonly #accepting: Promise<void>;

  /** A server of a registry; `fault` says where each request breaks. */
  constructor(
    readonly registry: Answerer,
    readonly fault: (line: string, nth: number) => Phase | RawAnswer | undefined,
  ) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.url = `http://127.0.0.1:${this.#listener.addr.port}`;
    this.#accepting = this.#accept();
  }

  /** Breaks every connection and stops. */
  async close(): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#connections) close(connection);
    await Promise.all(this.#served);
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      this.#connections.add(connection);
      this.#served.push(
        this.#serve(connection).catch(() => {}).finally(() => {
          this.#connections.delete(connection);
          close(connection);
        }),
      );
    }
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    const input = new Input(connection);
    for (;;) {
      const head = await input.head();
      if (head === undefined) return;
      const { method, path, headers } = head;
      const line = `${method} ${path}`;
      const phase = this.fault(line, this.requests.filter((each) => each === line).length);
      this.requests.push(line);
      this.heads.push(headers);
      const length = Number(headers.get("content-length") ?? 0);
      const empty = length === 0 && !headers.has("transfer-encoding");
      if (phase === "head" || (phase === "body" && empty)) return;
      if (phase === "body") {
        await input.bytes(Math.max(1, Math.floor(length / 2)));
        return;
      }
      const chunked = headers.get("transfer-encoding") === "chunked";
      const body = chunked ? await input.chunks() : await input.bytes(length);
      if (phase === "unanswered") return;
      if (phase === "silent") return void await input.more();
      if (typeof phase === "object") {
        await write(connection, new TextEncoder().encode(phase.raw.replaceAll("\n", "\r\n")));
        if (phase.holds) await input.more();
        return;
      }
      const response = await this.registry.fetch(
        new Request(this.url + path, {
          method,
          headers,
          ...(body.byteLength > 0 && { body }),
        }),
      );
      const answer = await answerBytes(response, method === "HEAD");
      if (phase === "landed") return;
      if (phase === "answer") {
        await write(connection, answer.subarray(0, answer.byteLength >> 1));
        return;
      }
      await write(connection, answer);
    }
  }
}

/** Closes a connection that may be closed already. */
function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch { /* it is */ }
}

async function write(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) at += await connection.write(bytes.subarray(at));
}

async function answerBytes(response: Response, headOnly: boolean): Promise<Octets> {
  const body = new Uint8Array(await response.arrayBuffer());
  const headers = new Headers(response.headers);
  if (!headOnly && response.status !== 204) headers.set("content-length", String(body.byteLength));
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = new TextEncoder().encode(`HTTP/1.1 ${response.status} X\r\n${lines}\r\n`);
  const bytes = new Uint8Array(head.byteLength + (headOnly ? 0 : body.byteLength));
  bytes.set(head);
  if (!headOnly) bytes.set(body, head.byteLength);
  return bytes;
}

/** What comes in on a connection. */
class Input {
  readonly #connection: Deno.TcpConn;
  #buffered: Octets = new Uint8Array(0);

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Waits for more bytes; `false` when there will be none. */
  async more(): Promise<boolean> {
    const buffer = new Uint8Array(64 * 1024);
    const count = await this.#connection.read(buffer);
    if (count === null) return false;
    const joined = new Uint8Array(this.#buffered.byteLength + count);
    joined.set(this.#buffered);
    joined.set(buffer.subarray(0, count), this.#buffered.byteLength);
    this.#buffered = joined;
    return true;
  }

  /** The next request's head. */
  async head(): Promise<{ method: string; path: string; headers: Headers } | undefined> {
    const text = await this.#until("\r\n\r\n");
    if (text === undefined) return undefined;
    const [first, ...lines] = text.split("\r\n");
    const [method, path] = first!.split(" ");
    const headers = new Headers(
      lines.filter((line) => line !== "").map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1).trim()] as [string, string];
      }),
    );
    return { method: method!, path: path!, headers };
  }

  /** So many bytes, or fewer where no more come. */
  async bytes(count: number): Promise<Octets> {
    while (this.#buffered.byteLength < count) if (!await this.more()) break;
    return this.#take(count);
  }

  /** A chunked body. */
  async chunks(): Promise<Octets> {
    const pieces: Octets[] = [];
    for (;;) {
      const size = parseInt(await this.#until("\r\n") ?? "0", 16);
      if (size > 0) pieces.push(await this.bytes(size));
      await this.#until("\r\n");
      if (size === 0) return new Uint8Array(await new Blob(pieces).arrayBuffer());
    }
  }

  #take(count: number): Octets {
    const taken = this.#buffered.slice(0, count);
    this.#buffered = this.#buffered.slice(taken.byteLength);
    return taken;
  }

  async #until(end: string): Promise<string | undefined> {
    for (;;) {
      const text = new TextDecoder("latin1").decode(this.#buffered);
      const at = text.indexOf(end);
      if (at >= 0) {
        this.#take(at + end.length);
        return text.slice(0, at);
      }
      if (!await this.more()) return undefined;
    }
  }
}
