import {
  assert,
  assertEquals,
  assertNotMatch,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { AuthenticationError } from "../errors.ts";
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
  const source = () => Promise.resolve({ username: "you", password: "x" });
  const first = await state.credential(source, TARGET);
  assertStrictEquals(await state.credential(source, { host: "r.example", repository: "b" }), first);
  assertStrictEquals(await state.otherCredential(source, TARGET, first), first);
});

Deno.test("RegistryAuth.otherCredential asks again only for the one that was refused", async () => {
  const state = new RegistryAuth();
  let count = 0;
  const source = () => Promise.resolve({ username: `you${++count}` });
  const first = await state.credential(source, TARGET);
  const second = await state.otherCredential(source, TARGET, first);
  assertEquals(second, { username: "you2" });
  assertStrictEquals(await state.otherCredential(source, TARGET, first), second);
  assertEquals(count, 2);
});

Deno.test("RegistryAuth: a source that fails is nobody, and is not asked again for all who wait", async () => {
  const state = new RegistryAuth();
  const failure = new AuthenticationError("Cannot log in: because");
  let count = 0;
  const source = () => {
    count++;
    return Promise.reject(failure);
  };
  const calls = Array.from({ length: 100 }, () => state.credential(source, TARGET));
  assertEquals(new Set(await Promise.all(calls)), new Set([undefined]));
  assertEquals(await state.credential(source, TARGET), undefined);
  assertEquals(count, 1);
});

Deno.test("RegistryAuth.takeFailure answers the failure once, and has the source asked again", async () => {
  const state = new RegistryAuth();
  const failure = new AuthenticationError("Cannot log in: because");
  let count = 0;
  const source = () =>
    ++count === 1 ? Promise.reject(failure) : Promise.resolve({ username: "you" });
  assertEquals(state.takeFailure("a"), undefined);
  await state.credential(source, TARGET);
  assertEquals(state.takeFailure("b"), undefined);
  assertStrictEquals(state.takeFailure("a"), failure);
  assertEquals(state.takeFailure("a"), undefined);
  assertEquals(await state.credential(source, TARGET), { username: "you" });
  assertEquals([state.takeFailure("a"), count], [undefined, 2]);
});

Deno.test("RegistryAuth.takeFailure does not forget who is there", async () => {
  const state = new RegistryAuth();
  let count = 0;
  const source = () => Promise.resolve({ username: `you${++count}` });
  await state.credential(source, TARGET);
  assertEquals(state.takeFailure("a"), undefined);
  assertEquals(await state.credential(source, TARGET), { username: "you1" });
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
    return Promise.resolve(undefined);
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

Deno.test("RegistryAuth remembers a bounded count of origins", () => {
  const state = new RegistryAuth();
  const realm = (count: number) => `https://auth${count}.example`;
  for (let count = 0; count <= 100; count++) assertEquals(state.firstWithheld(realm(count)), true);
  assertEquals([state.firstWithheld(realm(100)), state.firstWithheld(realm(0))], [false, true]);
});

Deno.test("RegistryAuth shows no secrets when it is printed", async () => {
  const state = new RegistryAuth();
  const source = () => Promise.resolve({ username: "you", password: "hunter2" });
  await state.credential(source, TARGET);
  const shown = Deno.inspect(state, { depth: 20, showHidden: true }) + JSON.stringify(state);
  assertNotMatch(shown, /hunter2/);
});
