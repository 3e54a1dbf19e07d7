import { builtin } from "./builtin.ts";
import type { NodeTlsOptions } from "./http.ts";

interface Socket {
  on(event: string, listener: (error: Error & { code?: string }) => void): unknown;
  setTimeout(milliseconds: number): unknown;
  destroy(): unknown;
}

interface Tls {
  connect(
    options: NodeTlsOptions & { host: string; port: number; servername?: string },
  ): Socket;
}

/** How long a handshake may take: the host has just taken a connection. */
const HANDSHAKE_MS = 3_000;

/** What OpenSSL, BoringSSL and rustls call a refusal in the words of TLS itself. */
const ALERT = /alert/i;

/**
 * Whether a TLS handshake gets an answer at a URL's host and port, whatever the certificate says.
 * Nothing is sent after it. On Deno, Node and Bun.
 */
export function speaksTls({ hostname, port }: URL, address?: string): Promise<boolean> {
  const tls = builtin<Tls>("tls");
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  if (tls === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = tls.connect({
      host: address ?? host,
      port: Number(port || 80),
      rejectUnauthorized: false,
      ca: [], // the machine's own are not needed, and Deno wants a permission to read them
      ...(/[a-z]/i.test(host) && !host.includes(":") && { servername: host }),
    });
    const end = (answer: boolean) => {
      resolve(answer);
      socket.destroy();
    };
    socket.setTimeout(HANDSHAKE_MS);
    socket.on("secureConnect", () => end(true));
    socket.on("error", ({ code = "", message }) => end(ALERT.test(`${code} ${message}`)));
    socket.on("timeout", () => end(false));
    socket.on("close", () => end(false));
  });
}
