import { assertEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import { proxyExceptions } from "./proxy_rule.ts";

const EXCEPTED: [list: string | string[], url: string, excepted: boolean][] = [
  ["", "https://a.test", false],
  ["*", "https://a.test", true],
  ["a.test", "https://a.test", true],
  ["a.test", "https://x.y.a.test", true],
  ["a.test", "https://aa.test", false],
  ["a.test", "https://a.test.evil.test", false],
  ["A.Test", "https://a.test", true],
  ["a.test.", "https://a.test", true],
  ["a.test", "https://a.test./", true],
  [".a.test", "https://x.a.test", true],
  [".a.test", "https://a.test", true],
  ["*.a.test", "https://x.a.test", true],
  [".a.test", "https://xa.test", false],
  ["a.test:5000", "https://a.test:5000", true],
  ["a.test:5000", "https://a.test", false],
  ["a.test:443", "https://a.test", true],
  ["a.test:80", "http://x.a.test", true],
  ["b.test, a.test", "https://a.test", true],
  ["b.test a.test", "https://a.test", true],
  [["b.test", "a.test"], "https://a.test", true],
  ["10.1.2.3", "https://10.1.2.3", true],
  ["10.1.2.3", "https://10.1.2.30", false],
  ["10.1.2.3:5000", "https://10.1.2.3:5000", true],
  ["10.1.2.3:5000", "https://10.1.2.3", false],
  ["10.0.0.0/8", "https://10.255.0.1", true],
  ["10.0.0.0/8", "https://11.0.0.1", false],
  ["192.168.4.0/22", "https://192.168.7.255", true],
  ["192.168.4.0/22", "https://192.168.8.0", false],
  ["0.0.0.0/0", "https://1.2.3.4", true],
  ["0.0.0.0/0", "https://a.test", false],
  ["10.0.0.0/8", "https://10.a.test", false],
  ["::1", "https://[::1]", true],
  ["[::1]:5000", "https://[::1]:5000", true],
  ["[::1]:5000", "https://[::1]", false],
  ["fd00::/8", "https://[fd12:3456::1]", true],
  ["fd00::/8", "https://[fe80::1]", false],
  ["2001:db8:0:0:0:0:0:1", "https://[2001:db8::1]", true],
  ["10.0.0.0/8", "https://[::ffff:10.1.2.3]", true],
];

for (const [list, url, excepted] of EXCEPTED) {
  Deno.test(`proxyExceptions: ${JSON.stringify(list)} ${excepted ? "has" : "lacks"} ${url}`, () => {
    assertEquals(proxyExceptions("proxy", list)(new URL(url)), excepted);
  });
}

for (
  const entry of ["https://a.test", "a.test/path", "10.0.0.0/33", "fd00::/129", "a.test/8"]
) {
  Deno.test(`proxyExceptions refuses ${entry}: INVALID_OPTION`, () => {
    assertThrows(() => proxyExceptions("proxy", entry), InvalidOptionError, JSON.stringify(entry));
  });
}

Deno.test("proxyExceptions does not show the password of a proxy that stands in the wrong place", () => {
  for (const entry of ["http://me:pa55@p.test:3128", "me:pa55@p.test"]) {
    const error = assertThrows(() => proxyExceptions("proxy", entry), InvalidOptionError, "p.test");
    assertEquals(error.message.includes("pa55"), false, error.message);
  }
});
