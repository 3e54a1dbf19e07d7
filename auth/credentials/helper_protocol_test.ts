import { assertEquals, assertNotMatch, assertThrows } from "@std/assert";
import { CredentialError } from "../../errors.ts";
import type { CredentialHelperResult } from "./credential_helper.ts";
import { checkAnswer, readGetAnswer, readListAnswer, storeInput } from "./helper_protocol.ts";

const KEY = { helper: "s", server: "a.io" };
const NONE = { code: 1, stdout: "credentials not found in native keychain\n" };
const FAILED = { code: 3, stdout: "hunter2", stderr: "hunter2" };

const ok = (answer: unknown): CredentialHelperResult => ({
  code: 0,
  stdout: JSON.stringify(answer),
});

Deno.test("readGetAnswer: credentials, a token, none", () => {
  for (
    const [result, expected] of [
      [ok({ ServerURL: "https://A.io/v1/", Username: "u", Secret: "p" }), {
        username: "u",
        password: "p",
      }],
      [ok({ ServerURL: null, Username: "<token>", Secret: "t" }), { refreshToken: "t" }],
      [ok({ Username: "u", Secret: "" }), undefined],
      [NONE, undefined],
      [{ code: 1, stdout: "", stderr: "Credentials not found" }, undefined],
    ] as const
  ) {
    assertEquals(readGetAnswer(result, KEY), expected);
  }
});

Deno.test("readGetAnswer, checkAnswer: a failure names the helper, and quotes nothing", () => {
  const run = 'run "docker-credential-s';
  const calls: [call: () => unknown, message: string][] = [
    [
      () => readGetAnswer(FAILED, KEY),
      `get credentials for a.io: docker-credential-s failed: exit code 3; ${run} get"`,
    ],
    [
      () => readGetAnswer({ code: 0, stdout: NONE.stdout }, KEY),
      "docker-credential-s failed: its answer is not JSON",
    ],
    [
      () => checkAnswer(FAILED, "store", KEY),
      `keep credentials for a.io: docker-credential-s failed: exit code 3; ${run} store"`,
    ],
    [() => checkAnswer(NONE, "store", KEY), "docker-credential-s failed: exit code 1"],
    [
      () => checkAnswer(FAILED, "erase", KEY),
      `forget credentials for a.io: docker-credential-s failed: exit code 3; ${run} erase"`,
    ],
  ];
  for (const [call, message] of calls) {
    const error = assertThrows(call, CredentialError, message);
    assertEquals(error.source, "docker-credential-s");
    assertNotMatch(Deno.inspect(error, { showHidden: true }), /hunter2/);
  }
});

Deno.test("checkAnswer: done, and nothing to erase", () => {
  checkAnswer({ code: 0, stdout: "" }, "store", KEY);
  checkAnswer({ code: 0, stdout: "" }, "erase", KEY);
  checkAnswer(NONE, "erase", KEY);
});

Deno.test("storeInput: a password, none, an identity token", () => {
  for (
    const [credential, Username, Secret] of [
      [{ username: "u", password: "p" }, "u", "p"],
      [{ username: "u" }, "u", ""],
      [{ username: "u", password: "p", refreshToken: "t" }, "<token>", "t"],
    ] as const
  ) {
    assertEquals(JSON.parse(storeInput("a.io", credential)), {
      ServerURL: "a.io",
      Username,
      Secret,
    });
  }
});

Deno.test("readListAnswer: a list, an empty one, and a helper that does not list", () => {
  for (
    const [result, expected] of [
      [ok({ "a.io": "u", "b.io": "" }), [["a.io", "u"], ["b.io", ""]]],
      [ok({}), []],
      [{ code: 0, stdout: "null\n" }, []],
      [FAILED, undefined],
      [{ code: 0, stdout: "Usage: docker-credential-s" }, undefined],
      [{ code: 0, stdout: "" }, undefined],
      [ok([]), undefined],
      [ok("text"), undefined],
      [ok({ "a.io": "u", "b.io": 42 }), undefined],
    ] as [CredentialHelperResult, unknown][]
  ) {
    assertEquals(readListAnswer(result), expected);
  }
});
