import { assertEquals, assertThrows } from "@std/assert";
import { InvalidManifestError, ManifestVerificationError } from "../errors.ts";
import { checkNesting } from "./check_nesting.ts";

const ACCEPTED = [
  { name: "an empty object", json: "{}" },
  { name: "one name in sibling objects", json: '[{"a":1},{"a":2}]' },
  { name: "one name in an object and its child", json: '{"a":{"a":{"a":1}}}' },
  { name: "a value that equals a name", json: '{"a":"a","b":["a","a"]}' },
  { name: "braces, colons and quotation marks in strings", json: '{"a":"{\\"a\\":","b":"\\\\"}' },
  { name: "a member spelled out in a string", json: '{"a":"\\",\\"a\\":","b":1}' },
  { name: "backslashes at the end of strings", json: '{"a\\\\":"\\\\\\\\","b":"\\\\\\"","a":1}' },
  { name: "names that differ in case", json: '{"a":1,"A":2}' },
  { name: "an object after a list", json: '{"a":[{"b":1}],"b":1}' },
  { name: "1,000 levels", json: "[".repeat(1_000) + "]".repeat(1_000) },
];

for (const { name, json } of ACCEPTED) {
  Deno.test(`checkNesting takes ${name}`, () => checkNesting(json));
}

const REFUSED = [
  { name: "a name twice", json: '{"a":1,"b":2,"a":3}' },
  { name: "a name twice, further in", json: '[{"x":{"a":1, "a" :2}}]' },
  { name: "a name twice, once escaped", json: '{"a":1,"\\u0061":2}' },
  { name: "an empty name twice", json: '{"":1,"":2}' },
  { name: "__proto__ twice", json: '{"__proto__":1,"__proto__":2}' },
  { name: "a name twice, with a child between", json: '{"a":{"b":[1]},"a"\n\t\r :{}}' },
];

for (const { name, json } of REFUSED) {
  Deno.test(`checkNesting refuses ${name}`, () => {
    assertEquals(typeof JSON.parse(json), "object");
    assertThrows(() => checkNesting(json), ManifestVerificationError, "twice in one object");
  });
}

Deno.test("checkNesting refuses 1,001 levels", () => {
  assertThrows(() => checkNesting("[".repeat(1_001)), InvalidManifestError, "1000 levels");
});
