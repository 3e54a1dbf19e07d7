import { assertEquals } from "@std/assert";
import { encodeBase64 } from "../content/base64.ts";
import { encodeText } from "../content/bytes.ts";
import { basicCredentials, saysNobody, Users } from "./users.ts";

function basic(text: string | Uint8Array): string {
  return `Basic ${encodeBase64(typeof text === "string" ? encodeText(text) : text)}`;
}

for (
  const [title, header, expected] of [
    ["name and password", basic("me:secret"), ["me", "secret"]],
    ["a password with colons", basic("me:a:b:"), ["me", "a:b:"]],
    ["letters outside Latin-1", basic("mé:pässwörd ✓"), ["mé", "pässwörd ✓"]],
    ["an empty password", basic("me:"), ["me", ""]],
    ["another case of the scheme", basic("me:x").replace("Basic", "bASIC"), ["me", "x"]],
    ["no header", null, undefined],
    ["no colon", basic("me"), undefined],
    ["another scheme", "Bearer abc", undefined],
    ["no base64", "Basic me:secret", undefined],
    ["broken base64", "Basic abcde", undefined],
    ["no UTF-8", basic(new Uint8Array([0xff, 0x3a, 0x61])), undefined],
    ["nothing", "Basic ", undefined],
  ] as [string, string | null, [string, string] | undefined][]
) {
  Deno.test(`basicCredentials: ${title}`, () => {
    const got = basicCredentials(header);
    assertEquals(got && [got.name, got.password], expected);
  });
}

Deno.test("saysNobody: no header, or an empty name and password", () => {
  assertEquals([null, basic(":")].map(saysNobody), [true, true]);
  assertEquals([basic("me:"), basic(":x"), "Bearer x", ""].map(saysNobody), [
    false,
    false,
    false,
    false,
  ]);
});

const users = new Users({
  users: {
    admin: "secret",
    reader: { password: "r", actions: ["pull"], repositories: ["public", "team/*"] },
    nobody: { password: "n", actions: [] },
  },
  anonymous: ["pull"],
});

Deno.test("Users.login: the right password and no other", async () => {
  const cases: [name: string, password: string, known: boolean][] = [
    ["admin", "secret", true],
    ["admin", "secret ", false],
    ["admin", "", false],
    ["Admin", "secret", false],
    ["reader", "secret", false],
    ["unknown", "", false],
    ["unknown", "secret", false],
    ["toString", "", false],
    ["", "", false],
  ];
  for (const [name, password, known] of cases) {
    assertEquals(await users.login(name, password) !== undefined, known, `${name} ${password}`);
  }
});

Deno.test("Users: what each may do, and where", async () => {
  const admin = await users.login("admin", "secret");
  const reader = await users.login("reader", "r");
  const nobody = users.access("nobody");
  assertEquals(admin?.may("any/thing", "delete"), true);
  for (
    const [repository, may] of [
      ["public", true],
      ["public/x", false],
      ["team/a", true],
      ["team/a/b", true],
      ["team", false],
      ["teams", false],
      ["other", false],
    ] as const
  ) {
    assertEquals(reader?.may(repository, "pull"), may, repository);
    assertEquals(reader?.may(repository, "push"), false, repository);
  }
  assertEquals(nobody?.may("public", "pull"), false);
  assertEquals([users.anonymous.may("a", "pull"), users.anonymous.may("a", "push")], [true, false]);
  assertEquals(users.access("unknown"), undefined);
});
