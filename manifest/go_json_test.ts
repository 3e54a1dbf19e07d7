import { assertEquals } from "@std/assert";
import { goJson, type GoValue } from "./go_json.ts";

// What Go 1.26 printed for each.
const cases: [title: string, value: GoValue, json: string][] = [
  ["a struct keeps its order", { b: 1, a: "x", none: undefined }, '{"b":1,"a":"x"}'],
  ["null, and an empty list", { layers: null, urls: [] }, '{"layers":null,"urls":[]}'],
  ["HTML's characters", "<a href='x'>&", `"\\u003ca href='x'\\u003e\\u0026"`],
  ["line separators", "\u2028\u2029", '"\\u2028\\u2029"'],
  ["control characters", "\b\f\n\r\t\0\x1f\x7f", '"\\b\\f\\n\\r\\t\\u0000\\u001f\x7f"'],
  ["quotes, slashes, other letters", '"\\/é😀', '"\\"\\\\/é😀"'],
  ["half a surrogate pair", "a\ud800b\udc00", '"a\ufffdb\ufffd"'],
  [
    "a map, by bytes: integers, prefixes, astral after U+FFFF",
    new Map([["😀", "7"], ["\uffff", "6"], ["ab", "5"], ["a", "4"], ["9", "3"], ["10", "2"], [
      "",
      "",
    ]]),
    '{"":"","10":"2","9":"3","a":"4","ab":"5","\uffff":"6","😀":"7"}',
  ],
];

for (const [title, value, json] of cases) {
  Deno.test(`goJson: ${title}`, () => assertEquals(goJson(value), json));
}
