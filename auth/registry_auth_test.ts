import {
  assert,
  assertEquals,
  assertNotMatch,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { AuthenticationError, InvalidOptionError } from "../errors.ts";
import type { Credential, CredentialTarget } from "./credential.ts";
import { RegistryAuth } from "./registry_auth.ts";

const TARGET: CredentialTarget = { host: "r.example", repository: "a" };

Deno.test("RegistryAuth asks the source once for each repository, however many wait", async () => {
  const state = new RegistryAuth();
  const asked: CredentialTarget[] = [];
  const source = (target: CredentialTarget): Promise<Credential> => {
    asked.push(target);
    return Promise.resolve({ username: target.repository ?? "nobody" });
  };
  const calls = Array.from({ length: 100 }, () => state.credential(source, TARGET));
  assertEquals((await Promise.all(calls)).map((found) => found?.username)[99], "a");
  assertEquals((await state.credential(source, { host: "r.example" }))?.username, "nobody");
  assertEquals((await state.credential(source, TARGET))?.username, "a");
  assertEquals(asked, [TARGET, { host: "r.example" }]);
});

Deno.test("RegistryAuth: equal credentials are one object, so that they share tokens", async () => {
  const state = new RegistryAuth();
  const source = () => ({ username: "you", password: "x" });
  const first = await state.credential(source, TARGET);
  assertStrictEquals(await state.credential(source, { host: "r.example", repository: "b" }), first);
  assertStrictEquals(await state.otherCredential(source, TARGET, first), first);
});

Deno.test("RegistryAuth.otherCredential asks again only for the one that was refused", async () => {
  const state = new RegistryAuth();
  let count = 0;
  const source = () => ({ username: `you${++count}` });
  const first = await state.credential(source, TARGET);
  const second = await state.otherCredential(source, TARGET, first);
  assertEquals(second, { username: "you2" });
  assertStrictEquals(await state.otherCredential(source, TARGET, first), second);
  assertEquals(count, 2);
});

for (const nobody of [undefined, null, {}, { username: "", password: "" }]) {
  Deno.test(`RegistryAuth: ${JSON.stringify(nobody) ?? "undefined"} is nobody`, async () => {
    const source = () => nobody as Credential | undefined;
    assertEquals(await new RegistryAuth().credential(source, TARGET), undefined);
  });
}

Deno.test("RegistryAuth: a source that fails is AUTHENTICATION_FAILED, and is asked again", async () => {
  const state = new RegistryAuth();
  let count = 0;
  const source = () => {
    if (++count === 1) throw new Error("the helper is missing");
    return { username: "you" };
  };
  const error = await assertRejects(
    () => state.credential(source, TARGET),
    AuthenticationError,
    "Cannot get credentials for r.example: the credential source failed",
  );
  assertEquals((error.cause as Error).message, "the helper is missing");
  assertEquals(await state.credential(source, TARGET), { username: "you" });
});

Deno.test("RegistryAuth: davit's own errors and bad credentials pass as they are", async () => {
  const failure = new AuthenticationError("Cannot log in: because");
  const throwing = () => {
    throw failure;
  };
  const error = await assertRejects(() => new RegistryAuth().credential(throwing, TARGET));
  assertStrictEquals(error, failure);
  await assertRejects(
    () => new RegistryAuth().credential(() => ({ username: "a:b" }), TARGET),
    InvalidOptionError,
  );
});

Deno.test("RegistryAuth: a signal ends the wait for a source that hangs", async () => {
  const controller = new AbortController();
  const never = () => new Promise<undefined>(() => {});
  const wait = new RegistryAuth().credential(never, TARGET, controller.signal);
  controller.abort(new Error("enough"));
  await assertRejects(() => wait, Error, "enough");
});

Deno.test("RegistryAuth remembers a bounded count of repositories", async () => {
  const state = new RegistryAuth();
  let count = 0;
  const source = () => {
    count++;
    return undefined;
  };
  const ask = (index: number) => state.credential(source, { host: "r", repository: `r${index}` });
  for (let index = 0; index <= 1_000; index++) await ask(index);
  await ask(1_000);
  assertEquals(count, 1_001);
  await ask(0);
  assertEquals(count, 1_002);
});

Deno.test("RegistryAuth tells of an origin once", () => {
  const state = new RegistryAuth();
  assert(state.firstWithheld("https://a.example"));
  assert(!state.firstWithheld("https://a.example"));
  assert(state.firstWithheld("https://b.example"));
});

Deno.test("RegistryAuth shows no secrets when it is printed", async () => {
  const state = new RegistryAuth();
  await state.credential(() => ({ username: "you", password: "hunter2" }), TARGET);
  const shown = Deno.inspect(state, { depth: 20, showHidden: true }) + JSON.stringify(state);
  assertNotMatch(shown, /hunter2/);
});
