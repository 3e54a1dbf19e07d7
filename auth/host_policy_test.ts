import { assertEquals } from "@std/assert";
import { publicHostsOnly } from "./host_policy.ts";

const PUBLIC = [
  "ghcr.io",
  "registry-1.docker.io",
  "registry-1.docker.io:443",
  "GHCR.IO",
  "ghcr.io.",
  "registry.example.com:5000",
  "internal.example.com",
  "local.example.com",
  "localhost.example.com",
  "münchen.de",
  "xn--mnchen-3ya.de",
  "8.8.8.8",
  "8.8.8.8:5000",
  "9.255.255.255",
  "11.0.0.0",
  "100.63.255.255",
  "100.128.0.0",
  "126.255.255.255",
  "128.0.0.1",
  "168.63.129.15",
  "172.15.255.255",
  "172.32.0.0",
  "192.0.1.1",
  "192.167.255.255",
  "192.169.0.0",
  "198.17.255.255",
  "198.20.0.0",
  "223.255.255.255",
  "[2606:4700:4700::1111]",
  "[2606:4700:4700::1111]:5000",
  "2a00:1450:4001:80b::200e",
  "[2001:4860:4860::8888]",
  "[64:ff9b::8.8.8.8]",
];

const REFUSED = [
  "",
  ".",
  "localhost",
  "localhost:5000",
  "LOCALHOST",
  "localhost.",
  "app.localhost",
  "registry",
  "registry:5000",
  "registry.local",
  "registry.internal",
  "host.docker.internal",
  "metadata.google.internal",
  "registry.default.svc",
  "registry.default.svc.cluster.local",
  "registry.lan",
  "registry.home.arpa",
  "registry.corp",
  "registry.test",
  "0.0.0.0",
  "0.1.2.3",
  "10.0.0.1",
  "10.255.255.255",
  "100.64.0.1",
  "100.100.100.200",
  "127.0.0.1",
  "127.0.0.1:5000",
  "127.1",
  "127.255.255.254",
  "2130706433",
  "0x7f000001",
  "0x7f.1",
  "0177.0.0.1",
  "017700000001",
  "127。0。0。1",
  "①②⑦.0.0.1",
  "168.63.129.16",
  "169.254.169.254",
  "0xa9fea9fe",
  "172.16.0.1",
  "172.31.255.255",
  "192.0.0.192",
  "192.0.2.1",
  "192.88.99.1",
  "192.168.1.1",
  "3232235777",
  "198.18.0.1",
  "198.19.255.255",
  "198.51.100.1",
  "203.0.113.1",
  "224.0.0.1",
  "239.255.255.255",
  "240.0.0.1",
  "255.255.255.255",
  "256.1.1.1",
  "1.2.3.4.5",
  "[::]",
  "[::1]",
  "[::1]:5000",
  "::1",
  "[0:0:0:0:0:0:0:1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:8.8.8.8]",
  "[::127.0.0.1]",
  "[64:ff9b::10.0.0.1]",
  "[64:ff9b::127.0.0.1]",
  "[64:ff9b:1::8.8.8.8]",
  "[100::1]",
  "[2001::1]",
  "[2001:db8::1]",
  "[2002:7f00:1::]",
  "[3fff::1]",
  "[5f00::1]",
  "[fc00::1]",
  "[fd00:ec2::254]",
  "[fe80::1]",
  "[fec0::1]",
  "[ff02::1]",
  "[4000::1]",
  "you@ghcr.io",
  "you:me@127.0.0.1",
  "ghcr.io/path",
  "ghcr.io?x",
  "ghcr.io:99999",
  "a b.example.com",
  "a..example.com",
];

for (const host of PUBLIC) {
  Deno.test(`publicHostsOnly allows ${host}`, () => {
    assertEquals(publicHostsOnly()(host, "registry"), true);
  });
}

for (const host of REFUSED) {
  Deno.test(`publicHostsOnly refuses "${host}"`, () => {
    assertEquals(publicHostsOnly()(host, "realm"), false);
  });
}

const ADDRESSES: [addresses: string[], allowed: boolean][] = [
  [[], true],
  [["140.82.121.34"], true],
  [["140.82.121.34", "2606:4700:4700::1111"], true],
  [["140.82.121.34", "10.0.0.1"], false],
  [["127.0.0.1"], false],
  [["::1"], false],
  [["fe80::1%eth0"], false],
  [["::ffff:10.0.0.1"], false],
  [["64:ff9b::8c52:7922"], true],
  [["64:ff9b::a00:1"], false],
  [["not an address"], false],
  [["ghcr.io"], false],
  [[""], false],
];

for (const [addresses, allowed] of ADDRESSES) {
  Deno.test(`publicHostsOnly ${allowed ? "allows" : "refuses"} a name at [${addresses}]`, () => {
    assertEquals(publicHostsOnly()("registry.example.com", "redirect", addresses), allowed);
  });
}

Deno.test("publicHostsOnly looks at the name whatever the addresses are", () => {
  assertEquals(publicHostsOnly()("localhost", "registry", ["8.8.8.8"]), false);
});
