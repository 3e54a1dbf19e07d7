import { assertEquals } from "@std/assert";
import { Secrets } from "../transport/secrets.ts";
import type { Credential } from "./credential.ts";
import { type RefusedKind, refusedWords } from "./redact_secrets.ts";

const alice: Credential = { username: "alice", password: "hunter2!" };

const CASES: [
  name: string,
  credential: Credential,
  kind: RefusedKind,
  words: string,
  of403: string,
][] = [
  ["a password", alice, "password", "the password of alice was refused", "as alice"],
  ["a service's token", alice, "service token", "the token of alice was refused", "as alice"],
  [
    "a token that was given",
    { accessToken: "abc" },
    "given token",
    "the token was refused",
    "with the token that was given",
  ],
  [
    "an identity token",
    { username: "<token>", password: "secret", refreshToken: "secret" },
    "identity token",
    "the identity token was refused",
    "with the identity token that was given",
  ],
  [
    "a token as user name and password, as DigitalOcean wants it",
    { username: "dop_v1_0123", password: "dop_v1_0123" },
    "password",
    "the password was refused",
    "with the password that was given",
  ],
  [
    "a user name with the password in it",
    { username: "me-hunter2!", password: "hunter2!" },
    "password",
    "the password was refused",
    "with the password that was given",
  ],
  [
    "a token as the user name, without a password",
    { username: "ghp_0123456789", password: "" },
    "password",
    "the password was refused",
    "with the password that was given",
  ],
  [
    "a user name that would write to a terminal",
    { username: "a\x1b[31mb", password: "hunter2!" },
    "password",
    "the password was refused",
    "with the password that was given",
  ],
];

for (const [name, credential, kind, words, of403] of CASES) {
  Deno.test(`refusedWords: ${name}`, () => {
    assertEquals(refusedWords(credential, kind, 401, new Secrets()), words);
    assertEquals(refusedWords(credential, kind, 403, new Secrets()), of403);
  });
}
