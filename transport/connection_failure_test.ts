import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  CertificateError,
  HostRefusedError,
  InvalidOptionError,
  NetworkError,
  ProxyError,
  WrongSchemeError,
} from "../errors.ts";
import { ProxyFailure } from "../runtime/proxy_failure.ts";
import { connectionFailure } from "./connection_failure.ts";
import { describe } from "./send_failure.ts";

const url = new URL("https://cdn.test:8443/blob?X-Signature=secret&n=1");
const told = { url, what: "pull the blob" };

function named(name: string, message: string, properties: object = {}): Error {
  return Object.assign(new Error(message), { name, ...properties });
}

Deno.test("connectionFailure: a certificate names its host, and no retry mends it", () => {
  const cause = named("Error", "certificate has expired", { code: "CERT_HAS_EXPIRED" });
  const failure = connectionFailure(told, new TypeError("fetch failed", { cause }));
  assertInstanceOf(failure, CertificateError);
  assertEquals([failure.retryable, failure.host], [false, "cdn.test:8443"]);
  const plain = { ...told, url: new URL("http://cdn.test/") };
  assertInstanceOf(
    connectionFailure(plain, cause),
    NetworkError,
    "over http there is no certificate",
  );
});

const NAMED = "It is named in 'proxy', or in HTTPS_PROXY and its like";
const PROXIES: [status: number | undefined, retryable: boolean, said: string, words: string][] = [
  [undefined, true, "lost", `lost. ${NAMED}`],
  [
    407,
    false,
    "lost",
    "lost. Give it a user name and password it takes, as http://user:password@host:port, in " +
    "'proxy', or in HTTPS_PROXY and its like",
  ],
  [403, false, "lost", `lost. ${NAMED}`],
  [502, true, "lost", `lost. ${NAMED}`],
  [
    undefined,
    true,
    "connect ECONNREFUSED 10.0.0.1:3128",
    "nothing listens there: check the port, and whether the proxy runs (connect ECONNREFUSED " +
    `10.0.0.1:3128). ${NAMED}`,
  ],
  [
    undefined,
    true,
    "getaddrinfo ENOTFOUND p.test",
    "the name has no address: check how it is spelled, and this machine's DNS (getaddrinfo " +
    `ENOTFOUND p.test). ${NAMED}`,
  ],
  [
    undefined,
    true,
    "write EPROTO 80:error:0A00010B:SSL routines:wrong version number:ssl3_record.c:350:\n",
    "it does not speak TLS: a proxy of plain http wants http:// in front of its name (write " +
    `EPROTO 80:error:0A00010B:SSL routines:wrong version number:ssl3_record.c:350:). ${NAMED}`,
  ],
  [
    undefined,
    true,
    "Parse Error: Expected HTTP/, RTSP/ or ICE/",
    "what it answers is not HTTP: a proxy of TLS wants https:// in front of its name (Parse " +
    `Error: Expected HTTP/, RTSP/ or ICE/). ${NAMED}`,
  ],
  [
    undefined,
    true,
    "Client network socket disconnected before secure TLS connection was established",
    "it was ended in the TLS handshake: a proxy of plain http wants http:// in front of its name (",
  ],
];

for (const [status, retryable, said, words] of PROXIES) {
  Deno.test(`connectionFailure: a proxy that fails, status ${status}: ${said.trim()}`, () => {
    const options = { host: "p.test:3128", ...(status !== undefined && { status }) };
    const failure = connectionFailure(told, new ProxyFailure(said, options));
    assertInstanceOf(failure, ProxyError);
    assertStringIncludes(
      failure.message,
      `Cannot pull the blob: the proxy p.test:3128 cannot be used: ${words}`,
    );
    const { proxy, statusCode } = failure;
    assertEquals([failure.retryable, proxy, statusCode], [retryable, "p.test:3128", status]);
  });
}

Deno.test("connectionFailure: what is neither a certificate's nor a proxy's is told as ever", () => {
  const own = new InvalidOptionError("no");
  assertStrictEquals(connectionFailure(told, own), own);
  assertInstanceOf(connectionFailure(told, named("NotCapable", "no")), HostRefusedError);
  assertInstanceOf(connectionFailure(told, new Error("reset")), NetworkError);
  const network = new NetworkError("CERT_HAS_EXPIRED, somebody says");
  assertStrictEquals(connectionFailure(told, network), network);
});

Deno.test("connectionFailure: the URL's query is in nothing of a refused certificate", () => {
  const cause = named("Error", `${url}: certificate has expired`, { code: "CERT_HAS_EXPIRED" });
  const failure = connectionFailure(told, new TypeError(`fetch ${url} failed`, { cause }));
  assertInstanceOf(failure, CertificateError);
  for (let at: unknown = failure; at instanceof Error; at = at.cause) {
    assert(!`${at.message} ${at.stack}`.includes("secret"), at.stack);
  }
});

/** What the runtimes throw, as seen on Deno 2.9, Node 20 and 24, Bun 1.3. */
const SAID: [who: string, error: Error, expected: string][] = [
  [
    "Deno",
    new TypeError("fetch failed", {
      cause: new Error(
        "client error (Connect): received corrupt message of type InvalidContentType",
      ),
    }),
    "WRONG_SCHEME",
  ],
  [
    "Node 20",
    named(
      "Error",
      "write EPROTO 80EC62F4CB7F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong version number",
      { code: "EPROTO" },
    ),
    "WRONG_SCHEME",
  ],
  [
    "Node's fetch",
    new TypeError("fetch failed", {
      cause: named("Error", "no", { code: "ERR_SSL_WRONG_VERSION_NUMBER" }),
    }),
    "WRONG_SCHEME",
  ],
  [
    "Bun's fetch",
    named("TypeError", "EPROTO: The TLS handshake failed. Does the server speak TLS on this port?"),
    "WRONG_SCHEME",
  ],
  [
    "Deno",
    new Error("client error (Connect): tls handshake eof"),
    'failed: it was ended in the TLS handshake: a registry of plain http wants hosts["cdn.test:8443"].plainHttp (',
  ],
  [
    "Node",
    named(
      "Error",
      "Client network socket disconnected before secure TLS connection was established",
      { code: "ECONNRESET" },
    ),
    "failed: it was ended in the TLS handshake",
  ],
  [
    "Deno",
    new TypeError("fetch failed", {
      cause: new Error(
        "dns error: failed to lookup address information: Name or service not known",
      ),
    }),
    "the connection to cdn.test:8443 failed: the name has no address: check how it is spelled, and this machine's DNS (fetch failed: dns error",
  ],
  [
    "Node",
    named("Error", "getaddrinfo ENOTFOUND cdn.test", { code: "ENOTFOUND" }),
    "the name has no address",
  ],
  [
    "Node, of a name with two addresses",
    Object.assign(new AggregateError([named("Error", "connect ECONNREFUSED ::1:8443")], ""), {
      code: "ECONNREFUSED",
    }),
    "the connection to cdn.test:8443 failed: nothing listens there: check the port, and whether the registry runs (ECONNREFUSED: connect",
  ],
  [
    "Deno on Windows",
    new Error(
      "tcp connect error: No connection could be made because the target machine actively refused it. (os error 10061)",
    ),
    "nothing listens there",
  ],
  [
    "Bun's fetch",
    named("TypeError", "ECONNREFUSED: Unable to connect. Is the computer able to access the url?"),
    "nothing listens there",
  ],
  [
    "Node",
    named("Error", "connect ENETUNREACH 2001:db8::1:443", { code: "ENETUNREACH" }),
    "it cannot be reached from here: check the network, its firewall and its proxy (",
  ],
  [
    "Deno, of a server of TLS",
    new Error("client error (SendRequest): invalid HTTP version parsed"),
    "failed: what it answers is not HTTP: a registry of TLS wants https:// in front of its name (",
  ],
  ["Node", named("Error", "socket hang up", { code: "ECONNRESET" }), "failed: socket hang up"],
];

for (const [who, error, expected] of SAID) {
  Deno.test(`connectionFailure: ${who} says ${describe(error)}`, () => {
    const failure = connectionFailure(told, error);
    if (expected === "WRONG_SCHEME") {
      assertInstanceOf(failure, WrongSchemeError);
      assertEquals([failure.retryable, failure.scheme], [false, "https"]);
      assertInstanceOf(
        connectionFailure({ ...told, url: new URL("http://cdn.test/") }, error),
        NetworkError,
        "over http there is no TLS",
      );
    } else {
      assertInstanceOf(failure, NetworkError);
      assertStringIncludes(failure.message, expected);
      assertEquals(failure.retryable, true);
    }
  });
}

Deno.test("connectionFailure: a host on its scheme's own port is told with it", () => {
  const host = { ...told, url: new URL("https://registry.test/v2/") };
  const failure = connectionFailure(host, new Error("connection refused"));
  assertStringIncludes(failure.message, "the connection to registry.test:443 failed");
  const expired = connectionFailure(host, named("Error", "no", { code: "CERT_HAS_EXPIRED" }));
  assertStringIncludes(expired.message, "the certificate of registry.test:443 has expired");
  assertStringIncludes(expired.message, 'hosts["registry.test"].insecure');
});
