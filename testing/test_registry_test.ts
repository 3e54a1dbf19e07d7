import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import type { Middleware } from "../server/middleware.ts";
import { memoryWire, type Wire } from "./fixture_test.ts";
import { grade } from "./grade/grade.ts";
import { record } from "./tape/record.ts";
import { createTestRegistry, type TestRegistryOptions } from "./test_registry.ts";

const ORIGIN = "http://registry.test";

function seen({ registry }: Pick<Wire, "registry">): string[] {
  return registry.requests.map(({ method, path, status }) => `${method} ${path} ${status}`);
}

Deno.test("without options it is a registry as any other", async () => {
  const wire = memoryWire();
  await wire.pushManifest("app", "v1");
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).json.tags, ["v1"]);
});

const WRONG: [string, TestRegistryOptions][] = [
  ["preset", { preset: "nowhere" as never }],
  ["status", { faults: { status: 99 } }],
  ["nth", { quirks: { deletes: 405, on: { nth: 0 } } }],
  ["tape", { tape: { version: 2 } as never }],
  ["tagPageSize", { tagPageSize: 0 }],
];

for (const [name, options] of WRONG) {
  Deno.test(`a wrong '${name}' is an InvalidOptionError`, () => {
    const error = assertThrows(() => createTestRegistry(options), InvalidOptionError);
    assert(error.message.includes(name), error.message);
  });
}

Deno.test("what quirks ask is not noted; what they answer is", async () => {
  const wire = memoryWire({ quirks: { immutableTags: "ecr" } });
  const { text } = await wire.manifest("app");
  assertEquals((await wire.putManifest("app", "v1", text)).status, 201);
  assertEquals((await wire.putManifest("app", "v1", text)).status, 400);
  assertEquals(seen(wire).slice(1), [
    "PUT /v2/app/manifests/v1 201",
    "PUT /v2/app/manifests/v1 400",
  ]);
});

Deno.test("what a grader looks up is not noted; what it provokes is", async () => {
  const { registry } = grade({}, { provoke: ["unavailable"] });
  const body = JSON.stringify({
    schemaVersion: 2,
    subject: { digest: `sha256:${"a".repeat(64)}` },
  });
  for (const method of ["PUT", "GET", "GET"]) {
    const url = `${ORIGIN}/v2/app/manifests/v1`;
    await (await registry.fetch(url, { method, ...(method === "PUT" && { body }) })).text();
  }
  assertEquals(seen({ registry }), [
    "PUT /v2/app/manifests/v1 400",
    "GET /v2/app/manifests/v1 503",
    "GET /v2/app/manifests/v1 404",
  ]);
});

Deno.test("the caller's middleware sees requests before quirks, faults and a tape do", async () => {
  const recording = record(createTestRegistry().fetch);
  await (await recording.fetch(`${ORIGIN}/v2/`)).text();
  const tape = await recording.tape();
  for (const options of [{ faults: { status: 503 } }, { tape }, {}] as TestRegistryOptions[]) {
    const statuses: number[] = [];
    const middleware: Middleware = (next) => async (context) => {
      const response = await next(context);
      statuses.push(response.status);
      return new Response(null, { status: 204 });
    };
    const { fetch, requests } = createTestRegistry({ ...options, middleware: [middleware] });
    await fetch(`${ORIGIN}/v2/`);
    assertEquals(statuses, [options.faults ? 503 : 200]);
    assertEquals(requests.map(({ status }) => status), [204]);
  }
});

Deno.test("every answer has the registry's header, but for those of a tape and of middleware", async () => {
  const has = async (options: TestRegistryOptions) => {
    const { headers } = await createTestRegistry(options).fetch(`${ORIGIN}/v2/`);
    return headers.get("docker-distribution-api-version");
  };
  const tape = { version: 1 as const, exchanges: [], bodies: {} };
  const own: Middleware = () => () => Promise.resolve(new Response());
  assertEquals(await has({}), "registry/2.0");
  assertEquals(await has({ faults: { status: 503 } }), "registry/2.0");
  assertEquals(await has({ tape }), null);
  assertEquals(await has({ middleware: [own] }), null);
});
