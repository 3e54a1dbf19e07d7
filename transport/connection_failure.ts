import { type ApiError, CertificateError, NetworkError, ProxyError } from "../errors.ts";
import { ProxyFailure } from "../runtime/proxy_failure.ts";
import { certificateAdvice } from "./certificate_advice.ts";
import {
  describe,
  type FailedRequest,
  hostAdvice,
  hostAndPort,
  MAX_CAUSES,
  sendFailure,
} from "./send_failure.ts";
import { wrongScheme } from "./wrong_scheme.ts";

/**
 * How the runtimes say that what answered a TLS handshake is not TLS: rustls in Deno, OpenSSL in Node,
 * BoringSSL and words of its own in Bun.
 */
const NO_TLS =
  /InvalidContentType|wrong.version.number|packet length too long|Does the server speak TLS/i;

/** Who is spoken to: a registry, or what is between. */
type Peer = "registry" | "proxy";

/** What else goes wrong, by how Deno, Node and Bun say it, and in plain words. */
const REASONS: readonly [said: RegExp, words: (peer: Peer, host: string) => string][] = [
  [
    /ENOTFOUND|EAI_|getaddrinfo|dns error|failed to lookup/i,
    () => "the name has no address: check how it is spelled, and this machine's DNS",
  ],
  [
    /ECONNREFUSED|connection refused|actively refused/i,
    (peer) => `nothing listens there: check the port, and whether the ${peer} runs`,
  ],
  [
    /ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|unreachable|no route to host|timed out/i,
    () => "it cannot be reached from here: check the network, its firewall and its proxy",
  ],
  [
    /HPE_INVALID_CONSTANT|Expected HTTP\/|invalid HTTP version/,
    (peer) => `what it answers is not HTTP: a ${peer} of TLS wants https:// in front of its name`,
  ],
  [
    /handshake eof|before secure TLS connection/i,
    (peer, host) =>
      `it was ended in the TLS handshake: a ${peer} of plain http wants ` +
      (peer === "proxy"
        ? "http:// in front of its name"
        : `hosts[${JSON.stringify(host)}].plainHttp`),
  ],
];

/**
 * The error of a broken exchange where the runtime says more than that the network failed, on Deno,
 * Node and Bun: a certificate that is not trusted, or the wrong scheme, stays so, which no retry
 * mends; a proxy has an error of its own.
 */
export function connectionFailure(request: FailedRequest, error: unknown): ApiError {
  const failure = sendFailure(request, error);
  if (failure === error || !(failure instanceof NetworkError)) return failure;
  const { cause } = failure; // without the URL
  if (error instanceof ProxyFailure) return proxyFailure(request, error, cause);
  const { url, what } = request;
  const { host, protocol } = url;
  const secure = protocol === "https:";
  const place = hostAndPort(url);
  const causes = causesOf(cause);
  const said = wordsOf(causes);
  const advice = secure && certificateAdvice(host, causes, place);
  if (advice) {
    const message = `Cannot ${what}: ${advice} (${describe(cause)})`;
    return new CertificateError(message, { cause, host });
  }
  if (secure && NO_TLS.test(said)) return wrongScheme(request, cause);
  const reason = reasonOf(said, "registry", host);
  if (reason === undefined) return failure;
  return new NetworkError(
    `Cannot ${what}: the connection to ${place} failed: ${reason} (${describe(cause)})` +
      hostAdvice(host),
    { cause },
  );
}

/** A user who did not set it may not know of it: most proxies come out of the environment. */
const PROXY_SOURCES = "in 'proxy', or in HTTPS_PROXY and its like";

function proxyFailure(
  request: FailedRequest,
  { host, status }: ProxyFailure,
  cause: unknown,
): ProxyError {
  const said = wordsOf(causesOf(cause));
  const reason = NO_TLS.test(said)
    ? "it does not speak TLS: a proxy of plain http wants http:// in front of its name"
    : reasonOf(said, "proxy", host);
  const words = describe(cause).replace(/\s+/g, " ").trim(); // OpenSSL's end with a line's end
  const state = reason === undefined ? words : `${reason} (${words})`;
  const advice = status === 407
    ? "Give it a user name and password it takes, as http://user:password@host:port, " +
      PROXY_SOURCES
    : `It is named ${PROXY_SOURCES}`;
  return new ProxyError(
    `Cannot ${request.what}: the proxy ${host} cannot be used: ${state}. ${advice}`,
    { cause, proxy: host, ...(status !== undefined && { statusCode: status }) },
  );
}

function reasonOf(said: string, peer: Peer, host: string): string | undefined {
  return REASONS.find(([known]) => known.test(said))?.[1](peer, host);
}

function wordsOf(causes: readonly Error[]): string {
  return causes.map((error) => `${(error as { code?: string }).code} ${error.message}`).join("\n");
}

/** An error and what caused it, as far as that is looked at. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  let at = error;
  while (at instanceof Error && causes.length < MAX_CAUSES) {
    causes.push(at);
    at = at instanceof AggregateError ? at.errors[0] : at.cause; // one a host's address
  }
  return causes;
}
