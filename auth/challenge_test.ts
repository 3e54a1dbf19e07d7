import { assert, assertEquals, assertLess } from "@std/assert";
import { parseChallenges } from "./challenge.ts";

type Row = [
  name: string,
  header: string | null,
  challenges: [scheme: string, params: Record<string, string> | string][],
];

const ROWS: Row[] = [
  ["no header", null, []],
  ["an empty header", "", []],
  ["commas and spaces alone", " , ,\t, ", []],
  ["Basic without parameters", "Basic", [["basic", {}]]],
  ["Basic with a realm", 'Basic realm="x"', [["basic", { realm: "x" }]]],
  [
    "Docker Hub's",
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",' +
    'scope="repository:library/alpine:pull"',
    [["bearer", {
      realm: "https://auth.docker.io/token",
      service: "registry.docker.io",
      scope: "repository:library/alpine:pull",
    }]],
  ],
  ["a comma inside quotes", 'Bearer scope="repository:a:pull,push",service="s"', [
    ["bearer", { scope: "repository:a:pull,push", service: "s" }],
  ]],
  ["several scopes", 'Bearer scope="repository:a:pull repository:b:pull"', [
    ["bearer", { scope: "repository:a:pull repository:b:pull" }],
  ]],
  ["escaped quotes and backslashes", String.raw`Basic realm="a \"b\" \\ c, d=\"e\""`, [
    ["basic", { realm: 'a "b" \\ c, d="e"' }],
  ]],
  ["an empty quoted value", 'Basic realm="", charset="UTF-8"', [
    ["basic", { realm: "", charset: "UTF-8" }],
  ]],
  ["two challenges in one header", 'Basic realm="x", Bearer realm="y",service="z"', [
    ["basic", { realm: "x" }],
    ["bearer", { realm: "y", service: "z" }],
  ]],
  ["three, joined as fetch joins headers", 'Bearer realm="y", Basic realm="x", Negotiate', [
    ["bearer", { realm: "y" }],
    ["basic", { realm: "x" }],
    ["negotiate", {}],
  ]],
  ["schemes and names in any case", 'BEARER Realm="y",SERVICE="Z"', [
    ["bearer", { realm: "y", service: "Z" }],
  ]],
  ["spaces around everything", '  Bearer   realm = "y" ,  service\t=\t"z"  ', [
    ["bearer", { realm: "y", service: "z" }],
  ]],
  ["values without quotes", "Bearer realm=y,service=z", [["bearer", { realm: "y", service: "z" }]]],
  ["a URL without quotes", "Bearer realm=https://a.example/t?x=1,service=z", [
    ["bearer", { realm: "https://a.example/t?x=1", service: "z" }],
  ]],
  ["token68", "Negotiate YWJj/+~-._==", [["negotiate", "YWJj/+~-._=="]]],
  ["token68, then another challenge", 'NTLM TlRMTVNT==, Basic realm="x"', [
    ["ntlm", "TlRMTVNT=="],
    ["basic", { realm: "x" }],
  ]],
  ["a scheme alone, then another", 'Negotiate, Basic realm="x"', [
    ["negotiate", {}],
    ["basic", { realm: "x" }],
  ]],
  ["a scheme that is not known", 'Foo a="1", b=2, Basic realm="x"', [
    ["foo", { a: "1", b: "2" }],
    ["basic", { realm: "x" }],
  ]],
  ["an error beside the scope", 'Bearer realm="y",error="insufficient_scope",scope="s"', [
    ["bearer", { realm: "y", error: "insufficient_scope", scope: "s" }],
  ]],
  ["a parameter twice: the first counts", 'Bearer realm="a",realm="b"', [
    ["bearer", { realm: "a" }],
  ]],
  ["empty list elements", ',,Basic realm="x",,,Bearer realm="y",', [
    ["basic", { realm: "x" }],
    ["bearer", { realm: "y" }],
  ]],
  ["parameters before any scheme", 'realm="x", Basic realm="y"', [["basic", { realm: "y" }]]],
  ["a quote that never ends", 'Bearer realm="https://a.example', [
    ["bearer", { realm: "https://a.example" }],
  ]],
  ["a backslash at the very end", 'Basic realm="a\\', [["basic", { realm: "a\\" }]]],
  ["a missing value", "Bearer realm=, service=z", [["bearer", { service: "z" }]]],
  ["no comma between challenges", 'Basic Bearer realm="y"', [
    ["basic", {}],
    ["bearer", { realm: "y" }],
  ]],
  ["no comma between parameters", 'Bearer realm="y" service="z"', [
    ["bearer", { realm: "y", service: "z" }],
  ]],
  ["garbage between", '=== Basic realm="x" ;;; @@ {}', [["basic", { realm: "x" }]]],
  ["non-ASCII text", 'Basic realm="Grüße, 世界"', [["basic", { realm: "Grüße, 世界" }]]],
  ["names of Object's own", 'Bearer __proto__="a",constructor="b"', [
    ["bearer", { ["__proto__"]: "a", constructor: "b" }],
  ]],
  ["a name with the token characters", "Foo !#$%&'*+.^_`|~09azAZ-=1,b=2", [
    ["foo", { "!#$%&'*+.^_`|~09azaz-": "1", b: "2" }],
  ]],
  ["GitLab's", 'Bearer realm="https://gitlab.com/jwt/auth",service="container_registry"', [
    ["bearer", { realm: "https://gitlab.com/jwt/auth", service: "container_registry" }],
  ]],
  [
    "ECR's",
    'Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"',
    [
      ["basic", {
        realm: "https://1.dkr.ecr.eu-west-1.amazonaws.com/",
        service: "ecr.amazonaws.com",
      }],
    ],
  ],
  ["a relative realm", 'Bearer realm="/token"', [["bearer", { realm: "/token" }]]],
];

for (const [name, header, expected] of ROWS) {
  Deno.test(`parseChallenges: ${name}`, () => {
    assertEquals(
      parseChallenges(header).map(({ scheme, params, token68 }) => [
        scheme,
        params.size === 0 && token68 !== undefined ? token68 : [...params],
      ]),
      expected.map(([scheme, params]) => [
        scheme,
        typeof params === "string" ? params : Object.entries(params),
      ]),
    );
  });
}

const KIB = 1024;

/** Each repeated to 256 KiB, four times what a server may send: a square would take minutes. */
const GARBAGE = [
  ",",
  " ",
  "a ",
  "a=",
  'a="',
  '"',
  "\\",
  'Basic realm="\\',
  "Basic a/",
  "Basic a=",
  "Basic ====",
  "Basic a      ",
  "Basic,",
  "Bearer realm=,",
  "x/y/z ",
  "é",
  "\u0000",
  "a b=c d ",
];

for (const piece of GARBAGE) {
  Deno.test(`parseChallenges is linear on ${JSON.stringify(piece)} repeated`, () => {
    for (const prefix of ["", "Basic ", 'Basic realm="', "Basic a/"]) {
      const header = prefix + piece.repeat(256 * KIB / piece.length);
      const started = performance.now();
      parseChallenges(header);
      assertLess(performance.now() - started, 20_000);
    }
  });
}

Deno.test("parseChallenges never throws on random bytes", () => {
  const alphabet = 'aB= ,"\\/\t;:é=Basic Bearer realm';
  let seed = 1;
  const next = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 2_000; round++) {
    const text = Array.from({ length: next(60) }, () => alphabet[next(alphabet.length)]).join("");
    for (const { scheme, params } of parseChallenges(text)) {
      assert(scheme !== "" && scheme === scheme.toLowerCase(), text);
      for (const name of params.keys()) assert(name !== "" && name === name.toLowerCase(), text);
    }
  }
});
