/** 429 and 503 with `Retry-After`, as seconds and as a date: waited for, up to a limit. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { HttpError, RateLimitedError } from "@davit/registry-client";
import { faultTest, runFault, utf8, World } from "./world.ts";

const MINUTES_2 = 120_000;

/** The header for a date so many milliseconds from now, which has no fractions of a second. */
function date(milliseconds: number): string {
  return new Date(Date.now() + milliseconds).toUTCString();
}

const forms: [name: string, header: () => string][] = [
  ["seconds", () => "120"],
  ["a date", () => date(MINUTES_2)],
];

for (const status of [429, 503]) {
  const code = status === 429 ? "RATE_LIMITED" : "REGISTRY_RESPONSE";
  for (const [name, header] of forms) {
    const fault = () => new Response("", { status, headers: { "retry-after": header() } });

    Deno.test(`${status} with Retry-After as ${name}: that long is waited`, async () => {
      const controller = new AbortController();
      const world = new World({ auth: false, fault });
      const reason = new Error("no time");
      world.onEvent = ({ type }) => {
        if (type === "retry") controller.abort(reason);
      };
      const { signal } = controller;
      assertStrictEquals(await world.caught(() => world.client.listTags({ signal })), reason);
      const [retry, ...more] = world.told("retry");
      assert(Math.abs(retry!.delay - MINUTES_2) <= 1_100, `${retry!.delay} ms`);
      assertEquals([retry!.attempt, more.length], [1, 0]);
      assert(retry!.reason.includes(String(status)));
    });

    faultTest(`${status} with Retry-After as ${name}, longer than limits.retryAfter`, {
      auth: false,
      fault,
      client: { limits: { retryAfter: 60_000 } },
      call: ({ client }) => client.listTags(),
      code,
      is: { statusCode: status, retryable: true },
      after: (world, error) => {
        const { retryAfter } = error as HttpError;
        assert(Math.abs(retryAfter! - MINUTES_2) <= 1_100, `${retryAfter} ms`);
        assertEquals(world.seen.length, 1, "it is not tried again");
        assertEquals(world.told("retry"), []);
      },
    });
  }

  faultTest(`${status} with Retry-After: 0, again and again`, {
    auth: false,
    fault: () => new Response("", { status, headers: { "retry-after": "0" } }),
    call: ({ client }) => client.listTags(),
    code,
    is: { retryAfter: 0 },
    after: ({ seen }) => assertEquals(seen.length, 3),
  });

  for (const header of ["", "soon", "-1", "1e9", "99999999999999999999"]) {
    faultTest(`${status} with Retry-After: ${JSON.stringify(header)}`, {
      auth: false,
      fault: () => new Response("", { status, headers: { "retry-after": header } }),
      call: ({ client }) => client.listTags(),
      code,
    });
  }
}

Deno.test("429 with Retry-After in the past: tried again at once, and it goes on", async () => {
  let count = 0;
  const world = new World({
    auth: false,
    fault: () =>
      count++ === 0
        ? new Response("", { status: 429, headers: { "retry-after": date(-60_000) } })
        : Response.json({ name: "app", tags: ["a"] }),
  });
  assertEquals((await world.client.listTags()).tags, ["a"]);
  assertEquals(world.told("retry").map(({ delay }) => delay), [0]);
});

faultTest("429 with a quota: the error tells it, and an event does", {
  auth: false,
  fault: () =>
    new Response("", {
      status: 429,
      headers: { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "0;w=21600" },
    }),
  client: { retry: { maxAttempts: 1 } },
  call: ({ client }) => client.getManifest({ ref: "latest" }),
  code: "RATE_LIMITED",
  after: (world, error) => {
    const quota = { limit: 100, remaining: 0, window: 21_600 };
    assertEquals((error as RateLimitedError).rateLimit, quota);
    assertEquals(world.told("rate-limit"), [{
      type: "rate-limit",
      host: "registry.test",
      ...quota,
    }]);
  },
});

const pushes: [name: string, method: string, call: (world: World) => Promise<unknown>][] = [
  ["end-4 startBlobUpload", "POST", ({ client }) => client.startBlobUpload()],
  ["end-6 putBlob", "PUT", ({ client }) => client.putBlob(new Blob(["x".repeat(100_000)]))],
  ["end-7 putManifest", "PUT", ({ client }) =>
    client.putManifest({
      manifestData: utf8(
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
      ),
      ref: "latest",
    })],
  ["end-9 deleteManifest", "DELETE", ({ client }) => client.deleteManifest({ ref: "latest" })],
];

for (const [name, method, call] of pushes) {
  for (const status of [429, 503]) {
    const code = status === 429 ? "RATE_LIMITED" : "REGISTRY_RESPONSE";
    const busy = (request: Request) =>
      request.method === method
        ? new Response("", { status, headers: { "retry-after": "0" } })
        : undefined;

    faultTest(`${name}: ${status}, again and again`, {
      auth: false,
      fault: busy,
      call,
      code,
      is: { statusCode: status, retryable: true },
    });

    if (method === "DELETE") continue;
    Deno.test(`${name}: ${status} once, and it goes on`, async () => {
      let count = 0;
      const world = new World({
        auth: false,
        fault: (request) => request.method === method && count++ === 0 ? busy(request) : undefined,
      });
      await call(world);
      assert(count >= 2);
    });
  }
}

Deno.test("the token service's Retry-After is waited for too", async () => {
  const controller = new AbortController();
  const world = new World({
    fault: (_request, url) =>
      url.pathname === "/token"
        ? new Response("", { status: 429, headers: { "retry-after": "120" } })
        : undefined,
  });
  const reason = new Error("no time");
  world.onEvent = ({ type }) => {
    if (type === "retry") controller.abort(reason);
  };
  const { signal } = controller;
  assertStrictEquals(await world.caught(() => world.client.listTags({ signal })), reason);
  assertEquals(world.told("retry")[0]?.delay, MINUTES_2);
  world.assertSecretsKept();
  await runFault({
    fault: (_request, url) =>
      url.pathname === "/token"
        ? new Response("", { status: 429, headers: { "retry-after": "120" } })
        : undefined,
    client: { limits: { retryAfter: 1_000 } },
    call: ({ client }) => client.listTags(),
    code: "AUTHENTICATION_FAILED",
    is: { statusCode: 429 },
  });
});
