import { assertEquals, assertRejects } from "@std/assert";
import {
  InvalidContentError,
  InvalidReferenceError,
  NotFoundError,
  UnauthorizedError,
} from "../errors.ts";
import { type ErrorClass, failure, fakeRegistry, json, steps } from "./fake_registry_test.ts";
import { listTags, tags } from "./tags.ts";

const ANSWERS: [name: string, body: unknown, expected: string[]][] = [
  ["tags", { name: "app", tags: ["a", "b"] }, ["a", "b"]],
  ["null for no tags", { name: "app", tags: null }, []],
  ["no tags at all", { name: "app" }, []],
  ["an empty list", { name: "app", tags: [] }, []],
  ["nulls among the tags (Nexus)", { name: "app", tags: ["a", null, "b", null] }, ["a", "b"]],
  [
    "digests among the tags (Artifactory)",
    { name: "app", tags: ["a", `sha256:${"0".repeat(64)}`, "b"] },
    ["a", "b"],
  ],
  ["what is no text", { name: "app", tags: [1, {}, "a"] }, ["a"]],
];

for (const [name, body, expected] of ANSWERS) {
  Deno.test(`end-8 GET tags/list: ${name}`, async () => {
    const registry = fakeRegistry(steps(json(body), json(body)));
    assertEquals(await listTags(registry.channel, "app"), { name: "app", tags: expected });
    const found: string[] = [];
    for await (const tag of tags(registry.channel, "app")) found.push(tag);
    assertEquals(found, expected);
    registry.assertClosed();
  });
}

Deno.test("end-8 GET tags/list: the request", async () => {
  const registry = fakeRegistry(steps(json({ tags: [] })));
  const { signal } = new AbortController();
  await listTags(registry.channel, "library/app", { last: "v1+&", pageSize: 10, signal });
  const { line, request } = registry.seen[0]!;
  assertEquals(line, "GET /v2/library/app/tags/list?last=v1%2B%26&n=10");
  assertEquals(request.intent, { repository: "library/app", actions: ["pull"] });
  assertEquals([request.purpose, request.signal], ["registry", signal]);
});

Deno.test("end-8 GET tags/list: a short page is not the end when Link is there", async () => {
  const registry = fakeRegistry(steps(
    json({ name: "app", tags: ["a"] }, { link: '<?last=a>; rel="next"' }),
    json({ name: "app", tags: null }, { link: "<?last=b>; rel=next" }),
    json({ name: "app", tags: ["c"] }),
  ));
  assertEquals((await listTags(registry.channel, "app", { pageSize: 5 })).tags, ["a", "c"]);
  assertEquals(registry.lines(), [
    "GET /v2/app/tags/list?n=5", // on the first page alone: a link has its own
    "GET /v2/app/tags/list?last=a",
    "GET /v2/app/tags/list?last=b",
  ]);
});

Deno.test("end-8 GET tags/list: a full page without Link is the end", async () => {
  const registry = fakeRegistry(steps(json({ name: "app", tags: ["a", "b"] })));
  assertEquals((await listTags(registry.channel, "app", { pageSize: 2 })).tags, ["a", "b"]);
});

Deno.test("end-8 GET tags/list: the iterator asks for a page when it comes to it", async () => {
  const registry = fakeRegistry(steps(
    json({ tags: ["a", "b"] }, { link: '<?last=b>; rel="next"' }),
    json({ tags: ["c"] }),
  ));
  const iterator = tags(registry.channel, "app");
  assertEquals(registry.seen.length, 0);
  await iterator.next();
  await iterator.next();
  assertEquals(registry.seen.length, 1);
  assertEquals((await iterator.next()).value, "c");
  assertEquals((await iterator.next()).done, true);
  assertEquals(registry.seen.length, 2);
});

Deno.test("end-8 GET tags/list: GCR's children and manifests, of all pages", async () => {
  const registry = fakeRegistry(steps(
    json(
      { name: "p/app", tags: ["a"], child: ["x"], manifest: { "sha256:1": { tag: ["a"] } } },
      { link: '<?last=a>; rel="next"' },
    ),
    json({ name: "p/app", tags: [], child: ["y"], manifest: { "sha256:2": { tag: [] } } }),
  ));
  assertEquals<unknown>(await listTags(registry.channel, "p/app"), {
    name: "p/app",
    tags: ["a"],
    child: ["x", "y"],
    manifest: { "sha256:1": { tag: ["a"] }, "sha256:2": { tag: [] } },
  });
});

Deno.test("end-8 GET tags/list: a page of 200,000 tags", async () => {
  const all = Array.from({ length: 200_000 }, (_, i) => `v${i}`);
  const registry = fakeRegistry(steps(json({ tags: all })));
  assertEquals((await listTags(registry.channel, "app")).tags.length, 200_000);
});

interface Fault {
  name: string;
  repository?: string;
  answer?: Response;
  error: ErrorClass;
  code: string;
  message: string;
}

const FAULTS: Fault[] = [
  {
    name: "404 NAME_UNKNOWN",
    answer: failure(404, "NAME_UNKNOWN"),
    error: NotFoundError,
    code: "NOT_FOUND",
    message: "Cannot list the tags of registry.test/app: 404 NAME_UNKNOWN: name_unknown",
  },
  {
    name: "404 in plain text",
    answer: new Response("404 page not found\n", { status: 404 }),
    error: NotFoundError,
    code: "NOT_FOUND",
    message: "Cannot list the tags of registry.test/app: 404 page not found",
  },
  {
    name: "401 is not reported as not found",
    answer: failure(401, "UNAUTHORIZED"),
    error: UnauthorizedError,
    code: "UNAUTHORIZED",
    message: "Cannot list the tags of registry.test/app: 401 UNAUTHORIZED",
  },
  {
    name: "tags that are no list",
    answer: json({ name: "app", tags: { a: 1 } }),
    error: InvalidContentError,
    code: "INVALID_CONTENT",
    message: "Cannot list the tags of registry.test/app: the answer's tags are not a list",
  },
  {
    name: "a name that breaks the grammar",
    repository: "../etc",
    error: InvalidReferenceError,
    code: "INVALID_REFERENCE",
    message: "as a repository name",
  },
  {
    name: "a name with a query",
    repository: "app/tags/list?n=1#",
    error: InvalidReferenceError,
    code: "INVALID_REFERENCE",
    message: "as a repository name",
  },
];

for (const { name, repository = "app", answer, error, code, message } of FAULTS) {
  Deno.test(`end-8 GET tags/list: ${name} is ${code}`, async () => {
    const registry = fakeRegistry(steps(...(answer ? [answer] : [])));
    const thrown = await assertRejects(
      () => listTags(registry.channel, repository),
      error,
      message,
    );
    assertEquals(thrown.code, code);
    assertEquals(registry.seen.length, answer ? 1 : 0);
    registry.assertClosed();
  });
}
