import { assertEquals } from "@std/assert";
import { isInternal } from "./internal_hosts.ts";

const HOSTS: [host: string, internal: boolean][] = [
  ["127.0.0.1", true],
  ["127.1", true],
  ["0x7f000001", true],
  ["2130706433", true],
  ["localhost", true],
  ["LOCALHOST.", true],
  ["registry.localhost", true],
  ["0.0.0.0", true],
  ["0", true],
  ["10.0.0.1", true],
  ["10.255.255.255", true],
  ["100.63.255.255", false],
  ["100.64.0.1", true],
  ["100.127.255.255", true],
  ["100.128.0.0", false],
  ["169.254.169.254", true],
  ["169.253.0.1", false],
  ["172.15.255.255", false],
  ["172.16.0.1", true],
  ["172.31.255.255", true],
  ["172.32.0.0", false],
  ["192.167.0.1", false],
  ["192.168.0.1", true],
  ["192.169.0.1", false],
  ["11.0.0.1", false],
  ["8.8.8.8", false],
  ["203.0.113.7", false],
  ["[::]", true],
  ["[::1]", true],
  ["[::ffff:127.0.0.1]", true],
  ["[::ffff:10.0.0.1]", true],
  ["[::ffff:8.8.8.8]", false],
  ["[::10.0.0.1]", true],
  ["[64:ff9b::10.0.0.1]", true],
  ["[64:ff9b::8.8.8.8]", false],
  ["[2002:0a00:0001::]", true],
  ["[2002:0808:0808::]", false],
  ["[fe80::1]", true],
  ["[febf::1]", true],
  ["[fec0::1]", true],
  ["[fc00::1]", true],
  ["[fdff::1]", true],
  ["[fb00::1]", false],
  ["[ff02::1]", false],
  ["[2606:4700::1111]", false],
  // Names say nothing of where they lead.
  ["10.example.com", false],
  ["127.0.0.1.example.com", false],
  ["localhost.example.com", false],
  ["registry", false],
  ["metadata.google.internal", false],
];

for (const [host, internal] of HOSTS) {
  Deno.test(`isInternal: ${host}: ${internal ? "yes" : "no"}`, () => {
    assertEquals(isInternal(new URL(`https://${host}/`).hostname), internal);
  });
}
