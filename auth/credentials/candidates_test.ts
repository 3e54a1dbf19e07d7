import { assertEquals, assertThrows } from "@std/assert";
import { CredentialError } from "../../errors.ts";
import { type Candidate, candidatesIn, helpersFor } from "./candidates.ts";
import { parseDockerConfig } from "./docker_config.ts";

const HUB = "https://index.docker.io/v1/";

/** A candidate as a line: an entry's key, or a helper and the server's name for it. */
const line = (one: Candidate) => "helper" in one ? `${one.helper}: ${one.server}` : one.key;

const CASES: [name: string, config: object, target: string, expected: string[]][] = [
  ["nothing", {}, "a.io/app", []],
  [
    "entries alone, the longest path first",
    {
      auths: { "a.io": {}, "b.io": {}, "a.io/org": {}, "a.io/org/app": {} },
    },
    "a.io/org/app",
    ["a.io/org/app", "a.io/org", "a.io"],
  ],
  [
    "entries for a part, then helpers, then entries for all",
    {
      auths: { "a.io": {}, "https://a.io/v1/": {}, "a.io/org": {} },
      credHelpers: { "a.io": "one", "b.io": "three" },
      credsStore: "two",
    },
    "a.io/org/app",
    [
      "a.io/org",
      "one: a.io",
      "one: https://a.io/v1/",
      "two: a.io",
      "two: https://a.io/v1/",
      "a.io",
      "https://a.io/v1/",
    ],
  ],
  ["a helper under the key that names it", { credHelpers: { "https://a.io": "one" } }, "a.io", [
    "one: a.io",
    "one: https://a.io",
  ]],
  ["one helper named twice", { credHelpers: { "a.io": "s" }, credsStore: "s" }, "a.io", [
    "s: a.io",
  ]],
  ["no helper", { auths: { "a.io": {} }, credHelpers: { "a.io": "" }, credsStore: "s" }, "a.io", [
    "a.io",
  ]],
  ["Docker Hub", { credsStore: "s" }, "registry-1.docker.io/library/alpine", [`s: ${HUB}`]],
];

for (const [name, config, target, expected] of CASES) {
  Deno.test(`candidatesIn: ${name}`, () => {
    const [host = "", ...path] = target.split("/");
    const repository = path.join("/");
    const wanted = { host, ...(repository && { repository }) };
    const found = candidatesIn(JSON.stringify(config), "config.json", wanted, []);
    assertEquals(found.map(line), expected);
  });
}

Deno.test("candidatesIn: a helper that was tried is left out; an entry never is", () => {
  const target = { host: "a.io" };
  const text = JSON.stringify({ auths: { "a.io": {}, "A.io": {} }, credsStore: "s" });
  const tried = candidatesIn('{"auths":{"a.io":{}},"credsStore":"s"}', "one", target, []);
  assertEquals(tried.map(line), ["s: a.io", "a.io"]);
  assertEquals(candidatesIn(text, "two", target, tried).map(line), ["s: A.io", "a.io", "A.io"]);
});

Deno.test("candidatesIn: a missing file has none, a broken one throws", () => {
  const target = { host: "a.io" };
  assertEquals(candidatesIn(undefined, "config.json", target, []), []);
  for (const text of ["", "[]", '{"credHelpers":{"a.io":"x y"}}']) {
    assertThrows(() => candidatesIn(text, "config.json", target, []), CredentialError);
  }
});

Deno.test("helpersFor: more keys come last, for each helper", () => {
  const config = parseDockerConfig('{"credHelpers":{"a.io":"one"},"credsStore":"two"}', "x");
  assertEquals(helpersFor(config, { host: "a.io" }, ["more", "a.io"]).map(line), [
    "one: a.io",
    "one: more",
    "two: a.io",
    "two: more",
  ]);
});
