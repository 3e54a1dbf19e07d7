import { assert, assertEquals } from "@std/assert";
import { Secrets } from "./secrets.ts";

const LONG = "p&s \"w+rd/ü'<é>";
const bytes = new TextEncoder().encode(LONG);
const binary = (before: string) => before + String.fromCharCode(...bytes);

/** How somebody may repeat a secret. */
const SPELLINGS: Record<string, string> = {
  "as it is": LONG,
  "in a URL": encodeURIComponent(LONG),
  "in a URL, in lower case": encodeURIComponent(LONG).replace(/%../g, (one) => one.toLowerCase()),
  "in a form": new URLSearchParams({ p: LONG }).toString().slice(2),
  "in JSON": JSON.stringify(LONG).slice(1, -1),
  "in JSON of ASCII": JSON.stringify(LONG).slice(1, -1).replace("ü", "\\u00fc").replace(
    "é",
    "\\u00e9",
  ),
  "in JSON with escaped slashes": JSON.stringify(LONG).slice(1, -1).replaceAll("/", "\\/"),
  "in HTML": LONG.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    .replace('"', "&quot;").replace("'", "&#39;"),
  "in base64": btoa(binary("")),
  "in base64 without padding": btoa(binary("")).replace(/=+$/, ""),
  "in base64, in a URL": encodeURIComponent(btoa(binary(""))),
  "in hex": [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
};

for (const [name, spelling] of Object.entries(SPELLINGS)) {
  Deno.test(`Secrets: a long one ${name} is found anywhere`, () => {
    const secrets = new Secrets();
    secrets.add(LONG);
    assertEquals(secrets.redact(`a${spelling}b`), "a***b");
    assertEquals(secrets.hide(`a${spelling}b`), "a***b");
  });
}

Deno.test("Secrets: in base64 behind other bytes, what is its own is not shown", () => {
  const secrets = new Secrets();
  secrets.add(LONG);
  for (const before of ["", "x", "xy", "you:", "you1:"]) {
    for (
      const encode of [btoa, (text: string) => btoa(text).replaceAll("+", "-").replaceAll("/", "_")]
    ) {
      const shown = secrets.redact(encode(binary(before)));
      assert(shown.includes("***") && shown.length < before.length * 4 / 3 + 12, shown);
    }
  }
});

Deno.test("Secrets: a header with credentials: the token; the Basic value, and the password in it", () => {
  const secrets = new Secrets();
  secrets.learn("Bearer token-of-you");
  secrets.learn(`Basic ${btoa("you:a password")}`);
  secrets.learn("Basic !!!");
  secrets.learn(null);
  assertEquals(
    secrets.redact(`token-of-you a password ${btoa("you:a password")} you`),
    "*** *** *** you",
  );
});

const SHORT: [secret: string, words: string, shown: string][] = [
  ["e", "Cannot give a token", "Cannot give a token"],
  ["e", "the password e is wrong; e.", "the password *** is wrong; ***."],
  ["e", 'user=you&password=e {"password":"e"}', 'user=you&password=*** {"password":"***"}'],
  ["pass", "password pass_word compass pass", "password pass_word compass ***"],
  ["pass", "pass", "***"],
  ["p$s", "p$s xp$s p$s2 (p$s)", "*** xp$s p$s2 (***)"],
  ["é", "é café é", "*** café ***"],
  ["aa", "aa aaa aa-aa", "*** aaa ***-***"],
  ["1234567", "12345678 1234567", "12345678 ***"],
  ["12345678", "x12345678x", "x***x"],
];

for (const [secret, words, shown] of SHORT) {
  Deno.test(`Secrets: ${secret} in: ${words}`, () => {
    const secrets = new Secrets();
    secrets.add(secret);
    assertEquals(secrets.redact(words), shown);
    // A text of davit's own holds no short one but by chance.
    assertEquals(secrets.hide(words), secret.length < 8 ? words : shown);
  });
}

const SHAPES: [name: string, words: string, shown: string][] = [
  ["a signed token", "token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln is bad", "token *** is bad"],
  ["an unsigned one", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "***"],
  ["an encrypted one", "(eyJhbGciOiJS.a.b.c.d)", "(***)"],
  ["one behind a word", "x-eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0", "x-***"],
  ["no token", "eyJ- eyJ.a keyJacket.x eyJhbGci", "eyJ- eyJ.a keyJacket.x eyJhbGci"],
  [
    "the query of a URL",
    'no "https://a.example/t?key=1&x", sorry?',
    'no "https://a.example/t?…", sorry?',
  ],
];

for (const [name, words, shown] of SHAPES) {
  Deno.test(`Secrets: ${name} is cut whoever sent it`, () => {
    assertEquals(new Secrets().redact(words), shown);
    assertEquals(new Secrets().hide(words), words);
  });
}

Deno.test("Secrets: what a signed URL holds is not repeated, in any form", () => {
  const url = new URL("https://s.example/b?X-Amz-Signature=abc%2Fdef%3D123&n=10000000&part=1");
  const words = "SignatureDoesNotMatch: abc/def=123 abc%2Fdef%3D123 10000000 part 1";
  assertEquals(
    new Secrets().redact(`${words} ${url.search}`, url),
    "SignatureDoesNotMatch: *** *** 10000000 part 1 ?X-Amz-Signature=***&n=10000000&part=1",
  );
});

Deno.test("Secrets: the oldest are forgotten; those that come again are not", () => {
  const secrets = new Secrets();
  for (let index = 0; index < 150; index++) {
    secrets.add(`secret-number-${index}!`);
    secrets.add("secret-that-comes-again");
  }
  assertEquals(
    secrets.redact("secret-number-0! secret-number-149! secret-that-comes-again"),
    "secret-number-0! *** ***",
  );
});

Deno.test("Secrets: nothing is no secret, and nothing shows when they are printed", () => {
  const secrets = new Secrets();
  secrets.add("");
  secrets.add(undefined);
  secrets.add("secret-of-you");
  assertEquals(secrets.redact("some words"), "some words");
  assert(!Deno.inspect(secrets, { showHidden: true, depth: 9 }).includes("secret-of-you"));
});
