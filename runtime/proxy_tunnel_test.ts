import { assertEquals, assertThrows } from "@std/assert";
import { ProxyFailure } from "./proxy_failure.ts";
import { connectAnswer, connectRequest, type ProxyServer } from "./proxy_tunnel.ts";

const proxy: ProxyServer = { host: "p.test:3128", hostname: "p.test", port: 3128, tls: false };

const REQUESTS: [url: string, authorization: string | undefined, head: string][] = [
  ["https://a.test/v2/", undefined, "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"],
  ["https://[::1]:5000", undefined, "CONNECT [::1]:5000 HTTP/1.1\r\nHost: [::1]:5000\r\n\r\n"],
  [
    "https://a.test",
    "Basic bWU6eA==",
    "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nProxy-Authorization: Basic bWU6eA==\r\n\r\n",
  ],
];

for (const [url, authorization, head] of REQUESTS) {
  Deno.test(`connectRequest: ${url}${authorization ? " with a login" : ""}`, () => {
    const server = { ...proxy, ...(authorization !== undefined && { authorization }) };
    assertEquals(connectRequest(new URL(url), server), head);
  });
}

/** Gives an answer in pieces of some size; whether the tunnel stands after the last one. */
function answer(text: string, size = text.length): boolean {
  const answered = connectAnswer(proxy);
  let stands = false;
  for (let at = 0; at < text.length; at += size) {
    stands = answered(new TextEncoder().encode(text.slice(at, at + size)));
  }
  return stands;
}

Deno.test("connectAnswer: a tunnel, whole and byte by byte", () => {
  for (const head of ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 204 x\r\nVia: y\r\n\r\n"]) {
    assertEquals([answer(head), answer(head, 1), answer(head.slice(0, -1))], [true, true, false]);
  }
});

const REFUSALS: [name: string, text: string, message: string, status: number | undefined][] = [
  ["407", "HTTP/1.1 407 No\r\n\r\n<html>", "it answered with the status 407", 407],
  ["403", "HTTP/1.1 403 No\r\n\r\n", "it answered with the status 403", 403],
  ["what is not HTTP", "SSH-2.0-x\r\n\r\n", "is not that of an HTTP proxy", undefined],
  ["a head without end", "HTTP/1.1 200 OK\r\n".padEnd(20_000, "x"), "is not that of", undefined],
  ["bytes too early", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200", "it sent bytes before", undefined],
];

for (const [name, text, message, status] of REFUSALS) {
  Deno.test(`connectAnswer: ${name}`, () => {
    const error = assertThrows(() => answer(text), ProxyFailure, message);
    assertEquals([error.host, error.status], ["p.test:3128", status]);
  });
}
