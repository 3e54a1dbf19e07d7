/** The fallback tag is written on the condition that it is what was read. */
import { assert, assertEquals } from "@std/assert";
import { FakeManifests } from "./fake_manifests_test.ts";
import { fakeRegistry } from "./fake_registry_test.ts";
import { putManifest } from "./manifests.ts";
import { artifactOf, IMAGE, type Sample } from "./sample_manifests_test.ts";

const TAG = `sha256-${IMAGE.digest.slice("sha256:".length)}`;
const [ONE, TWO, THREE] = [
  await artifactOf(IMAGE.descriptor, "one"),
  await artifactOf(IMAGE.descriptor, "two"),
  await artifactOf(IMAGE.descriptor, "three"),
] as [Sample, Sample, Sample];

/** A registry without referrers API that answers ETags; `refuse` is asked before each write. */
function setUp(etag: (digest: string) => string, refuse: () => boolean = () => false) {
  const server = new FakeManifests();
  server.add(IMAGE);
  const conditions: (string | null)[] = [];
  const registry = fakeRegistry(async (seen) => {
    const { pathname } = new URL(seen.url);
    if (seen.method === "PUT" && pathname.endsWith(TAG)) {
      conditions.push(seen.headers.get("if-match"));
      if (refuse()) return new Response(null, { status: 412 });
    }
    const response = await server.handler(seen);
    const digest = response.headers.get("docker-content-digest");
    if (digest !== null) response.headers.set("etag", etag(digest));
    return response;
  });
  const attach = async ({ digest, bytes }: Sample) =>
    void await putManifest(registry.channel, "app", digest, bytes);
  const listed = () => server.entries(TAG)!.map(({ digest }) => digest);
  return { ...registry, server, attach, conditions, listed };
}

Deno.test("fallback tag: PUT carries If-Match with the ETag that GET gave", async () => {
  const { server, attach, conditions } = setUp((digest) => `"${digest}"`);
  await attach(ONE);
  const first = server.tags.get(TAG);
  await attach(TWO);
  assertEquals(conditions, [null, `"${first}"`]);
});

Deno.test("fallback tag: a weak ETag, which never matches, is no condition", async () => {
  const { attach, conditions } = setUp((digest) => `W/"${digest}"`);
  await attach(ONE);
  await attach(TWO);
  assertEquals(conditions, [null, null]);
});

Deno.test("fallback tag: a 412 says that another writer was faster: it is read again", async () => {
  let refusals = 2;
  const { attach, conditions, listed } = setUp((digest) => `"${digest}"`, () => refusals-- > 0);
  await attach(ONE);
  await attach(TWO);
  assertEquals(conditions.length, 4);
  assertEquals(listed(), [ONE.digest, TWO.digest]);
});

Deno.test("fallback tag: clients of one process write one after another", async () => {
  const one = setUp((digest) => `"${digest}"`);
  const other = fakeRegistry(one.server.handler);
  await Promise.all([
    one.attach(ONE),
    putManifest(other.channel, "app", TWO.digest, TWO.bytes),
    one.attach(THREE),
  ]);
  assertEquals(one.listed().sort(), [ONE.digest, TWO.digest, THREE.digest].sort());
  const writes = [...one.lines(), ...other.lines()].filter((line) => line.startsWith(`PUT`));
  // The two of one client go together where both wait for the other client.
  const count = writes.filter((line) => line.endsWith(TAG)).length;
  assert(count === 2 || count === 3, `none was lost and repeated: ${count}`);
});
