import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvalidDigestError } from "../errors.ts";
import { encodeText } from "./bytes.ts";
import {
  type Digest,
  digestEncoded,
  hashAlgorithm,
  isDigest,
  isDigestReference,
  parseDigest,
  toDigest,
} from "./digest.ts";
import { digestOf } from "./digest_of.ts";

const HEX = "0123456789abcdef".repeat(4);

const GRAMMAR: [name: string, text: unknown, ok: boolean][] = [
  ["sha256", `sha256:${HEX}`, true],
  ["sha512", `sha512:${HEX}${HEX}`, true],
  ["an unknown algorithm", "blake3:abc", true],
  [
    "an algorithm of parts",
    "multihash+base58.x_y-z:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
    true,
  ],
  ["every character of the encoded part", "x:aZ09=_-", true],
  ["an algorithm that objects have as a property", "constructor:abc", true],
  ["sha256 too short", `sha256:${HEX.slice(1)}`, false],
  ["sha256 too long", `sha256:${HEX}0`, false],
  ["sha256 in upper case", `sha256:${HEX.toUpperCase()}`, false],
  ["sha256 that is not hexadecimal", `sha256:${"g".repeat(64)}`, false],
  ["sha512 with the length of sha256", `sha512:${HEX}`, false],
  ["an algorithm in upper case", `SHA256:${HEX}`, false],
  ["no algorithm", `:${HEX}`, false],
  ["no encoded part", "sha256:", false],
  ["no colon", HEX, false],
  ["two colons", `a:b:c`, false],
  ["a separator at the end", "sha256+:abc", false],
  ["two separators", "a++b:abc", false],
  ["a path", "sha256:../../../etc/passwd", false],
  ["a slash", "blake3:a/b", false],
  ["a percent sign", "blake3:a%2fb", false],
  ["a line break at the end", `sha256:${HEX}\n`, false],
  ["nothing", "", false],
  ["undefined", undefined, false],
  ["a number", 1, false],
  ["an object that prints as one", { toString: () => `sha256:${HEX}` }, false],
];

for (const [name, text, ok] of GRAMMAR) {
  Deno.test(`isDigest, parseDigest: ${name}`, () => {
    assertEquals(isDigest(text), ok);
    if (ok) {
      assertEquals<string>(parseDigest(text as string), text as string);
    } else {
      const error = assertThrows(
        () => parseDigest(text as string),
        InvalidDigestError,
        "as a digest: it must be algorithm:encoded",
      );
      assertEquals(error.code, "INVALID_DIGEST");
    }
  });
}

Deno.test("parseDigest: a long text is cut in the message", () => {
  const error = assertThrows(() => parseDigest("x".repeat(100_000)), InvalidDigestError);
  assert(error.message.length < 400);
});

Deno.test("isDigestReference: names are none", () => {
  for (const name of ["app:v1", "localhost:5000", "sha256:abc", `a${"b".repeat(40)}:v1`, "v1"]) {
    assert(!isDigestReference(name), name);
  }
  for (const known of [`sha256:${"a".repeat(64)}`, `sha512:${"0".repeat(128)}`]) {
    assert(isDigestReference(known), known);
  }
  assert(isDigestReference(`blake3:${"f".repeat(64)}`));
});

Deno.test("isDigest: a text that is long and wrong costs nothing", () => {
  const started = performance.now();
  assert(!isDigest("a-".repeat(500_000)));
  assert(performance.now() - started < 20_000); // a square of it takes an hour
});

Deno.test("hashAlgorithm: sha256 and sha512 can be computed, others not", () => {
  assertEquals(hashAlgorithm(parseDigest(`sha256:${HEX}`)), "sha256");
  assertEquals(hashAlgorithm(parseDigest(`sha512:${HEX}${HEX}`)), "sha512");
  const error = assertThrows(
    () => hashAlgorithm(parseDigest("blake3:abc")),
    InvalidDigestError,
    "Cannot verify blake3:abc: the algorithm must be sha256 or sha512",
  );
  assertEquals(error.code, "INVALID_DIGEST");
});

Deno.test("parseDigest, hashAlgorithm: a name before a tag or digest is not wanted, and that is said", () => {
  const hint = ". Give the tag or digest alone";
  const read = (text: string) => hashAlgorithm(parseDigest(text));
  const names = [
    "app:v1",
    "App:v1",
    "app:1.2",
    "ghcr.io/you/app:v1",
    "localhost:5000/app",
    "you/app:v1",
  ];
  for (const text of [...names, `app@sha256:${HEX}`, `ghcr.io/you/app:v1@sha256:${HEX}`]) {
    const { message } = assertThrows(() => read(text), InvalidDigestError);
    assert(message.endsWith(hint), message);
  }
  for (const text of ["v1", "sha256:abc", `sha512:${HEX}`, `blake3:${HEX}`, undefined]) {
    const { message } = assertThrows(() => read(text as string), InvalidDigestError);
    assert(!message.includes(hint), message);
  }
});

Deno.test("digestEncoded, toDigest", () => {
  assertEquals(digestEncoded("blake3:abc" as Digest), "abc");
  assertEquals<string>(toDigest("sha256", new Uint8Array([0, 15, 255])), "sha256:000fff");
});

/** From FIPS 180-2 and its empty message. */
const KNOWN: [text: string, algorithm: "sha256" | "sha512" | undefined, expected: string][] = [
  [
    "",
    undefined,
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  ],
  [
    "abc",
    "sha256",
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  ],
  [
    "abc",
    "sha512",
    "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
  ],
];

for (const [text, algorithm, expected] of KNOWN) {
  Deno.test(`digestOf: ${algorithm ?? "the default"} of ${JSON.stringify(text)}`, async () => {
    assertEquals<string>(await digestOf(encodeText(text), algorithm), expected);
  });
}
