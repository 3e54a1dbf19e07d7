import { assertEquals } from "@std/assert";
import { isLoopback } from "./loopback.ts";

const HOSTS: [host: string, expected: boolean][] = [
  ["localhost", true],
  ["LOCALHOST:5000", true],
  ["127.0.0.1", true],
  ["127.0.0.1:5000", true],
  ["127.255.0.3", true],
  ["::1", true],
  ["[::1]", true],
  ["[::1]:5000", true],
  ["localhost.example.com", false],
  ["notlocalhost", false],
  ["127.0.0.1.example.com", false],
  ["128.0.0.1", false],
  ["[2001:db8::1]", false],
  ["[2001:db8::1]:5000", false],
  ["0.0.0.0", false],
  ["docker.io", false],
  ["", false],
  ["x.localhost", true],
  ["a.b.localhost.:5000", true],
  ["127.9.9.9", true],
  ["localhost.test", false],
  [".localhost", false],
  ["me@x.localhost", false],
  ["127.0.0.1.test", false],
];

for (const [host, expected] of HOSTS) {
  Deno.test(`isLoopback: ${host}: ${expected}`, () => assertEquals(isLoopback(host), expected));
}
