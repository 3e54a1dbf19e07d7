/** `task live` against registries that the server imitates: it leaves nothing, and tells no secret. */
import { assert, assertEquals } from "@std/assert";
import { RegistryClientV2 } from "../mod.ts";
import { live } from "../scripts/live.ts";
import { createTestRegistry, type Tape, type TestRegistryOptions } from "../testing/mod.ts";

const LOGIN = { username: "me", password: "live password" };

const CASES: [name: string, options: TestRegistryOptions, expected: Record<string, string>][] = [
  ["localhost:5000/app", {}, {}],
  ["ghcr.io/me/app", { preset: "ghcr" }, {
    "delete manifests": "UNSUPPORTED",
    "delete tags": "UNSUPPORTED",
    "delete blobs": "UNSUPPORTED",
  }],
];

for (const [name, options, lacks] of CASES) {
  Deno.test(`live: ${name}: every verb, nothing left, and a tape without secrets`, async () => {
    const users = { [LOGIN.username]: LOGIN.password };
    const registry = createTestRegistry({ ...options, auth: { bearer: { users } } });
    const fetch = registry.fetch as typeof globalThis.fetch;
    const { outcomes, tape, left } = await live(name, { ...LOGIN, fetch });
    const expected = Object.keys(outcomes).map((verb) => [verb, lacks[verb] ?? "ok"]);
    assertEquals(outcomes, Object.fromEntries(expected));
    const client = new RegistryClientV2({ name, ...LOGIN, fetch });
    const { tags } = await client.listTags();
    assertEquals(tags.sort(), left.sort());
    if (Object.keys(lacks).length === 0) assertEquals(tags, []);
    const text = JSON.stringify(tape);
    assert(text.includes("davit-live-"));
    for (const secret of [LOGIN.password, btoa(`${LOGIN.username}:${LOGIN.password}`)]) {
      assertEquals(text.includes(secret), false);
    }
    assertEquals(createTestRegistry({ tape: tape as Tape }).requests.length, 0);
  });
}

Deno.test("live: a verb that fails is told, the others go on, and all is cleaned up", async () => {
  const registry = createTestRegistry();
  const fetch = registry.fetch as typeof globalThis.fetch;
  const told: string[] = [];
  const broken: typeof globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    return request.url.endsWith("/tags/list")
      ? Promise.resolve(new Response("no lists today", { status: 400 }))
      : fetch(request);
  };
  const { outcomes } = await live("localhost:5000/app", { fetch: broken }, (verb) => {
    told.push(verb);
  });
  assert(outcomes["list tags"]!.includes("no lists today"), outcomes["list tags"]);
  assertEquals(outcomes["attach and list referrers"], "ok");
  assertEquals(told, Object.keys(outcomes));
});
