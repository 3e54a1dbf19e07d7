import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidContentError } from "../errors.ts";
import { checkDescriptor } from "./descriptor.ts";

const GOOD = { mediaType: "text/plain", digest: `sha256:${"0".repeat(64)}`, size: 5 };

const TAKEN: [name: string, value: object][] = [
  ["the three required fields", GOOD],
  ["no bytes", { ...GOOD, size: 0 }],
  ["unknown fields, which are kept", { ...GOOD, "x-unknown": 1 }],
  ["an algorithm unknown here", { ...GOOD, digest: "blake3:abc" }],
];

for (const [name, value] of TAKEN) {
  Deno.test(`checkDescriptor: takes ${name}`, () => {
    assertStrictEquals(checkDescriptor(value, "it"), value);
  });
}

const REFUSED: [name: string, value: unknown, message: string][] = [
  ["null", null, "it is not an object"],
  ["a text", "x", "it is not an object"],
  ["a list", [GOOD], "it is not an object"],
  ["no media type", { ...GOOD, mediaType: undefined }, "mediaType is not a string"],
  ["a media type that is a number", { ...GOOD, mediaType: 1 }, "mediaType is not a string"],
  ["no digest", { ...GOOD, digest: undefined }, "digest is not a digest"],
  ["a digest with a path", { ...GOOD, digest: "sha256:../x" }, "digest is not a digest"],
  ["no size", { ...GOOD, size: undefined }, "size is not a count of bytes"],
  ["a size that is a text", { ...GOOD, size: "5" }, "size is not a count of bytes"],
  ["a negative size", { ...GOOD, size: -1 }, "size is not a count of bytes"],
  ["half a byte", { ...GOOD, size: 0.5 }, "size is not a count of bytes"],
  ["more bytes than can be counted", { ...GOOD, size: 2 ** 53 }, "size is not a count of bytes"],
];

for (const [name, value, message] of REFUSED) {
  Deno.test(`checkDescriptor: refuses ${name}`, () => {
    const error = assertThrows(
      () => checkDescriptor(value, "layer 1"),
      InvalidContentError,
      `Cannot use layer 1 as a descriptor: ${message}`,
    );
    assertEquals(error.code, "INVALID_CONTENT");
  });
}
