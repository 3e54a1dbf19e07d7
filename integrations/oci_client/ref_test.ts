import { assertEquals, assertThrows } from "@std/assert";
import { Digest } from "./digest.ts";
import { Ref } from "./ref.ts";

const parsed: [text: string, domain: string | undefined, name: string, reference?: string][] = [
  ["a", undefined, "a"],
  ["a/b/c", undefined, "a/b/c"],
  ["x.com/a/b/c", "x.com", "a/b/c"],
  ["x.com:80/a/b/c", "x.com:80", "a/b/c"],
  ["localhost:5000/a", "localhost:5000", "a"],
  ["[::1]:5000/a", "[::1]:5000", "a"],
  ["localhost/a", undefined, "localhost/a"],
  ["a/b/c:latest", undefined, "a/b/c", "latest"],
  ["a/x.com:80", undefined, "a/x.com", "80"],
  ["a/b/c@d:e", undefined, "a/b/c", "d:e"],
  ["x.com/a/b/c:latest", "x.com", "a/b/c", "latest"],
  ["x.com/a/b/c@d+d:e", "x.com", "a/b/c", "d+d:e"],
];

for (const [text, domain, name, reference] of parsed) {
  Deno.test(`Ref.parse: ${text}`, () => {
    const ref = Ref.parse(text);
    assertEquals([ref.domain, ref.name, ref.reference?.toString()], [domain, name, reference]);
    assertEquals(ref.reference instanceof Digest, text.includes("@"));
    assertEquals(ref.toString(), text);
  });
}

Deno.test("Ref.parse: refuses empty components, and digests that are none", () => {
  for (
    const text of [
      ...["", "/", "//", "a/", "a//b", "x.com/", ":latest", "a/:latest", "@d:e", "a/@d:e"],
      ...["A", "a b", "a:", "a@", "a@d", "a:b:c", "a:b@d:e", "x .com/a", "a.b/c?d"],
    ]
  ) {
    assertThrows(() => Ref.parse(text), Error);
  }
  assertThrows(() => Ref.parse("a@d"), SyntaxError);
});

Deno.test("Ref: refuses a bad tag or domain", () => {
  for (const reference of ["b@r", ".bar", `v${"0".repeat(128)}`]) {
    assertThrows(() => new Ref("foo", { reference }), Error);
  }
  for (const domain of ["x .com", "", "http://x.com", "you@x.com", "x.com/a"]) {
    assertThrows(() => new Ref("foo", { domain }), Error, "invalid domain");
  }
});

Deno.test("Ref: with another registry, with another tag or digest", () => {
  const ref = new Ref("a/b", { domain: "x.com", reference: "v1" });
  assertEquals(ref.withDomain("y.com:80").toString(), "y.com:80/a/b:v1");
  assertEquals(ref.withReference("v2").toString(), "x.com/a/b:v2");
  assertEquals(ref.withReference("d:e").toString(), "x.com/a/b@d:e");
  assertEquals(ref.toString(), "x.com/a/b:v1");
});
