import { assertEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import { proxyEnvironment } from "./proxy_environment.ts";

const RULES: [
  name: string,
  variables: Record<string, string>,
  https: string | undefined,
  http: string | undefined,
][] = [
  ["nothing", {}, undefined, undefined],
  ["NO_PROXY alone", { NO_PROXY: "a.test" }, undefined, undefined],
  ["HTTPS_PROXY", { HTTPS_PROXY: "http://p.test" }, "p.test", undefined],
  ["HTTP_PROXY", { HTTP_PROXY: "http://p.test" }, undefined, "p.test"],
  ["ALL_PROXY", { ALL_PROXY: "p.test:8080" }, "p.test:8080", "p.test:8080"],
  [
    "a scheme's own before ALL_PROXY",
    { ALL_PROXY: "http://q.test", https_proxy: "http://p.test" },
    "p.test",
    "q.test",
  ],
  [
    "lower case first",
    { HTTPS_PROXY: "http://q.test", https_proxy: "http://p.test" },
    "p.test",
    undefined,
  ],
  ["no_proxy", { ALL_PROXY: "p.test", no_proxy: ".test" }, undefined, undefined],
  [
    "entries of NO_PROXY that mean nothing here",
    { ALL_PROXY: "p.test", NO_PROXY: "<local>,b.test,/x/" },
    "p.test",
    "p.test",
  ],
  [
    "HTTP_PROXY of a web server: a visitor's header",
    { HTTP_PROXY: "http://evil.test", REQUEST_METHOD: "GET" },
    undefined,
    undefined,
  ],
  [
    "http_proxy of a web server",
    { http_proxy: "http://p.test", HTTP_PROXY: "http://evil.test", REQUEST_METHOD: "GET" },
    undefined,
    "p.test",
  ],
];

for (const [name, variables, https, http] of RULES) {
  Deno.test(`proxyEnvironment: ${name}`, () => {
    const { rule } = proxyEnvironment(variables)!;
    assertEquals(rule(new URL("https://a.test"))?.host, https);
    assertEquals(rule(new URL("http://a.test"))?.host, http);
  });
}

Deno.test("proxyEnvironment: this machine is reached without", () => {
  const { named, rule } = proxyEnvironment({ ALL_PROXY: "http://p.test" })!;
  assertEquals([named, rule(new URL("http://localhost:5000"))], [true, undefined]);
});

Deno.test("proxyEnvironment: whether there is a proxy at all", () => {
  assertEquals(proxyEnvironment({ NO_PROXY: "*" })?.named, false);
  assertEquals(proxyEnvironment({ http_proxy: "p.test" })?.named, true);
  assertEquals(proxyEnvironment({ HTTP_PROXY: "p.test", REQUEST_METHOD: "GET" })?.named, true);
});

Deno.test("proxyEnvironment: a proxy that cannot be used is told when it is needed", () => {
  const { rule } = proxyEnvironment({ ALL_PROXY: "socks5://p.test" })!;
  assertThrows(() => rule(new URL("https://a.test")), InvalidOptionError, "socks5");
});

Deno.test({
  name: "proxyEnvironment: nobody is asked for a permission",
  permissions: { env: false },
  fn: () => assertEquals(proxyEnvironment(), undefined),
});
