import { assertEquals } from "@std/assert";
import type { RegistryError } from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import { registryErrors } from "./registry_errors.ts";

const CASES: [name: string, body: string, expected: RegistryError[]][] = [
  ["an empty body", "", []],
  ["white space", " \n", []],
  [
    "the specification's form",
    '{"errors":[{"code":"NAME_UNKNOWN","message":"no such","detail":{"name":"a"}}]}',
    [{ code: "NAME_UNKNOWN", message: "no such", detail: { name: "a" } }],
  ],
  [
    "several",
    '{"errors":[{"code":"A","message":"a"},{"code":"B","message":"b"}]}',
    [{ code: "A", message: "a" }, { code: "B", message: "b" }],
  ],
  ["a code alone", '{"errors":[{"code":"DENIED"}]}', [{ code: "DENIED", message: "" }]],
  ["a message alone", '{"errors":[{"message":"no"}]}', [{ message: "no" }]],
  ["texts in the list", '{"errors":["no"]}', [{ message: "no" }]],
  ["an empty list", '{"errors":[]}', []],
  ["entries that are nothing", '{"errors":[null,1,{},[],{"code":1}]}', []],
  ["a code that is a number", '{"errors":[{"code":1,"message":"no"}]}', [{ message: "no" }]],
  ["errors that are no list", '{"errors":"no","message":"why"}', [{ message: "why" }]],
  ["Quay's and Artifactory's own", '{"error":"not found"}', [{ message: "not found" }]],
  ["a token service's", '{"details":"bad password"}', [{ message: "bad password" }]],
  ["an object of no meaning", '{"status":404}', []],
  ["a JSON text", '"no"', [{ message: "no" }]],
  ["JSON of no meaning", "42", []],
  ["JSON null", "null", []],
  ["plain text", "404 page not found\n", [{ message: "404 page not found" }]],
  ["JSON that was cut", '{"errors":[{"code":"A"', [{ message: '{"errors":[{"code":"A"' }]],
  ["content in an error's place", "PK\x03\x04\0\0 and more", []],
  ["text with colours", "\x1b[31mno\x1b[0m", [{ message: "\x1b[31mno\x1b[0m" }]],
  ["a web page", "\n<!DOCTYPE html><html></html>", []],
  ["a web page's title", "<html><TITLE>\n502 Bad Gateway </title></html>", [
    { message: "502 Bad Gateway" },
  ]],
  ["a title that was cut", "<html><title>502 Bad", []],
  ["an empty title", "<html><title> </title></html>", []],
];

for (const [name, body, expected] of CASES) {
  Deno.test(`registryErrors: ${name}`, () => {
    assertEquals(registryErrors(encodeText(body)), expected);
  });
}

Deno.test("registryErrors: 2,000 characters of a message are kept", () => {
  const [error] = registryErrors(encodeText("x".repeat(65_536)));
  assertEquals(error!.message, "x".repeat(2_000) + "…");
});

Deno.test("registryErrors: 32 errors are kept", () => {
  const errors = Array.from({ length: 100 }, (_, i) => ({ code: `C${i}` }));
  const kept = registryErrors(encodeText(JSON.stringify({ errors })));
  assertEquals([kept.length, kept.at(-1)!.code], [32, "C31"]);
});

Deno.test("registryErrors: bytes that are no text do not throw", () => {
  assertEquals(registryErrors(new Uint8Array([0xff, 0xfe])), [{ message: "\ufffd\ufffd" }]);
});
