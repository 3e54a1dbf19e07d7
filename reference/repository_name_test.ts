import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { InvalidReferenceError } from "../errors.ts";
import { checkRepositoryName, isRepositoryName, MAX_NAME_LENGTH } from "./repository_name.ts";

const good = [
  "a",
  "0",
  "alpine",
  "library/alpine",
  "a/b",
  "a/b/c/d/e/f/g",
  "a.b",
  "a_b",
  "a__b",
  "a-b",
  "a--b",
  "a-----b",
  "a.b_c__d-e--f/0.1",
  "my--org/x",
  "b".repeat(64),
  "a".repeat(MAX_NAME_LENGTH),
  "a/".repeat(127) + "a",
];

for (const name of good) {
  Deno.test(`repository name: ${name.slice(0, 40)} is one`, () => {
    assertEquals<string>(checkRepositoryName(name), name);
    assert(isRepositoryName(name));
  });
}

const bad: [name: string, problem: string][] = [
  ["", "is empty"],
  ["/", "an empty component"],
  ["/a", "an empty component"],
  ["a/", "an empty component"],
  ["a//b", "an empty component"],
  [".", "dots alone"],
  ["..", "dots alone"],
  ["../a", "dots alone"],
  ["a/../b", "dots alone"],
  ["a/./b", "dots alone"],
  ["a/...", "dots alone"],
  ["A", "upper-case"],
  ["library/Alpine", "upper-case"],
  ["a..b", "on both sides"],
  ["a___b", "on both sides"],
  ["a._b", "on both sides"],
  ["a-_b", "on both sides"],
  ["-a", "on both sides"],
  ["a-", "on both sides"],
  ["_a/b", "on both sides"],
  ["a/b.", "on both sides"],
  ["a%2fb", 'the character "%"'],
  ["a%2Fb", "upper-case"],
  ["a\\b", 'the character "\\\\"'],
  ["a\0b", 'the character "\\u0000"'],
  ["a\nb", 'the character "\\n"'],
  ["a\n", 'the character "\\n"'],
  [" a", 'the character " "'],
  ["a ", 'the character " "'],
  ["a\tb", 'the character "\\t"'],
  ["a:b", 'the character ":"'],
  ["a@b", 'the character "@"'],
  ["a?b", 'the character "?"'],
  ["a#b", 'the character "#"'],
  ["a+b", 'the character "+"'],
  ["a~b", 'the character "~"'],
  ["ä", 'the character "ä"'],
  ["ａ", 'the character "ａ"'],
  ["a😀", 'the character "\\u{1f600}"'],
  ["a".repeat(MAX_NAME_LENGTH + 1), "has 256 characters, of at most 255"],
  ["a/".repeat(128) + "a", "has 257 characters, of at most 255"],
];

for (const [name, problem] of bad) {
  Deno.test(`repository name: ${JSON.stringify(name.slice(0, 40))} ${problem}`, () => {
    const error = assertThrows(() => checkRepositoryName(name), InvalidReferenceError, problem);
    assertEquals(error.code, "INVALID_REFERENCE");
    assert(error.message.startsWith("Cannot use "), error.message);
    assert(error.message.includes("a name is components [a-z0-9]+"), error.message);
    assert(!isRepositoryName(name));
  });
}

Deno.test("repository name: what is not a string is not one", () => {
  for (const value of [undefined, null, 3, {}, ["a"]]) {
    assert(!isRepositoryName(value));
    assertThrows(
      () => checkRepositoryName(value as unknown as string),
      InvalidReferenceError,
      "is not a string",
    );
  }
});

Deno.test("repository name: texts made to be slow are not", () => {
  const start = performance.now();
  for (
    const slow of [
      "a/".repeat(10_000) + "!",
      "a".repeat(100_000) + "!",
      "a" + "-".repeat(1_000_000),
      "a__".repeat(85) + "!",
      "a-".repeat(127) + "!",
      "a/".repeat(127) + "!",
    ]
  ) {
    for (let i = 0; i < 100; i++) assert(!isRepositoryName(slow));
  }
  assertLess(performance.now() - start, 20_000);
});
