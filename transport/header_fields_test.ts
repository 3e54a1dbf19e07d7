import { assertEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import { checkFields, copyFields, headerFields } from "./header_fields.ts";

const INITS: [string, HeadersInit][] = [
  ["a record", { Accept: "a/b", "X-Own": "1" }],
  ["pairs", [["Accept", "a/b"], ["X-Own", "1"]]],
  ["Headers", new Headers({ Accept: "a/b", "X-Own": "1" })],
];

for (const [what, init] of INITS) {
  Deno.test(`headerFields: of ${what}, whatever the case of a name`, () => {
    const fields = headerFields(init);
    assertEquals([...fields], [["accept", "a/b"], ["x-own", "1"]]);
    assertEquals([fields.get("ACCEPT"), fields.has("x-OWN"), fields.get("no")], [
      "a/b",
      true,
      null,
    ]);
    fields.set("ACCEPT", "c/d");
    fields.delete("X-own");
    assertEquals(new Map(copyFields(fields)), new Map([["accept", "c/d"]]));
  });
}

Deno.test("headerFields: the same name several times is one value", () => {
  assertEquals(headerFields([["accept", "a"], ["Accept", "b"]]).get("accept"), "a, b");
});

for (const fields of [headerFields({ a: "1" }), new Headers({ a: "1" })]) {
  Deno.test(`copyFields: a copy of ${fields.constructor.name} is written to alone`, () => {
    const copy = copyFields(fields);
    copy.set("a", "2");
    copy.set("b", "3");
    assertEquals([...copy], [["a", "2"], ["b", "3"]]);
    assertEquals([...fields], [["a", "1"]]);
  });
}

Deno.test("checkFields: what a request cannot carry, and its value stays untold", () => {
  checkFields("hosts", { "x-own": "grün", a: "" });
  const refused: Record<string, string>[] = [{ "x own": "secret" }, { a: "secret\nb: c" }, {
    a: "secret ✓",
  }];
  for (const headers of refused) {
    const [name] = Object.keys(headers);
    const error = assertThrows(
      () => checkFields("hosts", headers),
      InvalidOptionError,
      `"${name}"`,
    );
    assertEquals(error.message.includes("secret"), false);
  }
});
