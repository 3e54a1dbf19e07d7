import { assertEquals, assertRejects } from "@std/assert";
import { LimitError, RegistryResponseError, UnauthorizedError } from "../errors.ts";
import { fakeRegistry, reset, steps } from "./fake_registry_test.ts";
import { ping } from "./ping.ts";

for (const status of [200, 401, 404]) {
  Deno.test(`end-1 GET /v2/: ${status} is an answer`, async () => {
    const registry = fakeRegistry(steps(new Response("{}", { status })));
    const { response } = await ping(registry.channel);
    assertEquals([response.status, await response.text()], [status, "{}"]);
    assertEquals(registry.lines(), ["GET /v2/"]);
    assertEquals(registry.seen[0]!.request.intent, undefined, "no intent, so no credentials");
  });
}

Deno.test("end-1 GET /v2/: any other status is an error", async () => {
  const registry = fakeRegistry(steps(new Response(null, { status: 418 })));
  await assertRejects(
    () => ping(registry.channel),
    RegistryResponseError,
    "Cannot ping https://registry.test: 418",
  );
});

Deno.test("end-1 GET /v2/: the statuses and headers asked for", async () => {
  const registry = fakeRegistry(
    steps(new Response(null, { status: 401 }), new Response(null, { status: 418 })),
  );
  await assertRejects(() => ping(registry.channel, { expectStatus: [200] }), UnauthorizedError);
  const headers = { "x-a": "b" };
  const { response } = await ping(registry.channel, { headers, expectStatus: [418] });
  assertEquals([response.status, registry.seen[1]!.headers.get("x-a")], [418, "b"]);
});

Deno.test("end-1 GET /v2/: a broken connection is tried again", async () => {
  const registry = fakeRegistry(steps(reset(), new Response()));
  assertEquals((await ping(registry.channel)).response.status, 200);
  assertEquals(registry.seen.length, 2);
});

Deno.test("end-1 GET /v2/: an abort", async () => {
  const registry = fakeRegistry(() => new Promise(() => {}));
  const controller = new AbortController();
  const pinging = ping(registry.channel, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => pinging, Error, "enough");
});

Deno.test("end-1 GET /v2/: the body is in memory, and not larger than a page", async () => {
  const registry = fakeRegistry(steps(new Response("{}"), new Response("x".repeat(11))), {
    limits: { pageBytes: 10 },
  });
  await ping(registry.channel);
  registry.assertClosed();
  await assertRejects(() => ping(registry.channel), LimitError, "Cannot read the answer");
  registry.assertClosed();
});
