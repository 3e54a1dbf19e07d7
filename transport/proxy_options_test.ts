import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import { type ProxyOptions, proxyServer } from "./proxy_options.ts";
import { proxyRule } from "./proxy_rule.ts";

const RULES: [
  name: string,
  given: string | ProxyOptions | false,
  https: string | undefined,
  http: string | undefined,
][] = [
  ["false", false, undefined, undefined],
  ["nothing in it", {}, undefined, undefined],
  ["a text", "http://p.test:3128", "p.test:3128", "p.test:3128"],
  ["a URL", { url: "http://p.test" }, "p.test", "p.test"],
  ["https alone", { https: "http://p.test" }, "p.test", undefined],
  ["http alone", { http: "http://p.test" }, undefined, "p.test"],
  ["a URL, and one for http", { url: "http://p.test", http: "http://q.test" }, "p.test", "q.test"],
  ["an exception", { url: "http://p.test", noProxy: "a.test" }, undefined, undefined],
  ["an exception of a port", { url: "http://p.test", noProxy: ["a.test:80"] }, "p.test", undefined],
];

for (const [name, given, https, http] of RULES) {
  Deno.test(`proxyRule: ${name}`, () => {
    const rule = proxyRule("proxy", given);
    assertEquals(rule(new URL("https://a.test/v2/"))?.host, https);
    assertEquals(rule(new URL("http://a.test/v2/"))?.host, http);
  });
}

Deno.test("proxyServer takes a URL apart", () => {
  assertEquals(proxyServer("proxy", "http://p.test"), {
    host: "p.test",
    hostname: "p.test",
    port: 80,
    tls: false,
  });
  assertEquals(proxyServer("proxy", "https://me:p%C3%A4%40ss@[::1]:8443/"), {
    host: "[::1]:8443",
    hostname: "::1",
    port: 8443,
    tls: true,
    authorization: "Basic bWU6cMOkQHNz",
  });
  assertEquals(proxyServer("proxy", "p.test:3128").host, "p.test:3128");
});

const BAD: [name: string, given: unknown, message: string][] = [
  ["SOCKS", "socks5://me:s3cret@p.test", "has the scheme socks5"],
  ["no URL", "http://me:s3cret@", "is not a URL"],
  ["what is no percent-encoding", "http://me:s3cret%zz@p.test", "percent-encoded"],
  ["a number", 5, "must be a URL, an object or false"],
  ["null", null, "must be a URL, an object or false"],
];

for (const [name, given, message] of BAD) {
  Deno.test(`proxyRule refuses ${name}: INVALID_OPTION, without the password`, () => {
    const error = assertThrows(
      () => proxyRule("proxy", given as string),
      InvalidOptionError,
      message,
    );
    assert(!Deno.inspect(error).includes("s3cret"));
  });
}
