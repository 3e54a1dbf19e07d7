import { assertEquals } from "@std/assert";
import { encodeHex } from "./hex.ts";

const cases: [name: string, bytes: number[], expected: string][] = [
  ["nothing", [], ""],
  ["small bytes keep their zero", [0, 1, 15], "00010f"],
  ["large bytes, in lower case", [16, 171, 255], "10abff"],
];

for (const [name, bytes, expected] of cases) {
  Deno.test(`encodeHex: ${name}`, () => {
    assertEquals(encodeHex(new Uint8Array(bytes)), expected);
  });
}

Deno.test("encodeHex: a view of a larger buffer", () => {
  const bytes = new Uint8Array([1, 2, 3, 4]);
  assertEquals(encodeHex(bytes.subarray(1, 3)), "0203");
  assertEquals([...bytes], [1, 2, 3, 4]);
});
