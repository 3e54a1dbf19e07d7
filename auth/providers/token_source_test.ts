import { assertEquals } from "@std/assert";
import { NetworkError } from "../../errors.ts";
import { assertFails } from "./fake_service_test.ts";
import { tokenFrom, type TokenSource } from "./token_source.ts";

const GOOD: [name: string, source: TokenSource][] = [
  ["a text", "token"],
  ["a function", () => "token"],
  ["an asynchronous function", () => Promise.resolve("token")],
];

for (const [name, source] of GOOD) {
  Deno.test(`tokenFrom: ${name}`, async () => assertEquals(await tokenFrom(source, "x"), "token"));
}

const BAD: [name: string, source: unknown, code: string, message: string][] = [
  ["one with a line break", "hunter2\n", "AUTHENTICATION_FAILED", "Cannot push: the token that"],
  ["one that is empty", "", "AUTHENTICATION_FAILED", "must be visible ASCII"],
  ["one that is an object", () => ({ token: "hunter2" }), "AUTHENTICATION_FAILED", "must be"],
  ["none", () => undefined, "AUTHENTICATION_FAILED", "must be visible ASCII"],
  [
    "a function that fails",
    () => Promise.reject(new Error("offline")),
    "AUTHENTICATION_FAILED",
    "Cannot push: the function that should answer a token failed",
  ],
  ["davit's own error", () => Promise.reject(new NetworkError("down")), "NETWORK", "down"],
];

for (const [name, source, code, message] of BAD) {
  Deno.test(`tokenFrom: ${name}`, async () => {
    const call = () => tokenFrom(source as TokenSource, "push");
    await assertFails(call, code, message, ["hunter2"]);
  });
}
