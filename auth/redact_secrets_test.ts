import { assertEquals, assertNotMatch } from "@std/assert";
import type { Credential } from "./credential.ts";
import { redactSecrets } from "./redact_secrets.ts";

const SECRET = 'p&s "w+rd/ü';
const you: Credential = { username: "you", password: SECRET };

const ROWS: [name: string, words: string, credential: Credential | undefined, shown: string][] = [
  [
    "words without secrets",
    "incorrect username or password",
    you,
    "incorrect username or password",
  ],
  ["as it is", `no: ${SECRET}!`, you, "no: ***!"],
  ["URL-encoded", `no: ${encodeURIComponent(SECRET)}`, you, "no: ***"],
  ["form-encoded", `no: ${new URLSearchParams({ p: SECRET })}`, you, "no: p=***"],
  ["in JSON", `no: ${JSON.stringify({ p: SECRET })}`, you, 'no: {"p":"***"}'],
  ["as a Basic header", "no: Basic eW91OnAmcyAidytyZC/DvA==", you, "no: Basic ***"],
  ["in base64", "no: cCZzICJ3K3JkL8O8", you, "no: ***"],
  ["twice", "x x", { username: "a", password: "x" }, "*** ***"],
  ["an identity token", "no: refresh-1", { refreshToken: "refresh-1" }, "no: ***"],
  ["one secret inside another", "abcdef abc", {
    username: "u",
    password: "abc",
    refreshToken: "abcdef",
  }, "*** ***"],
  [
    "a JWT that was not sent",
    "token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln is bad",
    undefined,
    "token *** is bad",
  ],
  ["an unsigned JWT", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", undefined, "***"],
  ["line breaks and escapes of a terminal", "a\r\n\u001b[31mb\u202e\tc", undefined, "a [31mb c"],
  [
    "the query of a URL",
    'no "https://a.example/t?key=1&x", sorry?',
    undefined,
    'no "https://a.example/t?…", sorry?',
  ],
  ["nothing", "", you, ""],
];

for (const [name, words, credential, shown] of ROWS) {
  Deno.test(`redactSecrets: ${name}`, () => assertEquals(redactSecrets(words, credential), shown));
}

Deno.test("redactSecrets cuts after taking secrets out, not before", () => {
  const words = "x".repeat(295) + SECRET + "y".repeat(1_000);
  const shown = redactSecrets(words, you);
  assertEquals(shown, `${"x".repeat(295)}***yy…`);
  assertNotMatch(shown, /p&s/);
});
