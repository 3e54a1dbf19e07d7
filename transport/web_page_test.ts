import { assertEquals } from "@std/assert";
import { isWebPage, strangeAnswer } from "./web_page.ts";

const encode = (text: string) => new TextEncoder().encode(text);

const BODIES: [name: string, body: string, page: boolean][] = [
  ["a page", "<!DOCTYPE html><html>", true],
  ["a page in capitals, after white space", "\r\n  <!doctype HTML>", true],
  ["a page without a type", '<html lang="en">', true],
  ["one behind a byte order mark", "\ufeff<html>", true],
  ["a storage's XML", '<?xml version="1.0"?><Error>', false],
  ["JSON about pages", '{"errors":[{"message":"<html>"}]}', false],
  ["a comment", "<!-- x -->", true],
  ["markup without a page around it", "<h1>Hello</h1>", true],
  ["XHTML", '<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml">', true],
  ["another element", "<body-part>", false],
  ["a word that begins like an element", "<bucket>", false],
  ["nothing", "", false],
];

for (const [name, body, page] of BODIES) {
  Deno.test(`isWebPage: ${name}`, () => assertEquals(isWebPage(encode(body)), page));
}

const ANSWERS: [name: string, type: string | undefined, body: string, said: string][] = [
  [
    "a page",
    "text/html; charset=utf-8",
    "<html>",
    "a.test answered 200 with text/html, a web page: of a proxy, a portal or a login, or of a web " +
    "server that is no registry",
  ],
  ["another type", "text/plain", "hello", "a.test answered 200 with text/plain"],
  ["no type", undefined, "hello", "a.test answered 200 with no Content-Type"],
  ["a long type", "x".repeat(500), "", `a.test answered 200 with ${"x".repeat(100)}`],
];

for (const [name, type, body, said] of ANSWERS) {
  Deno.test(`strangeAnswer: ${name}`, () => {
    const response = new Response(encode(body), { headers: type ? { "content-type": type } : {} });
    const answer = { response, url: new URL("https://a.test/v2/"), hops: [] };
    assertEquals(strangeAnswer(answer, encode(body)), said);
  });
}
