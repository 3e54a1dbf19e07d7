import { assertEquals, assertInstanceOf } from "@std/assert";
import { AuthenticationError, NetworkError } from "../../errors.ts";
import type { Credential, CredentialSource } from "../credential.ts";
import { assertFails } from "./fake_service_test.ts";
import { firstCredentials } from "./first_credentials.ts";

const one: CredentialSource = () => ({ username: "one" });
const two: CredentialSource = () => Promise.resolve({ username: "two" });
const none: CredentialSource = () => undefined;
const empty: CredentialSource = () => ({ username: "", password: "" });
const throws: CredentialSource = () => {
  throw new NetworkError("Cannot reach a");
};
const rejects: CredentialSource = () => Promise.reject(new Error("it was a word of its own"));

const ANSWERS: [name: string, sources: CredentialSource[], answer: Credential | undefined][] = [
  ["none at all", [], undefined],
  ["none that has any", [none, empty], undefined],
  ["the first that has some", [none, empty, two, one], { username: "two" }],
  ["one after those that fail", [throws, rejects, one], { username: "one" }],
  ["one before one that fails", [one, throws], { username: "one" }],
];

for (const [name, sources, answer] of ANSWERS) {
  Deno.test(`firstCredentials: ${name}`, async () => {
    assertEquals(await firstCredentials(...sources)({ host: "registry.test" }), answer);
  });
}

Deno.test("firstCredentials: a source after the one that answers is not asked", async () => {
  let asked = 0;
  const last: CredentialSource = () => void asked++;
  await firstCredentials(one, last)({ host: "registry.test" });
  assertEquals(asked, 0);
});

Deno.test("firstCredentials: the error of the only one that fails is thrown as it is", async () => {
  const call = () => firstCredentials(none, throws, empty)({ host: "registry.test" });
  await assertFails(call, "NETWORK", "Cannot reach a");
});

Deno.test("firstCredentials: a stranger's error is the cause, its words are not repeated", async () => {
  const call = () => firstCredentials(rejects)({ host: "registry.test" });
  const error = await assertFails(call, "AUTHENTICATION_FAILED", "registry.test: it failed");
  assertInstanceOf(error.cause, Error);
  assertEquals(error.message.includes("a word of its own"), false);
});

Deno.test("firstCredentials: several failures are told together", async () => {
  const call = () => firstCredentials(throws, rejects)({ host: "registry.test" });
  const error = await assertFails(
    call,
    "AUTHENTICATION_FAILED",
    "Cannot get credentials for registry.test: Cannot reach a; it failed",
  );
  assertInstanceOf(error, AuthenticationError);
  assertEquals((error.cause as AggregateError).errors.length, 2);
});

Deno.test("firstCredentials hands the target on", async () => {
  const seen: unknown[] = [];
  const source: CredentialSource = (target) => void seen.push(target);
  await firstCredentials(source)({ host: "registry.test", repository: "app" });
  assertEquals(seen, [{ host: "registry.test", repository: "app" }]);
});
