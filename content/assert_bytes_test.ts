import { Buffer } from "node:buffer";
import { assertEquals, fail } from "@std/assert";

/** As `assertEquals`, which takes its time over many bytes, as a callback for each of them does. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array, what = ""): void {
  assertEquals(actual.byteLength, expected.byteLength, what);
  if (Buffer.compare(actual, expected) === 0) return;
  fail(`byte ${expected.findIndex((byte, at) => byte !== actual[at])} differs: ${what}`);
}
