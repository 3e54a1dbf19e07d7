import { assertEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../../errors.ts";
import { hostOption, registryHost } from "./registry_host.ts";

const CASES: [text: string, expected: string | undefined][] = [
  ["Registry.Example.com", "registry.example.com"],
  ["registry.example.com:443", "registry.example.com"],
  ["registry.example.com:8443", "registry.example.com:8443"],
  ["[2001:DB8:0::1]:5000", "[2001:db8::1]:5000"],
  ["", undefined],
  ["https://registry.example.com", undefined],
  ["registry.example.com/group", undefined],
  ["you@registry.example.com", undefined],
  ["registry.example.com:99999", undefined],
  ["registry.example.com\n", undefined],
];

for (const [text, expected] of CASES) {
  Deno.test(`registryHost, hostOption: ${JSON.stringify(text)}`, () => {
    assertEquals(registryHost(text), expected);
    if (expected !== undefined) return assertEquals(hostOption("x", text), expected);
    assertThrows(
      () => hostOption("x", text),
      InvalidOptionError,
      "Cannot use x: host must be a host",
    );
  });
}
