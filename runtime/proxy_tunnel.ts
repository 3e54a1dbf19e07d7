import { ProxyFailure } from "./proxy_failure.ts";

/** A proxy as a connection sees it. */
export interface ProxyServer {
  /** The host with its port, for messages: nothing secret. */
  host: string;
  /** The host alone, without the brackets of an IPv6 address. */
  hostname: string;
  /** The port. */
  port: number;
  /** Whether it is spoken to over TLS. */
  tls: boolean;
  /** The value of `Proxy-Authorization`; it goes to the proxy and nowhere else. */
  authorization?: string;
}

/** The most bytes of the head of an answer to CONNECT. */
const MAX_HEAD_BYTES = 16 * 1024;

/**
 * The request for a tunnel to a URL's host.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
 */
export function connectRequest(url: URL, { authorization }: ProxyServer): string {
  const authority = `${url.hostname}:${url.port || "443"}`;
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (authorization !== undefined) lines.push(`Proxy-Authorization: ${authorization}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/**
 * Reads the answer to CONNECT, piece by piece: answers `true` once the tunnel stands.
 *
 * @throws {ProxyFailure} When the proxy refuses, or answers what is not HTTP.
 */
export function connectAnswer({ host }: ProxyServer): (piece: Uint8Array) => boolean {
  let text = "";
  return (piece) => {
    for (const byte of piece) text += String.fromCharCode(byte);
    const end = text.indexOf("\r\n\r\n");
    if (end === -1 && text.length <= MAX_HEAD_BYTES) return false;
    const status = Number(/^HTTP\/1\.[01] (\d{3})\b/.exec(text)?.[1]);
    if (end === -1 || Number.isNaN(status)) {
      throw new ProxyFailure("its answer is not that of an HTTP proxy", { host });
    }
    if (status < 200 || status > 299) {
      throw new ProxyFailure(`it answered with the status ${status}`, { host, status });
    }
    // In a tunnel the client speaks first.
    if (text.length > end + 4) {
      throw new ProxyFailure("it sent bytes before the host had anything to answer", { host });
    }
    return true;
  };
}
