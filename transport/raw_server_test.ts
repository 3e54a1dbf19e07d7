/**
 * A server that says what a test tells it to, byte by byte, so that it can misbehave in every way.
 * On `node:net`, so that the same tests run on Deno, Node and Bun.
 */
import net from "node:net";
import { createHash } from "node:crypto";
import type { Buffer } from "node:buffer";

/** One connection, seen from the server. */
export class Peer {
  readonly #socket: net.Socket;
  #received: Uint8Array[] = [];
  #over = false;
  #wake = (): void => {};

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on("data", (data: Buffer) => {
      this.#received.push(data);
      this.#socket.pause();
      this.#wake();
    });
    for (const event of ["end", "close", "error"]) {
      socket.on(event, () => {
        this.#over = true;
        this.#wake();
      });
    }
    socket.pause();
  }

  /** The next bytes, or `undefined` when the client has no more. Reads nothing ahead. */
  async read(): Promise<Uint8Array | undefined> {
    while (this.#received.length === 0 && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#socket.resume();
      });
    }
    return this.#received.shift();
  }

  /** The request's head, as text. */
  async head(): Promise<string> {
    let text = "";
    for (;;) {
      const piece = await this.read();
      if (piece === undefined) return text;
      text += Array.from(piece, (byte) => String.fromCharCode(byte)).join("");
      const end = text.indexOf("\r\n\r\n");
      if (end === -1) continue;
      const rest = Uint8Array.from(text.slice(end + 4), (char) => char.charCodeAt(0));
      if (rest.length > 0) this.#received.unshift(rest);
      return text.slice(0, end);
    }
  }

  /** The request's body, as the head frames it: how many bytes, and their SHA-256 in hex. */
  async body(head: string): Promise<{ size: number; sha256: string; whole: boolean }> {
    const hash = createHash("sha256");
    let size = 0;
    const length = /^content-length: (\d+)/im.exec(head);
    let left = length === null ? 0 : Number(length[1]);
    const chunked = /^transfer-encoding: chunked/im.test(head);
    let line = "";
    let state: "data" | "data end" | "size" | "trailer" = chunked ? "size" : "data";
    let whole = !chunked && left === 0;
    while (!whole) {
      const piece = await this.read();
      if (piece === undefined) break;
      for (let at = 0; at < piece.length && !whole;) {
        if (state === "data") {
          const data = piece.subarray(at, at + left);
          hash.update(data);
          size += data.length;
          left -= data.length;
          at += data.length;
          if (left === 0) [whole, state] = [!chunked, "data end"];
          continue;
        }
        line += String.fromCharCode(piece[at++]!);
        if (!line.endsWith("\r\n")) continue;
        const text = line.slice(0, -2);
        line = "";
        if (state === "data end") state = "size";
        else if (state === "trailer") whole = text === "";
        else {
          left = parseInt(text, 16);
          state = left === 0 ? "trailer" : "data";
        }
      }
    }
    return { size, sha256: hash.digest("hex"), whole };
  }

  /** Reads until the client closes, and says how many bytes came. */
  async drain(): Promise<number> {
    let bytes = 0;
    for (;;) {
      const piece = await this.read();
      if (piece === undefined) return bytes;
      bytes += piece.length;
    }
  }

  /** Sends text or bytes; lines end in CRLF. */
  write(data: string | Uint8Array): Promise<void> {
    const text = typeof data === "string" ? data.replaceAll(/\r?\n/g, "\r\n") : data;
    return new Promise((resolve) => this.#socket.write(text, () => resolve()));
  }

  /** Closes the writing half. */
  end(): void {
    this.#socket.end();
  }

  /** Closes the connection; with bytes unread the client sees a reset. */
  close(): void {
    this.#socket.destroy();
  }
}

/** A server on a free loopback port, with what it saw. */
interface RawServer {
  /** Its address. */
  url: URL;
  /** How many connections it took. */
  connections: () => number;
  /** Waits for the handlers to end, and stops. */
  close(): Promise<void>;
}

/** Serves each connection by a handler; the connection is closed when the handler is done. */
export async function rawServer(
  handle: (peer: Peer, connection: number) => Promise<unknown>,
): Promise<RawServer> {
  let connections = 0;
  const handlers: Promise<void>[] = [];
  const server = net.createServer((socket) => {
    const peer = new Peer(socket);
    const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    handlers.push((async () => {
      await handle(peer, connections++);
      peer.close();
      await closed;
    })());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as net.AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    connections: () => connections,
    async close() {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all(handlers);
      await stopped;
    },
  };
}
