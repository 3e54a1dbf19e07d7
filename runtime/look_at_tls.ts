import { builtin } from "./builtin.ts";
import type { NodeTlsOptions } from "./http.ts";

interface Socket {
  on(event: string, listener: (error: Error & { code?: string }) => void): unknown;
  resume(): unknown;
  setTimeout(milliseconds: number): unknown;
  destroy(): unknown;
}

interface Tls {
  connect(
    options: NodeTlsOptions & { host: string; port: number; servername?: string },
  ): Socket;
}

/** What was seen of a host's TLS. */
export interface SeenTls {
  /** Whether a handshake gets an answer, be it a refusal. */
  speaks: boolean;
  /** How the host ended the connection, where it did. */
  error?: Error;
}

/** How long the host may say nothing: it has just taken a connection. */
const SILENT_MS = 3_000;

/** What OpenSSL, BoringSSL and rustls call a refusal in the words of TLS itself. */
const ALERT = /alert/i;

/**
 * Looks what a TLS handshake comes to at a URL's host and port, whatever the certificate says, and for
 * https what the host says of the client's after it: TLS 1.3 asks for that one last. Nothing is sent
 * then, so that nothing can take the answer away. On Deno, Node and Bun.
 */
export function lookAtTls(
  { hostname, port, protocol }: URL,
  address?: string,
): Promise<SeenTls> {
  const tls = builtin<Tls>("tls");
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const secure = protocol === "https:";
  if (tls === undefined) return Promise.resolve({ speaks: false });
  return new Promise((resolve) => {
    let speaks = false;
    const socket = tls.connect({
      host: address ?? host,
      port: Number(port || (secure ? 443 : 80)),
      rejectUnauthorized: false,
      ca: [], // the machine's own are not needed, and Deno wants a permission to read them
      ...(/[a-z]/i.test(host) && !host.includes(":") && { servername: host }),
    });
    const end = (error?: Error) => {
      resolve({ speaks, ...(error && { error }) });
      socket.destroy();
    };
    socket.setTimeout(SILENT_MS);
    socket.resume(); // an end and a refusal are read like bytes
    socket.on("secureConnect", () => {
      speaks = true;
      if (!secure) end();
    });
    socket.on("error", (error) => {
      speaks ||= ALERT.test(`${error.code} ${error.message}`);
      end(error);
    });
    socket.on("timeout", () => end());
    socket.on("close", () => end());
  });
}
