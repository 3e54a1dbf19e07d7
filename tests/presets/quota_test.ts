/** Docker Hub's quota of pulls, and limits on requests a second. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type DavitEvent, RateLimitedError, RegistryStore } from "../../mod.ts";
import type { Middleware } from "../../server/mod.ts";
import { inFakeTime } from "./fake_time.ts";
import { image, pushImage } from "./verbs.ts";
import { inWorld, type World } from "./world.ts";

/** Pushes an image and forgets how. */
async function withImage({ client, requests, events }: World): Promise<string> {
  const { digest } = await pushImage(client, "v1");
  requests.length = events.length = 0;
  return digest;
}

function manifestRequests({ requests }: World): string[] {
  return requests.filter(({ path }) => path.includes("/manifests/")).map(({ method }) => method);
}

function quotas({ events }: World): (number | undefined)[] {
  return events.flatMap((event) => event.type === "rate-limit" ? [event.remaining] : []);
}

Deno.test("preset dockerHub: the quota is told when it changes", async () => {
  await inWorld("dockerHub", "memory", async (world) => {
    await withImage(world);
    const { client } = world;
    for (const _ of [1, 2, 3]) await client.headManifest({ ref: "v1" });
    for (const _ of [1, 2]) await client.getManifest({ ref: "v1" });
    assertEquals(quotas(world), [100, 99, 98]);
    const [event] = world.events.filter(({ type }) => type === "rate-limit");
    assertEquals(event, {
      type: "rate-limit",
      host: "registry-1.docker.io",
      limit: 100,
      remaining: 100,
      window: 21_600,
    });
  });
});

const FREE: [name: string, call: (world: World, digest: string) => Promise<unknown>][] = [
  ["headManifest of a tag", ({ client }) => client.headManifest({ ref: "v1" })],
  ["headManifest of a digest", ({ client }, ref) => client.headManifest({ ref })],
  ["resolve of a tag", ({ client }) => new RegistryStore(client).resolve("v1")],
  ["resolve of a digest", ({ client }, digest) => new RegistryStore(client).resolve(digest)],
  ["exists", async ({ client }, ref) => {
    const store = new RegistryStore(client);
    assert(await store.exists(await client.headManifest({ ref })));
  }],
  ["write and tag", async ({ client }) => {
    const { bytes, descriptor } = await image(client);
    const store = new RegistryStore(client);
    await store.write(descriptor, bytes);
    await store.tag(descriptor, "v2");
    assertEquals(await store.resolve("v2"), descriptor);
  }],
  ["an image with a subject, where the list is there", async ({ client }, digest) => {
    const subject = await client.headManifest({ ref: digest });
    await pushImage(client, undefined, { subject });
  }],
];

for (const [name, call] of FREE) {
  Deno.test(`preset dockerHub: no pull is counted for ${name}`, async () => {
    await inWorld("dockerHub", "memory", async (world) => {
      const digest = await withImage(world);
      await call(world, digest);
      // The one GET is of the list of referrers, which is a tag: it does not exist yet, and is free.
      assertEquals(quotas(world).at(-1), 100);
      const gets = manifestRequests(world).filter((method) => method === "GET").length;
      assert(gets <= (name.includes("subject") ? 1 : 0), `${gets} GETs`);
    });
  });
}

Deno.test("preset dockerHub: a quota that is spent fails at once, and says for how long", async () => {
  await inWorld("dockerHub", "memory", async (world) => {
    await withImage(world);
    const { client } = world;
    await client.getManifest({ ref: "v1" });
    const error = await assertRejects(() => client.getManifest({ ref: "v1" }), RateLimitedError);
    assertEquals(error.rateLimit, { limit: 1, remaining: 0, window: 21_600 });
    assert(error.retryAfter! > 21_000_000, `${error.retryAfter} ms`);
    assert(
      /: 429 TOOMANYREQUESTS: You have reached your pull rate limit\.\. Try again in 21\d{3} s$/
        .test(error.message),
      error.message,
    );
    assertEquals(world.events.filter(({ type }) => type === "wait" || type === "retry"), []);
    await client.headManifest({ ref: "v1" }); // which is free still
    assertEquals(manifestRequests(world), ["GET", "GET", "HEAD"]);
  }, { quirks: { rateLimit: { limit: 1 } } });
});

/** Takes so many requests in any second, and refuses the others. */
function limited(perSecond: number, form: "seconds" | "date" | "none"): Middleware {
  let taken: number[] = [];
  return (next) => async (context) => {
    const { request } = context;
    if (!request.url.includes("/manifests/") || request.method !== "GET") {
      return await next(context);
    }
    const now = Date.now();
    taken = taken.filter((time) => time > now - 1_000);
    if (taken.length < perSecond) {
      taken.push(now);
      return await next(context);
    }
    const headers = new Headers();
    if (form === "seconds") headers.set("retry-after", "1");
    // A date has no parts of a second: the next one but one is a second away at least.
    if (form === "date") headers.set("retry-after", new Date(now + 2_000).toUTCString());
    return new Response("slow down", { status: 429, headers });
  };
}

for (const form of ["seconds", "date", "none"] as const) {
  Deno.test(`100 manifests, 32 at once, under 10 a second: all are pulled (Retry-After: ${form})`, async () => {
    await inFakeTime(() =>
      inWorld("harbor", "memory", async (world) => {
        const ref = await withImage(world);
        const { client, events, requests } = world;
        const started = Date.now();
        const pulls = Array.from({ length: 100 }, () => () => client.getManifest({ ref }));
        await Promise.all(Array.from({ length: 32 }, async () => {
          for (let pull = pulls.shift(); pull !== undefined; pull = pulls.shift()) {
            assertEquals((await pull()).digest, ref);
          }
        }));
        const elapsed = Date.now() - started;
        assert(elapsed >= 9_000 && elapsed < 60_000, `${elapsed} ms`);
        const waits = events.filter((event) => event.type === "wait");
        assert(waits.length >= 5 && waits.length <= 60, `${waits.length} waits`);
        assertEquals(new Set(waits.map(({ host }) => host)), new Set(["harbor.example.com"]));
        const longest = Math.max(...waits.map(({ delay }) => delay));
        assert(longest <= 10_000 && (form === "none" || longest >= 1_000), `${longest} ms`);
        assert(retries(events) < 200, `${retries(events)} retries of ${requests.length} requests`);
      }, { middleware: [limited(10, form)] })
    );
  });
}

function retries(events: DavitEvent[]): number {
  return events.filter(({ type }) => type === "retry").length;
}
