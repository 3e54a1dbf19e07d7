import { assertEquals, assertThrows } from "@std/assert";
import { InvalidContentError } from "../errors.ts";
import { readYaml, type Yaml } from "./yaml.ts";

/** A chart's file with all that charts have in them. */
const CHART = `# Copyright of somebody
---
annotations:
  category: Database
  images: |
    - name: nginx
      image: docker.io/nginx:1.27

    - name: exporter
  artifacthub.io/links: >-
    one
    two

    three
apiVersion: v2
appVersion: 1.10 # not a number
dependencies:
- condition: redis.enabled
  name: redis
  repository: oci://registry.example.com/charts
  version: "20.x.x"
  import-values:
    - child: a.b
      parent: c
- name: 'common''s'
  tags: [one, "two, three", 'four']
description: A long text that
  goes on in the next line

  and after an empty one
home: https://example.com/#fragment
keywords:
  - http
  -   web # a comment
maintainers: # with a comment
  - {name: Jane, email: j@example.com}
  -
    name: "J\\u00f6rg \\"x\\""
deprecated: false
icon:
type: ~
"quoted key": yes
`;

Deno.test("readYaml: a chart", () => {
  assertEquals(readYaml(CHART), {
    annotations: {
      category: "Database",
      images: "- name: nginx\n  image: docker.io/nginx:1.27\n\n- name: exporter\n",
      "artifacthub.io/links": "one two\nthree",
    },
    apiVersion: "v2",
    appVersion: "1.10",
    dependencies: [{
      condition: "redis.enabled",
      name: "redis",
      repository: "oci://registry.example.com/charts",
      version: "20.x.x",
      "import-values": [{ child: "a.b", parent: "c" }],
    }, { name: "common's", tags: ["one", "two, three", "four"] }],
    description: "A long text that goes on in the next line\nand after an empty one",
    home: "https://example.com/#fragment",
    keywords: ["http", "web"],
    maintainers: [{ name: "Jane", email: "j@example.com" }, { name: 'Jörg "x"' }],
    deprecated: "false",
    icon: null,
    type: null,
    "quoted key": "yes",
  });
});

const right: [text: string, value: Yaml][] = [
  ["", null],
  ["# nothing\n", null],
  ["---\na: b\n", { a: "b" }],
  ["\ufeffa: b\r\nc: d\r\n", { a: "b", c: "d" }],
  ["a:\n  b:\n    c: d\ne: f", { a: { b: { c: "d" } }, e: "f" }],
  ["- - a\n  - b\n- c", [["a", "b"], "c"]],
  ["a: []\nb: {}\nc: [ ]", { a: [], b: {}, c: [] }],
  ["a: {b: [c, {d: e}], f: null}", { a: { b: ["c", { d: "e" }], f: null } }],
  ["a: |\n  x\n   y\n\n\nb: c", { a: "x\n y\n", b: "c" }],
  ["a: |-\n  x\n\nb: c", { a: "x", b: "c" }],
  ["a: |+\n  x\n\nb: c", { a: "x\n\n", b: "c" }],
  ["a: >\n  x\n  y\n\n  z\n    more\n  w\n", { a: "x y\nz\n  more\nw\n" }],
  ["a: |\nb: c", { a: "", b: "c" }],
  ["a: 'it''s: # here'", { a: "it's: # here" }],
  ['a: "\\x41\\u0042\\U00000043\\n\\t\\\\"', { a: "ABC\n\t\\" }],
  ["a: b:c", { a: "b:c" }],
  ["a: b#c", { a: "b#c" }],
  ["a: -1\nb: -x", { a: "-1", b: "-x" }],
  ["constructor: a\n__proto__: b", JSON.parse('{"constructor": "a", "__proto__": "b"}')],
  ["a:\n- b\n- c\nd: e", { a: ["b", "c"], d: "e" }],
  ["a: http://x/{y}", { a: "http://x/{y}" }],
  ["plain", "plain"],
  ["a: 'it''s\n  folded\n\n\n  twice'\nb: c", { a: "it's folded\n\ntwice", b: "c" }],
  ['a: "b\n  c\\\n  \\ d\\\\\n  e"', { a: "b c d\\ e" }],
  ["- 'a\n  b'\n- c", ["a b", "c"]],
  ["a:\n  b: |2\n\n      c\n    d\n  e: f", { a: { b: "\n  c\nd\n", e: "f" } }],
  ["a: |1-\n  b\n", { a: " b" }],
  ["a: |-1\n  b\n", { a: " b" }],
  ["- |2\n   a\n- b", [" a\n", "b"]],
  ["a: |\n  b  \n  \n   \n  c\n", { a: "b  \n\n \nc\n" }],
  ['a: "\\N\\_\\L\\P"', { a: "\x85\xa0\u2028\u2029" }],
];

for (const [text, value] of right) {
  Deno.test(`readYaml: ${JSON.stringify(text)}`, () => assertEquals(readYaml(text), value));
}

const refused: [text: string, line: number][] = [
  ["a: &b c", 1],
  ["a: *b", 1],
  ["a: !!str b", 1],
  ["a: b\n<<: *c", 2],
  ["a: b\na: c", 2],
  ["a: {b: c, b: d}", 1],
  ["a: b\n---\nc: d", 2],
  ["%YAML 1.2\n---\na: b", 1],
  ["a:\n\tb: c", 2],
  ["a: b: c", 1],
  ["a: b\n  c: d", 2],
  ["a: 'b", 1],
  ["a: [b,\n  c]", 1],
  ["a: [b", 1],
  ["a: {b}", 1],
  ["a: 'b' c", 1],
  ["a: [b] c", 1],
  ["a: |22\n    b", 1],
  ["a: |-2+\n    b", 1],
  ["a: 'it''s\nb: c", 1],
  ['a: "b\\', 1],
  ["a: |\n    b\n  c", 3],
  ["? a\n: b", 1],
  ["a: b\nc", 2],
  ["  a: b\nc: d", 2],
  ["a: @b", 1],
  ["a: `b", 1],
  ['a: "\\q"', 1],
  ['a: "\\U00110000"', 1],
  ["a: - b", 1],
  [`a: ${"[".repeat(100)}`, 1],
  [Array.from({ length: 100 }, (_, at) => `${" ".repeat(at)}a:`).join("\n"), 52],
];

for (const [text, line] of refused) {
  Deno.test(`readYaml: ${JSON.stringify(text.slice(0, 40))}: refused`, () => {
    assertThrows(() => readYaml(text), InvalidContentError, `in line ${line} `);
  });
}
