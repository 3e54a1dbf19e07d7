import { assertEquals, assertThrows } from "@std/assert";
import { hashSync } from "bcryptjs";
import { encodeBase64 } from "../../content/base64.ts";
import { encodeText } from "../../content/bytes.ts";
import { InvalidOptionError } from "../../errors.ts";
import type { RegistryUser, RegistryUsersOptions } from "./options.ts";
import { basicCredentials, namesNoUser, Users } from "./users.ts";

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

Deno.test("namesNoUser: no header, or an empty name and password", () => {
  assertEquals([null, basic(":")].map(namesNoUser), [true, true]);
  assertEquals([basic("me:"), basic(":x"), "Bearer x", ""].map(namesNoUser), [
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
  const nobody = await users.access("nobody");
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
  assertEquals(await users.access("unknown"), undefined);
});

const HASH = hashSync("hashed", 4);

Deno.test("Users: passwords, hashes and htpasswd beside each other", async () => {
  const all = new Users({
    users: { plain: "p", hashed: { hash: HASH, actions: ["pull"] }, filed: { actions: ["push"] } },
    htpasswd: `filed:${HASH}\nfree:${HASH}\nplain:${HASH}\n`,
  });
  const cases: [name: string, password: string, actions: string | undefined][] = [
    ["plain", "p", "pull push delete"],
    ["plain", "hashed", undefined],
    ["hashed", "hashed", "pull"],
    ["hashed", "p", undefined],
    ["filed", "hashed", "push"],
    ["filed", "", undefined],
    ["free", "hashed", "pull push delete"],
    ["nobody", "hashed", undefined],
  ];
  for (const [name, password, actions] of cases) {
    const access = await all.login(name, password);
    const may = access &&
      (["pull", "push", "delete"] as const).filter((action) => access.may("a", action)).join(" ");
    assertEquals(may, actions, `${name} ${password}`);
  }
  assertEquals([await all.access("free") !== undefined, await all.access("nobody")], [
    true,
    undefined,
  ]);
});

Deno.test("Users: an htpasswd file that changes", async () => {
  const file = await Deno.makeTempFile({ prefix: "davit_users_" });
  try {
    const filed = new Users({ htpasswd: { file }, users: { other: { actions: ["pull"] } } });
    assertEquals(await filed.login("me", "hashed"), undefined);
    await Deno.writeTextFile(file, `me:${HASH}\nother:${HASH}\n`);
    assertEquals((await filed.login("me", "hashed"))?.may("a", "delete"), true);
    assertEquals((await filed.login("other", "hashed"))?.may("a", "delete"), false);
    await Deno.writeTextFile(file, "# nobody\n");
    assertEquals(await filed.login("me", "hashed"), undefined, "what was right once is forgotten");
    assertEquals(await filed.access("other"), undefined);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("Users: who may see the list of all repositories", async () => {
  const cases: [rights: RegistryUser, lists: boolean][] = [
    [{}, true],
    [{ actions: ["pull"] }, true],
    [{ actions: ["push"] }, false],
    [{ repositories: ["a"] }, false],
    [{ repositories: [] }, false],
  ];
  for (const [rights, lists] of cases) {
    const someone = new Users({ users: { me: { password: "x", ...rights } }, anonymous: ["pull"] });
    assertEquals(someone.anonymous.lists, false);
    assertEquals((await someone.access("me"))?.lists, lists);
  }
});

Deno.test("Users: without a login, in some repositories", () => {
  const { anonymous } = new Users({ anonymous: { actions: ["pull"], repositories: ["public/*"] } });
  assertEquals(anonymous.may("public/a", "pull"), true);
  assertEquals(anonymous.may("public/a", "push"), false);
  assertEquals(anonymous.may("private", "pull"), false);
});

for (
  const [title, options, message] of [
    ["a user without a password", { users: { me: {} } }, 'the user "me" must have a password'],
    ["a user who is not in htpasswd", { users: { me: {} }, htpasswd: "" }, "a password or a hash"],
    [
      "a password and a hash",
      { users: { me: { password: "topsecret", hash: HASH } } },
      "a password or a hash",
    ],
    ["another hash", { users: { me: { hash: "topsecret" } } }, "must have a hash of bcrypt's"],
    ["a colon in a name", { users: { "a:b": "topsecret" } }, 'current value is "a:b"'],
    ["no name", { users: { "": "topsecret" } }, 'current value is ""'],
    [
      "another action",
      { users: { me: { password: "topsecret", actions: ["fly"] } } },
      "no actions but pull, push, delete",
    ],
    ["htpasswd of another kind", { htpasswd: "me:topsecret" }, "line 1 of htpasswd"],
  ] as [string, RegistryUsersOptions, string][]
) {
  Deno.test(`Users: ${title}: InvalidOptionError`, () => {
    const error = assertThrows(() => new Users(options), InvalidOptionError, message);
    assertEquals(error.message.includes("topsecret"), false);
  });
}
