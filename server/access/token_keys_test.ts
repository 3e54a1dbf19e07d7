import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import * as jose from "jose";
import { InvalidOptionError } from "../../errors.ts";
import type { TokenKey } from "./options.ts";
import {
  createTokenKey,
  keyName,
  TokenKeys,
  tokenKeySet,
  type TokenKeysOptions,
} from "./token_keys.ts";

const NOW = 1_700_000_000_000;
const SECONDS = NOW / 1_000;
const CLAIMS = { iss: "me", aud: "here", sub: "you", exp: SECONDS + 60, nbf: SECONDS };
const EXPECTED = { issuer: "me", audience: "here", type: "JWT", now: NOW };

async function pair(alg: string): Promise<{ jwk: TokenKey; pem: string }> {
  const { privateKey } = await jose.generateKeyPair(alg, { extractable: true });
  const jwk = await jose.exportJWK(privateKey) as TokenKey;
  return { jwk, pem: await jose.exportPKCS8(privateKey) };
}

const EC = await pair("ES256");

for (const alg of ["ES256", "ES384", "ES512", "EdDSA", "RS256"]) {
  Deno.test(`TokenKeys: ${alg}, in JSON and in PEM`, async () => {
    const { jwk, pem } = alg === "ES256" ? EC : await pair(alg);
    const tokens: string[] = [];
    for (const key of [jwk, pem]) {
      const token = await new TokenKeys({ key }).token("JWT", CLAIMS);
      const { kid, ...header } = jose.decodeProtectedHeader(token);
      assertEquals(header, { typ: "JWT", alg });
      assertEquals(kid, (await tokenKeySet(jwk)).keys[0]?.kid);
      tokens.push(token);
    }
    // Whatever form the key came in, those who share it take each other's tokens.
    const keys = new TokenKeys({ keys: await tokenKeySet(jwk) });
    for (const token of tokens) {
      assertEquals((await keys.verify(token, EXPECTED))?.["sub"], "you");
      assertEquals((await new TokenKeys({ key: pem }).verify(token, EXPECTED))?.["sub"], "you");
    }
  });
}

Deno.test("tokenKeySet: the public part alone", async () => {
  const rsa = await pair("RS256");
  const cases: [key: string | TokenKey, names: string[]][] = [
    [EC.jwk, ["alg", "crv", "kid", "kty", "use", "x", "y"]],
    [EC.pem, ["alg", "crv", "kid", "kty", "use", "x", "y"]],
    [{ ...EC.jwk, kid: "mine", note: "x" }, ["alg", "crv", "kid", "kty", "use", "x", "y"]],
    [rsa.jwk, ["alg", "e", "kid", "kty", "n", "use"]],
  ];
  for (const [key, names] of cases) {
    const { keys } = await tokenKeySet(key);
    assertEquals([keys.length, Object.keys(keys[0]!).sort()], [1, names]);
  }
  assertEquals((await tokenKeySet({ ...EC.jwk, kid: "mine" })).keys[0]?.kid, "mine");
});

Deno.test("tokenKeySet: a key is named as distribution 3 names it", async () => {
  const cases: [key: TokenKey, x: string, y: string][] = [
    [{ kty: "EC", crv: "P-256", x: "AP_AAA", y: "____" }, "_8AA", "____"],
    [{ kty: "EC", crv: "P-256", x: "____", y: "AAAB_w" }, "____", "Af8"],
    [{ kty: "EC", crv: "P-256", x: "_wAA", y: "____" }, "_wAA", "____"],
  ];
  for (const [key, x, y] of cases) {
    const said = `{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`;
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(said));
    assertEquals(await keyName(key), jose.base64url.encode(new Uint8Array(hash)));
  }
  for (const { jwk } of [await pair("RS256"), await pair("EdDSA")]) {
    assertEquals(await keyName(jwk), await jose.calculateJwkThumbprint(jwk));
  }
});

Deno.test("createTokenKey: another one each time, that keeps its name", async () => {
  const key = await createTokenKey();
  assertEquals([key.kty, key.alg], ["EC", "ES256"]);
  assertEquals((await tokenKeySet(key)).keys[0]?.kid, key.kid);
  assertNotEquals((await createTokenKey()).kid, key.kid);
  const copy = structuredClone(key);
  await new TokenKeys({ key }).token("JWT", CLAIMS);
  assertEquals(key, copy, "the caller's object is not written to");
});

async function sign(claims: jose.JWTPayload, header: Partial<jose.JWTHeaderParameters> = {}) {
  return await new jose.SignJWT(claims).setProtectedHeader({ alg: "ES256", ...header })
    .sign(await jose.importJWK(EC.jwk, "ES256"));
}

/** A token as text whose parts are changed. */
function altered(token: string, change: (parts: string[]) => string[]): string {
  return change(token.split(".")).join(".");
}

function base64url(value: unknown): string {
  return jose.base64url.encode(JSON.stringify(value));
}

Deno.test("TokenKeys.verify: by signature, issuer, audience, time and type", async () => {
  const keys = new TokenKeys({ keys: await tokenKeySet(EC.jwk) });
  const good = await sign(CLAIMS, { typ: "JWT" });
  const other = await new TokenKeys({}).token("JWT", CLAIMS);
  const shared = new TextEncoder().encode(JSON.stringify((await tokenKeySet(EC.jwk)).keys[0]));
  const cases: [title: string, token: string, good: boolean][] = [
    ["as it should be", good, true],
    ["without a type", await sign(CLAIMS), true],
    ["for several audiences", await sign({ ...CLAIMS, aud: ["there", "here"] }), true],
    ["that has begun soon", await sign({ ...CLAIMS, nbf: SECONDS + 59 }), true],
    ["that ends in a second", await sign({ ...CLAIMS, exp: SECONDS + 1 }), true],
    ["that has ended", await sign({ ...CLAIMS, exp: SECONDS }), false],
    ["that has ended long ago", await sign({ ...CLAIMS, exp: SECONDS - 3_600 }), false],
    ["without an end", await sign({ ...CLAIMS, exp: undefined }), false],
    ["that begins later", await sign({ ...CLAIMS, nbf: SECONDS + 3_600 }), false],
    ["of another issuer", await sign({ ...CLAIMS, iss: "mee" }), false],
    ["of no issuer", await sign({ ...CLAIMS, iss: undefined }), false],
    ["for another audience", await sign({ ...CLAIMS, aud: "there" }), false],
    ["for no audience", await sign({ ...CLAIMS, aud: undefined }), false],
    ["of another type", await sign(CLAIMS, { typ: "refresh+jwt" }), false],
    ["of another key", other, false],
    ["of an unknown key", await sign(CLAIMS, { kid: "unknown" }), false],
    ["with its own key in it", await sign(CLAIMS, { kid: "x", jwk: EC.jwk as jose.JWK }), false],
    ["signed with the public key as a secret", await hmac(shared), false],
    [
      "not signed at all",
      altered(good, ([, body]) => [base64url({ alg: "none", typ: "JWT" }), body!, ""]),
      false,
    ],
    [
      "with other claims",
      altered(good, ([head, , tail]) => [head!, base64url({ ...CLAIMS, sub: "root" }), tail!]),
      false,
    ],
    ["without its signature", altered(good, ([head, body]) => [head!, body!, ""]), false],
    ["cut", good.slice(0, -10), false],
    ["of no parts", "abc", false],
    ["of empty parts", "..", false],
    ["of five parts", `${good}.a.b`, false],
    ["of nothing", "", false],
    ["with null for claims", altered(good, ([head, , tail]) => [head!, "bnVsbA", tail!]), false],
  ];
  for (const [title, token, expected] of cases) {
    assertEquals(await keys.verify(token, EXPECTED) !== undefined, expected, title);
  }
});

async function hmac(secret: Uint8Array): Promise<string> {
  return await new jose.SignJWT(CLAIMS).setProtectedHeader({ alg: "HS256" }).sign(secret);
}

Deno.test("TokenKeys: with keys of others alone nothing is signed", async () => {
  const keys = await tokenKeySet(EC.jwk);
  assertEquals([new TokenKeys({ keys }).sign, new TokenKeys({ keys, key: EC.jwk }).sign], [
    false,
    true,
  ]);
  const both = new TokenKeys({ keys, key: await createTokenKey() });
  assert(await both.verify(await sign(CLAIMS), EXPECTED) !== undefined, "another's");
  assert(await both.verify(await both.token("JWT", CLAIMS), EXPECTED) !== undefined, "its own");
});

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nQUJD\nREVG\n-----END CERTIFICATE-----\n";

Deno.test("TokenKeys: certificates come along in x5c, the key's own first", async () => {
  const other = CERTIFICATE.replace("QUJD", "R0hJ");
  const keys = new TokenKeys({ key: EC.pem, certificates: CERTIFICATE + other });
  const { x5c } = jose.decodeProtectedHeader(await keys.token("JWT", CLAIMS));
  assertEquals(x5c, ["QUJDREVG", "R0hJREVG"]);
});

const { d: _, ...publicEc } = EC.jwk as TokenKey & { d: string };

for (
  const [title, options] of [
    ["a public key as the private one", { key: publicEc }],
    ["a shared secret", { key: { kty: "oct", k: "c2VjcmV0", d: "x" } }],
    ["another curve", { key: { ...EC.jwk, crv: "secp256k1" } }],
    ["another algorithm", { key: { ...EC.jwk, alg: "HS256" } }],
    ["PEM of another kind", { key: EC.pem.replaceAll("PRIVATE", "EC PRIVATE") }],
    ["no key", { key: "secret" }],
    ["certificates without a key", { certificates: CERTIFICATE }],
    ["certificates that are none", { key: EC.pem, certificates: "secret" }],
    ["no keys", { keys: { keys: [] } }],
    ["a shared secret to verify with", { keys: { keys: [{ kty: "oct", k: "c2VjcmV0" }] } }],
    ["keys that are no list", { keys: { keys: {} } }],
  ] as unknown as [string, TokenKeysOptions][]
) {
  Deno.test(`TokenKeys: ${title}: InvalidOptionError`, () => {
    const error = assertThrows(() => new TokenKeys(options), InvalidOptionError, "must");
    assertEquals(/secret|c2Vj/.test(error.message), false, error.message);
  });
}

Deno.test("TokenKeys: keys that only reading them shows to be none", async () => {
  const pem = EC.pem.replace(/[A-Za-z0-9+/]{20}/, "A".repeat(20));
  for (const key of [pem, { ...EC.jwk, x: undefined }, { ...EC.jwk, d: "x" }]) {
    const keys = new TokenKeys({ key: key as TokenKey });
    await assertRejects(() => keys.token("JWT", CLAIMS), InvalidOptionError, "'key' must");
  }
});
