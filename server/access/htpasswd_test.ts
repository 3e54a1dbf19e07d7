import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../../errors.ts";
import { bcryptCost, HtpasswdFile, isBcryptHash, parseHtpasswd } from "./htpasswd.ts";

/** Hashes of unknown passwords. */
const A = `$2y$05$${"a".repeat(53)}`;
const B = `$2b$12$${"B/.9".repeat(13)}b`;

for (
  const [title, text, expected] of [
    ["nothing", "", {}],
    ["two users", `me:${A}\nyou:${B}\n`, { me: A, you: B }],
    ["no line end", `me:${A}`, { me: A }],
    ["line ends of Windows", `me:${A}\r\nyou:${B}\r\n`, { me: A, you: B }],
    ["comments and empty lines", `# who\n\n  \nme:${A}\n#you:${B}\n`, { me: A }],
    ["letters outside ASCII", `mé:${A}`, { "mé": A }],
    ["a name of JavaScript's own", `__proto__:${A}`, { ["__proto__"]: A }],
  ] as [string, string, Record<string, string>][]
) {
  Deno.test(`parseHtpasswd: ${title}`, () => {
    assertEquals([...parseHtpasswd(text)], Object.entries(expected));
  });
}

for (
  const [title, text, message] of [
    ["no colon", "me", "Cannot read line 1 of htpasswd: it must be name:hash"],
    ["no name", `:${A}`, "line 1 of htpasswd: it must be name:hash"],
    ["MD5", `me:${A}\nyou:$apr1$x$y`, "line 2 of htpasswd: its hash must be bcrypt's"],
    ["SHA-1", "me:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "its hash must be bcrypt's"],
    ["a plain password", "me:secret", "its hash must be bcrypt's"],
    ["a short hash", `me:${A.slice(0, -1)}`, "its hash must be bcrypt's"],
    ["a cost of 3", `me:${A.replace("$05$", "$03$")}`, "its hash must be bcrypt's"],
    ["a cost of 32", `me:${A.replace("$05$", "$32$")}`, "its hash must be bcrypt's"],
    ["a user twice", `me:${A}\n\nme:${B}`, "line 3 of htpasswd: its user stands in a line above"],
  ] as [string, string, string][]
) {
  Deno.test(`parseHtpasswd: ${title} is refused, without what it says`, () => {
    const error = assertThrows(() => parseHtpasswd(text), InvalidOptionError, message);
    for (const secret of ["secret", "apr1", "W6ph", "aaaa"]) {
      assertEquals(error.message.includes(secret), false);
    }
  });
}

Deno.test("bcryptCost and isBcryptHash", () => {
  assertEquals([A, B].map(bcryptCost), [5, 12]);
  assertEquals([A, B, "$1$x", ""].map(isBcryptHash), [true, true, false, false]);
});

Deno.test("HtpasswdFile: read again when it has changed", async () => {
  const path = await Deno.makeTempFile({ prefix: "davit_htpasswd_" });
  try {
    await Deno.writeTextFile(path, `me:${A}\n`);
    const file = new HtpasswdFile(path);
    const first = await file.hashes();
    assertEquals([...first], [["me", A]]);
    assertStrictEquals(await file.hashes(), first);
    await Deno.writeTextFile(path, `you:${B}\n`);
    assertEquals([...await file.hashes()], [["you", B]]);
    await Deno.writeTextFile(path, "you");
    await assertRejects(() => file.hashes(), InvalidOptionError);
  } finally {
    await Deno.remove(path);
  }
  await assertRejects(() => new HtpasswdFile(path).hashes(), Error, "ENOENT");
});
