import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvalidReferenceError } from "../errors.ts";
import { checkTag, isTag, MAX_TAG_LENGTH } from "./tag.ts";

const good = ["a", "A", "0", "_", "latest", "v1.2_beta-3", "3.20", "a..", "__", "a".repeat(128)];

for (const tag of good) {
  Deno.test(`tag: ${tag.slice(0, 40)} is one`, () => {
    assertEquals<string>(checkTag(tag), tag);
    assert(isTag(tag));
  });
}

const bad: [tag: string, problem: string][] = [
  ["", "is empty"],
  [".", 'starts with "."'],
  ["..", 'starts with "."'],
  ["-a", 'starts with "-"'],
  ["a/b", 'the character "/"'],
  ["../x", 'the character "/"'],
  ["a%2fb", 'the character "%"'],
  ["a:b", 'the character ":"'],
  ["sha256:00", 'the character ":"'],
  ["a+b", 'the character "+"'],
  ["a b", 'the character " "'],
  ["a\n", 'the character "\\n"'],
  ["a\0", 'the character "\\u0000"'],
  ["ä", 'the character "ä"'],
  ["a".repeat(MAX_TAG_LENGTH + 1), "has 129 characters, of at most 128"],
];

for (const [tag, problem] of bad) {
  Deno.test(`tag: ${JSON.stringify(tag.slice(0, 40))} ${problem}`, () => {
    const error = assertThrows(() => checkTag(tag), InvalidReferenceError, problem);
    assertEquals(error.code, "INVALID_REFERENCE");
    assert(error.message.startsWith("Cannot use "), error.message);
    assert(error.message.includes("a tag is [a-zA-Z0-9_]"), error.message);
    assert(!isTag(tag));
  });
}

Deno.test("tag: what is not a string is not one", () => {
  for (const value of [undefined, null, 3, {}, ["a"]]) {
    assert(!isTag(value));
    assertThrows(
      () => checkTag(value as unknown as string),
      InvalidReferenceError,
      "is not a string",
    );
  }
});
