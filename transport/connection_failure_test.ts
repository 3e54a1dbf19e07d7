import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import {
  CertificateError,
  HostRefusedError,
  InvalidOptionError,
  NetworkError,
  ProxyError,
} from "../errors.ts";
import { ProxyFailure } from "../runtime/proxy_failure.ts";
import { connectionFailure } from "./connection_failure.ts";

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

const PROXIES: [status: number | undefined, retryable: boolean, words: string][] = [
  [undefined, true, "the proxy p.test:3128 cannot be used: lost"],
  [407, false, "Give it a user name and password it takes"],
  [403, false, "the proxy p.test:3128 cannot be used"],
  [502, true, "the proxy p.test:3128 cannot be used"],
];

for (const [status, retryable, words] of PROXIES) {
  Deno.test(`connectionFailure: a proxy that fails, status ${status}`, () => {
    const options = { host: "p.test:3128", ...(status !== undefined && { status }) };
    const failure = connectionFailure(told, new ProxyFailure("lost", options));
    assertInstanceOf(failure, ProxyError);
    assert(failure.message.includes(words), failure.message);
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
