import { assert, assertEquals, assertNotMatch, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import { checkCredential, type Credential, credentialSource } from "./credential.ts";
import { basicAuthorization, sameIdentity } from "./identity.ts";

const BASIC: [name: string, username: string, password: string, header: string][] = [
  ["RFC 7617's first", "Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
  ["RFC 7617's second, UTF-8", "test", "123£", "Basic dGVzdDoxMjPCow=="],
  ["outside Latin-1", "ユーザ", "пароль", "Basic 44Om44O844K2OtC/0LDRgNC+0LvRjA=="],
  ["an emoji", "a", "🔑", "Basic YTrwn5SR"],
  ["a colon in the password", "a", "b:c", "Basic YTpiOmM="],
  ["no password", "a", "", "Basic YTo="],
  ["a key file with line breaks", "_json_key", "{\n}\n", "Basic X2pzb25fa2V5OnsKfQo="],
];

for (const [name, username, password, header] of BASIC) {
  Deno.test(`basicAuthorization: ${name}`, () => {
    assertEquals(basicAuthorization(username, password), header);
  });
}

Deno.test("basicAuthorization refuses a user name with ':' and does not show it", () => {
  const error = assertThrows(
    () => basicAuthorization("you:hunter2", ""),
    InvalidOptionError,
    "username must not hold ':'",
  );
  assertNotMatch(error.message, /hunter2/);
});

const GOOD: [name: string, given: Credential, checked: Credential | undefined][] = [
  ["nothing", {}, undefined],
  ["empty texts, as from variables that are not set", { username: "", password: "" }, undefined],
  ["a user and a password", { username: "a", password: "b" }, { username: "a", password: "b" }],
  ["a user alone", { username: "a" }, { username: "a" }],
  ["a password with line breaks", { username: "a", password: "\n" }, {
    username: "a",
    password: "\n",
  }],
  ["an identity token with a user", { username: "<token>", refreshToken: "r" }, {
    username: "<token>",
    refreshToken: "r",
  }],
  ["a bearer token", { accessToken: "x" }, { accessToken: "x" }],
  ["unknown fields are left out", { accessToken: "x", other: 1 } as Credential, {
    accessToken: "x",
  }],
];

for (const [name, given, checked] of GOOD) {
  Deno.test(`checkCredential: ${name}`, () => assertEquals(checkCredential(given), checked));
}

const BAD: [name: string, given: unknown, message: string][] = [
  ["a text", "hunter2", "must be an object or a function: current value is a string"],
  ["null", null, "must be an object or a function"],
  ["a number as a password", { username: "a", password: 42 }, "password must be a string"],
  ["a user with ':'", { username: "a:hunter2" }, "username must not hold ':'"],
  ["a password alone", { password: "hunter2" }, "a password needs a username"],
  ["a bearer token with a line break", { accessToken: "hunter2\n" }, "accessToken must be visible"],
  ["an identity token with a space", { refreshToken: "hunter2 x" }, "refreshToken must be visible"],
  ["a bearer token outside ASCII", { accessToken: "hunter2é" }, "accessToken must be visible"],
];

for (const [name, given, message] of BAD) {
  Deno.test(`checkCredential refuses ${name}, and never shows a value`, () => {
    const error = assertThrows(
      () => checkCredential(given as Credential),
      InvalidOptionError,
      message,
    );
    assertNotMatch(Deno.inspect(error), /hunter2/);
  });
}

Deno.test("checkCredential neither writes to nor keeps the caller's object", () => {
  const given: Credential = { username: "a", password: "" };
  const checked = checkCredential(given);
  given.username = "b";
  assertEquals(checked, { username: "a" });
  assertEquals(given, { username: "b", password: "" });
  assert(Object.isFrozen(checked));
});

Deno.test("credentialSource takes a credential, a source or nothing", async () => {
  const target = { host: "ghcr.io" };
  assertEquals(await credentialSource(undefined)(target), undefined);
  assertEquals(await credentialSource({ accessToken: "x" })(target), { accessToken: "x" });
  const source = () => Promise.resolve({ username: "a" });
  assertEquals(credentialSource(source), source);
  assertThrows(() => credentialSource({ password: "b" }), InvalidOptionError);
});

Deno.test("sameIdentity compares every field", () => {
  assert(sameIdentity({ username: "a", password: "b" }, { username: "a", password: "b" }));
  assert(!sameIdentity({ username: "a", password: "b" }, { username: "a", password: "c" }));
  assert(!sameIdentity({ accessToken: "b" }, { refreshToken: "b" }));
  assert(!sameIdentity({ username: "a" }, { username: "A" }));
  assert(!sameIdentity({ username: "a" }, undefined));
  assert(!sameIdentity(undefined, { username: "a" }));
  assert(sameIdentity(undefined, undefined));
});
