import { assertEquals, assertRejects } from "@std/assert";
import { InvalidContentError, NotFoundError, UnauthorizedError } from "../errors.ts";
import { listRepositories, repositories } from "./catalog.ts";
import { type ErrorClass, failure, fakeRegistry, json, steps } from "./fake_registry_test.ts";

const ANSWERS: [name: string, body: unknown, expected: string[]][] = [
  ["names", { repositories: ["a", "b/c"] }, ["a", "b/c"]],
  ["null", { repositories: null }, []],
  ["nothing", {}, []],
  ["what is no text among them", { repositories: ["a", null, 1] }, ["a"]],
];

for (const [name, body, expected] of ANSWERS) {
  Deno.test(`GET _catalog: ${name}`, async () => {
    const registry = fakeRegistry(steps(json(body)));
    assertEquals(await listRepositories(registry.channel), { repositories: expected });
    registry.assertClosed();
  });
}

Deno.test("GET _catalog: the request has a scope of its own", async () => {
  const registry = fakeRegistry(steps(json({})));
  await listRepositories(registry.channel, { last: "a/b", pageSize: 3 });
  assertEquals(registry.lines(), ["GET /v2/_catalog?last=a%2Fb&n=3"]);
  assertEquals(registry.seen[0]!.request.intent, { actions: ["pull"], catalog: true });
});

Deno.test("GET _catalog: every page, one when it is asked for", async () => {
  const registry = fakeRegistry(steps(
    json({ repositories: ["a"] }, { link: '</v2/_catalog?last=a>; rel="next"' }),
    json({ repositories: null }, { link: '</v2/_catalog?last=b>; rel="next"' }),
    json({ repositories: ["c"] }),
  ));
  const iterator = repositories(registry.channel);
  assertEquals((await iterator.next()).value, "a");
  assertEquals(registry.seen.length, 1);
  assertEquals((await iterator.next()).value, "c");
  assertEquals((await iterator.next()).done, true);
  assertEquals(registry.seen.length, 3);
});

const FAULTS: [name: string, answer: Response, error: ErrorClass][] = [
  ["401", failure(401, "UNAUTHORIZED"), UnauthorizedError],
  ["404, as hosted registries say", failure(404, "NAME_UNKNOWN"), NotFoundError],
  ["no list", json({ repositories: "a" }), InvalidContentError],
];

for (const [name, answer, error] of FAULTS) {
  Deno.test(`GET _catalog: ${name}`, async () => {
    const registry = fakeRegistry(steps(answer));
    await assertRejects(
      () => listRepositories(registry.channel),
      error,
      "Cannot list the repositories of https://registry.test",
    );
    registry.assertClosed();
  });
}
