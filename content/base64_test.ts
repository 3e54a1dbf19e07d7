import { assertEquals, assertThrows } from "@std/assert";
import { decodeBase64, encodeBase64 } from "./base64.ts";

// RFC 4648, section 10, and what its examples leave out.
const cases: [name: string, bytes: Uint8Array, expected: string][] = [
  ["nothing", new Uint8Array(), ""],
  ["one byte, two of padding", new TextEncoder().encode("f"), "Zg=="],
  ["two bytes, one of padding", new TextEncoder().encode("fo"), "Zm8="],
  ["three bytes", new TextEncoder().encode("foo"), "Zm9v"],
  ["beyond ASCII", new TextEncoder().encode("pä:ß€"), "cMOkOsOf4oKs"],
  ["the digits 62 and 63", new Uint8Array([251, 255, 191]), "+/+/"],
  ["a view of a larger buffer", new Uint8Array([0, 102, 0]).subarray(1, 2), "Zg=="],
];

for (const [name, bytes, expected] of cases) {
  Deno.test(`encodeBase64 and decodeBase64: ${name}`, () => {
    assertEquals(encodeBase64(bytes), expected);
    assertEquals(decodeBase64(expected), new Uint8Array(bytes));
  });
}

Deno.test("decodeBase64: white space and padding may be as they like, other characters may not", () => {
  assertEquals(decodeBase64(" Zm\n8"), decodeBase64("Zm8="));
  for (const text of ["Zm8*", "_-_-", "Z", "Zm=8"]) assertThrows(() => decodeBase64(text), text);
});
