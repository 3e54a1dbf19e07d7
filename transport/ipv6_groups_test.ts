import { assertEquals } from "@std/assert";
import { ipv6Groups } from "./ipv6_groups.ts";

const ADDRESSES: [address: string, groups: number[]][] = [
  ["::", [0, 0, 0, 0, 0, 0, 0, 0]],
  ["::1", [0, 0, 0, 0, 0, 0, 0, 1]],
  ["2001:db8::", [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0]],
  ["64:ff9b::a00:1", [0x64, 0xff9b, 0, 0, 0, 0, 0xa00, 1]],
  ["1:2:3:4:5:6:7:8", [1, 2, 3, 4, 5, 6, 7, 8]],
];

for (const [address, groups] of ADDRESSES) {
  Deno.test(`ipv6Groups: ${address}`, () => assertEquals(ipv6Groups(address), groups));
}
