import { assertEquals } from "@std/assert";
import { MARKS, SecretSearch } from "./secret_search.ts";

const base64 = (text: string) => btoa(text);

for (const mark of MARKS) {
  const places: [name: string, text: string][] = [
    ["as it is", `the password is ${mark}!`],
    ...["", "a", "ab", "abc"].map((user): [string, string] => [
      `in base64, behind "${user}"`,
      `Basic ${base64(`${user}:${mark}`)} and more`,
    ]),
    ["in base64, before more", base64(`you:${mark}-and-more`)],
    ["in a URL", `https://r.example/?key=${encodeURIComponent(mark)}`],
  ];
  for (const [name, text] of places) {
    Deno.test(`SecretSearch finds ${mark.slice(0, 2)}… ${name}`, () => {
      assertEquals(new SecretSearch().in(text), ["a marked secret"]);
    });
  }
}

Deno.test("SecretSearch finds a signed token, and no digest, header alone or file name", () => {
  const token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJkYXZpdCJ9.c2lnbmF0dXJl";
  assertEquals(new SecretSearch().in(`Bearer ${token}`), ["a signed token"]);
  for (const text of [`sha256:${"ab".repeat(32)}`, "eyJhbGciOiJFUzI1NiJ9", "a.b.c", ""]) {
    assertEquals(new SecretSearch().in(text), []);
  }
});

const HEADERS: [name: string, header: string | null, told: string, found: boolean][] = [
  ["a token", "Bearer abcdefghijkl", "it was abcdefghijkl", true],
  ["the whole of Basic", `Basic ${base64("you:correct horse")}`, base64("you:correct horse"), true],
  ["Basic's password", `Basic ${base64("you:correct horse")}`, "it was correct horse", true],
  ["Basic's user", `Basic ${base64("correct horse:x")}`, "it was correct horse", false],
  ["a short password", `Basic ${base64("you:x")}`, "an extra x", false],
  ["Basic that is none", "Basic %%%%%%%%%%%%%%", "%%%%%%%%%%%%%%", true],
  ["nothing", null, "null", false],
];

for (const [name, header, told, found] of HEADERS) {
  Deno.test(`SecretSearch ${found ? "learns" : "does not learn"} ${name} from a header`, () => {
    const search = new SecretSearch();
    assertEquals(search.in(told), []);
    search.learn(header);
    assertEquals(search.in(told), found ? ["what an Authorization header held"] : []);
  });
}
