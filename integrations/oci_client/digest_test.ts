import { assert, assertEquals, assertThrows } from "@std/assert";
import { Digest, HashAlgorithm } from "./digest.ts";

Deno.test("HashAlgorithm.parse: components, whatever separates them", () => {
  for (
    const [text, components, written] of [
      ["0", ["0"], "0"],
      ["a+b", ["a", "b"], "a+b"],
      ["a.b", ["a", "b"], "a+b"],
      ["a+b.c_d-e", ["a", "b", "c", "d", "e"], "a+b+c+d+e"],
    ] as [string, string[], string][]
  ) {
    const algorithm = HashAlgorithm.parse(text);
    assertEquals([...algorithm], components);
    assertEquals(algorithm.toString(), written);
    assert(!(algorithm.map((each) => each) instanceof HashAlgorithm));
  }
});

Deno.test("HashAlgorithm.parse: refuses what is empty or has other characters", () => {
  for (const text of ["", "a+", "a++b", "a+-+b", "A", "a|b", "a b"]) {
    assertThrows(() => HashAlgorithm.parse(text), SyntaxError);
  }
  assertThrows(() => new HashAlgorithm([]), SyntaxError);
});

Deno.test("Digest.parse: algorithm and encoded, and the same text again", () => {
  const texts = [
    "a:b",
    "a+a:b",
    "a.a:B_-=",
    `sha256:${"a".repeat(64)}`,
    `sha512:${"0".repeat(128)}`,
  ];
  for (const text of texts) {
    const digest = Digest.parse(text);
    assertEquals(digest.toString(), text);
    assertEquals(digest.encoded, text.slice(text.indexOf(":") + 1));
    assertEquals(`${new Digest(digest.algorithm, digest.encoded).encoded}`, digest.encoded);
  }
  assertEquals(new Digest("d+d", "e").toString(), "d+d:e");
});

Deno.test("Digest.parse: refuses what is none", () => {
  for (
    const text of [
      ...["deadbeef", "sha256", "a", "a:", "a::", "a:@", "a:+", ":b"],
      ...[`sha256:${"a".repeat(63)}`, `sha256:${"A".repeat(64)}`],
      ...[`sha512:${"a".repeat(127)}`, `sha512:${"A".repeat(128)}`],
    ]
  ) {
    assertThrows(() => Digest.parse(text), SyntaxError);
  }
});
