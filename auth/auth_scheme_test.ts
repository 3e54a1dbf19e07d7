import { assert, assertEquals, assertThrows } from "@std/assert";
import { AuthenticationError } from "../errors.ts";
import { parseChallenges } from "./challenge.ts";
import { type AuthScheme, chooseScheme, sameScheme } from "./auth_scheme.ts";

const ORIGIN = "https://r.example";
const OWN = 'Bearer realm="https://r.example/token",service="s"';
const ELSEWHERE = 'Bearer realm="https://sso.example/token"';
const CLEAR = 'Bearer realm="http://sso.example/token"';
const BASIC = 'Basic realm="x"';

const ROWS: [name: string, header: string, chosen: string][] = [
  ["Bearer", OWN, "https://r.example/token s trusted"],
  ["Basic", BASIC, "basic"],
  ["Bearer before Basic", `${BASIC}, ${OWN}`, "https://r.example/token s trusted or basic"],
  [
    "unknown schemes are passed over",
    `NTLM, Foo a="b", ${OWN}`,
    "https://r.example/token s trusted",
  ],
  ["unknown schemes alone", "Negotiate YWJj, NTLM", "nothing"],
  ["no challenge", "", "nothing"],
  ["a Bearer without a realm", 'Bearer error="invalid_token"', "nothing"],
  ["a Bearer without a realm, then Basic", `Bearer service="s", ${BASIC}`, "basic"],
  ["a Bearer with a bad realm, then Basic", `${CLEAR}, ${BASIC}`, "basic"],
  ["a bad realm, then a good one", `${CLEAR}, ${OWN}`, "https://r.example/token s trusted"],
  ["a token service elsewhere", ELSEWHERE, "https://sso.example/token"],
  ["elsewhere, and Basic", `${ELSEWHERE}, ${BASIC}`, "https://sso.example/token or basic"],
  ["the first of two Bearers", `${ELSEWHERE}, ${OWN}`, "https://sso.example/token"],
];

function show(scheme: AuthScheme | undefined): string {
  if (scheme?.type !== "bearer") return scheme?.type ?? "nothing";
  const { realm, service, trusted, basic } = scheme;
  return [realm.href, service, trusted && "trusted", basic && "or basic"].filter(Boolean).join(" ");
}

for (const [name, header, chosen] of ROWS) {
  Deno.test(`chooseScheme: ${name}`, () => {
    assertEquals(show(chooseScheme(parseChallenges(header), ORIGIN)), chosen);
  });
}

Deno.test("chooseScheme goes by trustedRealms", () => {
  const scheme = chooseScheme(parseChallenges(ELSEWHERE), ORIGIN, { "r.example": "sso.example" });
  assertEquals(show(scheme), "https://sso.example/token trusted");
});

Deno.test("chooseScheme throws when the only way is by http", () => {
  assertThrows(
    () => chooseScheme(parseChallenges(CLEAR), ORIGIN),
    AuthenticationError,
    "it is https, and its token service",
  );
});

Deno.test("sameScheme compares type, realm and service", () => {
  const bearer = (realm: string, service?: string): AuthScheme => ({
    type: "bearer",
    realm: new URL(realm),
    trusted: true,
    basic: false,
    ...(service !== undefined && { service }),
  });
  assert(sameScheme(bearer("https://a.example/", "s"), bearer("https://a.example/", "s")));
  assert(!sameScheme(bearer("https://a.example/", "s"), bearer("https://a.example/", "t")));
  assert(!sameScheme(bearer("https://a.example/"), bearer("https://b.example/")));
  assert(!sameScheme(bearer("https://a.example/"), { type: "basic" }));
  assert(sameScheme({ type: "basic" }, { type: "basic" }));
  assert(!sameScheme({ type: "basic" }, undefined));
});
