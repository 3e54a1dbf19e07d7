import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { AuthenticationError } from "../errors.ts";
import type { Intent } from "../transport/channel.ts";
import { formatScopes } from "./scope.ts";
import type { AuthScheme } from "./auth_scheme.ts";
import { type Authorization, RepositoryAuth } from "./repository_auth.ts";

const BASIC: AuthScheme = { type: "basic" };

/** A source that answers `you1`, `you2`, …; `failures` says how often it fails first. */
function counting(failures = 0) {
  const counted = { asked: 0 };
  const failure = new AuthenticationError("Cannot log in: because");
  const repository = new RepositoryAuth(() =>
    ++counted.asked <= failures
      ? Promise.reject(failure)
      : Promise.resolve({ username: `you${counted.asked}` })
  );
  return { repository, counted, failure };
}

Deno.test("RepositoryAuth asks the source once, however many wait", async () => {
  const source = counting();
  const calls = Array.from({ length: 100 }, () => source.repository.identity());
  assertEquals((await Promise.all(calls))[99], { username: "you1" });
  assertEquals(await source.repository.identity(), { username: "you1" });
  assertEquals(source.counted.asked, 1);
});

Deno.test("RepositoryAuth.otherIdentity asks again only for the one that was refused", async () => {
  const source = counting();
  const { repository } = source;
  const first = await repository.identity();
  const second = await repository.otherIdentity({ ...first });
  assertEquals(second, { username: "you2" });
  assertStrictEquals(await repository.otherIdentity(first), second);
  assertEquals(await repository.otherIdentity(undefined), second);
  assertEquals(source.counted.asked, 2);
});

Deno.test("RepositoryAuth: a source that fails counts as none, and is not asked for all who wait", async () => {
  const source = counting(1);
  const calls = Array.from({ length: 100 }, () => source.repository.identity());
  assertEquals(new Set(await Promise.all(calls)), new Set([undefined]));
  assertEquals([await source.repository.identity(), source.counted.asked], [undefined, 1]);
});

Deno.test("RepositoryAuth.takeFailure answers the failure once, and has the source asked again", async () => {
  const source = counting(1);
  const { repository } = source;
  assertEquals(repository.takeFailure(), undefined);
  await repository.identity();
  assertStrictEquals(repository.takeFailure()?.cause, source.failure);
  assertEquals(repository.takeFailure(), undefined);
  assertEquals(await repository.identity(), { username: "you2" });
  assertEquals([repository.takeFailure(), source.counted.asked], [undefined, 2]);
  await repository.identity();
  assertEquals(source.counted.asked, 2, "what the source answered stays");
});

Deno.test("RepositoryAuth.scopes are made once for the same actions, and apart for others", () => {
  const { repository } = counting();
  const scopes = (intent: Partial<Intent>) =>
    repository.scopes({ repository: "app", actions: ["pull"], ...intent }, ["push"]);
  assertStrictEquals(scopes({}), scopes({}));
  assertEquals(
    [{}, { actions: ["pull", "delete"] as const }, { catalog: true }, { mountFrom: "base" }].map(
      (intent) => formatScopes(scopes(intent)),
    ),
    [
      "repository:app:pull,push",
      "repository:app:pull,delete,push",
      "registry:catalog:* repository:app:pull,push",
      "repository:app:pull,push repository:base:pull",
    ],
  );
});

Deno.test("RepositoryAuth: a signal ends the wait for a source that hangs", async () => {
  const controller = new AbortController();
  const wait = new RepositoryAuth(() => new Promise(() => {})).identity(controller.signal);
  controller.abort(new Error("enough"));
  await assertRejects(() => wait, Error, "enough");
});

Deno.test("RepositoryAuth: what was accepted goes with its identity, how to ask stays", async () => {
  const refusals: ((repository: RepositoryAuth) => unknown)[] = [
    (repository) => repository.otherIdentity({ username: "you1" }),
    (repository) => repository.takeFailure(),
  ];
  for (const [failures, refuse] of refusals.entries()) {
    const { repository } = counting(failures);
    const identity = await repository.identity();
    const accepted: Authorization = { scheme: BASIC, header: "Basic x", identity };
    repository.accepted = accepted;
    repository.scheme = BASIC;
    await repository.otherIdentity({ username: "another" });
    assertStrictEquals(repository.accepted, accepted);
    await refuse(repository);
    assertEquals([repository.scheme, repository.accepted], [BASIC, undefined]);
  }
});
