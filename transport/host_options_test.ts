import { assertEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import { checkHosts, type HostsOptions } from "./host_options.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n";

const BAD: [name: string, hosts: HostsOptions, message: string][] = [
  ["a URL", { "https://ghcr.io": {} }, "each key must be a host"],
  ["a path", { "ghcr.io/you": {} }, "each key must be a host"],
  ["upper case", { "GHCR.io": {} }, "each key must be a host"],
  ["the scheme's own port", { "ghcr.io:443": {} }, "each key must be a host"],
  ["nothing", { "": {} }, "each key must be a host"],
  ["Authorization", { "a.test": { headers: { Authorization: "x" } } }, "not a header for it"],
  ["a CA that is a path", { "a.test": { ca: "/etc/ca.pem" } }, "must be a certificate in PEM"],
  ["a CA among others that is none", { "a.test": { ca: [PEM, ""] } }, ".ca as it must be"],
  ["a key for a certificate", { "a.test": { cert: KEY, key: KEY } }, ".cert as it must be"],
  ["a certificate for a key", { "a.test": { cert: PEM, key: PEM } }, ".key as it must be"],
  ["a certificate without its key", { "a.test": { cert: PEM } }, ".key is missing"],
  ["a key without its certificate", { "a.test": { key: KEY } }, ".cert is missing"],
  [
    "a mirror without a scheme",
    { "a.test": { mirrors: [{ url: "m.test" }] } },
    'hosts["a.test"].mirrors[0].url',
  ],
  ["a cookie", { "a.test": { headers: { cookie: "x" } } }, "not a header for it"],
];

for (const [name, hosts, message] of BAD) {
  Deno.test(`checkHosts refuses ${name}: INVALID_OPTION`, () => {
    assertThrows(() => checkHosts(hosts), InvalidOptionError, message);
  });
}

Deno.test("checkHosts takes certificates and mirrors", () => {
  checkHosts({
    "a.test": { ca: [PEM, `a comment\n${PEM}${PEM}`], cert: PEM, key: KEY },
    "b.test": { cert: PEM, key: KEY.replaceAll("PRIVATE", "EC PRIVATE") },
    "c.test": { mirrors: [{ url: "http://localhost:5000/cache", digestsOnly: true }] },
  });
});

Deno.test("checkHosts takes hosts with and without a port", () => {
  checkHosts({ "ghcr.io": {}, "localhost:5000": { headers: { "x-a": "1" } }, "[::1]:5000": {} });
});

Deno.test("checkHosts does not show the password of a URL that is no host", () => {
  const error = assertThrows(
    () => checkHosts({ "https://me:pa55@registry.test": {} }),
    InvalidOptionError,
  );
  assertEquals(error.message.includes("pa55"), false, error.message);
});
