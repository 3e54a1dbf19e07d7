/** @sigstore/oci's own cases 67 to 73: `fetchOpts`. And that each of its 73 cases has a test. */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type FetchOptions, getImageDigest, OCIError } from "@davit/registry-client/sigstore-oci";
import { CREDENTIALS, NAME, SUBJECT, World } from "./sigstore_oci_world.ts";

/** No waits. */
const AT_ONCE = { minTimeout: 0, factor: 0 };

type Step = number | "reset" | "hang";

/** Answers in this order, to HEAD of a tag. */
function scripted(...steps: Step[]): World {
  return new World(async () => {
    const step = steps.shift();
    if (step === "reset") throw new TypeError("read ECONNRESET");
    if (step === "hang") await new Promise((resolve) => setTimeout(resolve, 300));
    const status = typeof step === "number" ? step : 200;
    return new Response(null, { status, headers: { "docker-content-digest": SUBJECT } });
  });
}

async function digestBy(world: World, fetchOpts?: FetchOptions): Promise<string> {
  return await getImageDigest({
    imageName: NAME,
    imageTag: "v1",
    credentials: CREDENTIALS,
    fetch: world.fetch,
    ...(fetchOpts && { fetchOpts }),
  });
}

async function failure(world: World, fetchOpts?: FetchOptions): Promise<string> {
  const error = await assertRejects(() => digestBy(world, fetchOpts), OCIError);
  return (error.cause as Error).message;
}

Deno.test("sigstore-oci 67: without retry, or with false: a 500 is the answer, one request", async () => {
  for (const fetchOpts of [undefined, {}, { retry: false }, { retry: 0 }, { retry: {} }]) {
    const world = scripted(500);
    assertMatch(await failure(world, fetchOpts), /expected 200, received 500/);
    assertEquals(world.seen.length, 1);
  }
});

Deno.test("sigstore-oci 68: 408, then 200", async () => {
  const world = scripted(408, 200);
  assertEquals(await digestBy(world, { retry: { retries: 2, ...AT_ONCE } }), SUBJECT);
  assertEquals(world.seen.length, 2);
});

Deno.test("sigstore-oci 69: a 401 is not tried again", async () => {
  const world = new World(() =>
    new Response(null, { status: 401, headers: { "www-authenticate": "Foo" } })
  );
  await failure(world, { retry: true });
  // The second asks /v2/ how to authenticate.
  assertEquals(world.lines, ["HEAD /v2/you/app/manifests/v1", "GET /v2/"]);
});

Deno.test("sigstore-oci 70: a time limit of 1 ms and one retry: two requests, network timeout", async () => {
  const world = scripted("hang", "hang");
  const retry = { retries: 1, ...AT_ONCE };
  assertMatch(await failure(world, { timeout: 1, retry }), /network timeout/i);
  assertEquals(world.seen.length, 2);
  await new Promise((resolve) => setTimeout(resolve, 350)); // the answers come late
});

Deno.test("sigstore-oci 71: a time limit once, then 200, retry a number", async () => {
  const world = scripted("hang", 200);
  assertEquals(await digestBy(world, { timeout: 50, retry: 2 }), SUBJECT);
  assertEquals(world.seen.length, 2);
  await new Promise((resolve) => setTimeout(resolve, 300));
});

Deno.test("sigstore-oci 72: what passes is tried again, as often as allowed", async () => {
  const world = scripted("reset", 408, 503, 429, 200);
  assertEquals(await digestBy(world, { retry: { retries: 4, ...AT_ONCE } }), SUBJECT);
  assertEquals(world.seen.length, 5);
});

Deno.test("sigstore-oci 72, stricter: 501 says that no other try helps, but GET", async () => {
  const world = scripted(501, 501, 200);
  const retry = { retries: 4, ...AT_ONCE };
  assertMatch(await failure(world, { retry }), /expected 200, received 501/);
  assertEquals(world.seen.length, 2);
});

Deno.test("sigstore-oci 73: headers of hosts and of the credentials merge, one by one", async () => {
  const world = scripted(200);
  await getImageDigest({
    imageName: NAME,
    imageTag: "v1",
    credentials: { ...CREDENTIALS, headers: { "x-a": "credentials", "x-b": "credentials" } },
    hosts: { "registry.test": { headers: { "x-a": "hosts", "x-c": "hosts" } } },
    fetch: world.fetch,
  });
  const { headers } = world.seen[0]!;
  assertEquals(["x-a", "x-b", "x-c"].map((name) => headers.get(name)), [
    "credentials",
    "credentials",
    "hosts",
  ]);
});

Deno.test("sigstore-oci: fetchOpts.proxy that is no proxy, and noProxy that is no host", async () => {
  assertMatch(await failure(scripted(200), { proxy: "socks://proxy.test" }), /proxy/);
  assertMatch(await failure(scripted(200), { noProxy: "a b/c" }), /noProxy/);
});

Deno.test("sigstore-oci: each of the 73 cases has a test, or is named as stricter", async () => {
  const files = ["attach", "credentials_alone", "fetch", "login", "transfer"];
  const sources = await Promise.all(
    files.map((name) =>
      Deno.readTextFile(new URL(`sigstore_oci_${name}_test.ts`, import.meta.url))
    ),
  );
  // Titles, and the names in the tables that titles are made of.
  const named = sources.join("\n").matchAll(
    /["`](?:sigstore-oci )?(\d+(?:(?:,| and) \d+)*)(?:: |, stricter: )/g,
  );
  const numbers = new Set([...named].flatMap(([, list]) => list!.match(/\d+/g)!.map(Number)));
  const missing = Array.from({ length: 73 }, (_, at) => at + 1).filter((each) =>
    !numbers.has(each)
  );
  assertEquals(missing, []);
});
