import { assert, assertEquals, assertRejects } from "@std/assert";
import { ForbiddenError, ReferrersListError } from "../errors.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { FakeManifests } from "./fake_manifests_test.ts";
import { failure, fakeRegistry, json, type Seen } from "./fake_registry_test.ts";
import { putManifest } from "./manifests.ts";
import { artifactOf, IMAGE, OTHER_IMAGE, type Sample } from "./sample_manifests_test.ts";

const API = `GET /v2/app/referrers/${IMAGE.digest}`;

/** So long a registry works on a list. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 1));

/** A registry that reads a list and writes it with one more, whoever wrote it meanwhile. */
function setUp() {
  const server = new FakeManifests();
  server.api = server.ociSubject = true;
  server.add(IMAGE, OTHER_IMAGE);
  const lists = new Map<string, object[]>();
  server.afterPut = async (digest) => {
    const { bytes, mediaType } = server.manifests.get(digest)!;
    const { subject, artifactType } = JSON.parse(new TextDecoder().decode(bytes));
    const list = (lists.get(subject.digest) ?? []).filter((each) =>
      (each as { digest: string }).digest !== digest
    );
    await pause();
    lists.set(subject.digest, [...list, { mediaType, digest, size: bytes.length, artifactType }]);
  };
  const listed = () => new Set(lists.get(IMAGE.digest)?.map((each) => Object(each).digest));
  let before: typeof server.intercept = () => undefined;
  server.intercept = async (seen) => {
    const [, subject] = /\/referrers\/(.*)$/.exec(seen.url.pathname) ?? [];
    const answer = await before(seen);
    if (answer !== undefined || subject === undefined) return answer;
    return listOf(lists.get(subject) ?? []);
  };
  const registry = fakeRegistry(server.handler);
  return {
    ...registry,
    server,
    listed,
    /** Answers some requests in the registry's place. */
    first: (intercept: (seen: Seen) => Response | Promise<Response | undefined> | undefined) => {
      before = intercept;
    },
    attach: (sample: Sample, channel = registry.channel, options = {}) =>
      putManifest(channel, "app", sample.digest, sample.bytes, options),
    puts: () => registry.lines().filter((line) => line.startsWith("PUT")).length,
    looks: () => registry.lines().filter((line) => line === API).length,
  };
}

/** What the API answers. */
function listOf(manifests: object[]): Response {
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
  return json(index, { "content-type": MEDIA_TYPES.ociIndex });
}

function artifacts(count: number, subject = IMAGE): Promise<Sample[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) => artifactOf(subject.descriptor, `a${i}`)),
  );
}

Deno.test("put at once, of one subject: those that the registry forgot are pushed again", async () => {
  const { attach, listed, looks, puts } = setUp();
  const all = await artifacts(20);
  const results = await Promise.all(all.map((each) => attach(each)));
  assertEquals(puts(), 39, "the registry kept the last one alone");
  assertEquals(listed(), new Set(all.map(({ digest }) => digest)));
  assertEquals(results.filter(({ referrersError }) => referrersError), []);
  assertEquals(looks(), 2, "whether there is an API, and once when all had landed");
});

Deno.test("put at once, of one subject: by two clients", async () => {
  const { attach, listed, server } = setUp();
  const other = fakeRegistry(server.handler).channel;
  const all = await artifacts(10);
  await Promise.all(all.map((each, at) => attach(each, at % 2 === 0 ? other : undefined)));
  assertEquals(listed().size, 10);
});

Deno.test("put at once, of one subject: some that come later too", async () => {
  const { attach, listed } = setUp();
  const all = await artifacts(20);
  const results = await Promise.all(all.map(async (each, at) => {
    for (let i = 0; i < at; i++) await pause();
    return await attach(each);
  }));
  assertEquals(results.filter(({ referrersError }) => referrersError), []);
  assertEquals(listed().size, 20);
});

Deno.test("put one after another, or of several subjects: no list is looked at", async () => {
  const { attach, puts, looks, listed } = setUp();
  const [one, two, three] = await artifacts(3) as [Sample, Sample, Sample];
  const [other] = await artifacts(1, OTHER_IMAGE) as [Sample];
  await attach(one);
  await attach(two);
  await Promise.all([attach(three), attach(other)]);
  assertEquals([puts(), looks(), listed().size], [4, 1, 3]);
});

Deno.test("put at once, of one subject: one that is refused keeps nobody waiting", async () => {
  const { attach, listed, first } = setUp();
  const [refused, ...others] = await artifacts(5) as [Sample, ...Sample[]];
  first(({ line }) => line.endsWith(refused.digest) ? failure(403, "DENIED") : undefined);
  const [failed] = await Promise.all([
    assertRejects(() => attach(refused), ForbiddenError),
    ...others.map((each) => attach(each)),
  ]);
  assertEquals(failed.codes, ["DENIED"]);
  assertEquals(listed(), new Set(others.map(({ digest }) => digest)));
});

Deno.test("put at once, of one subject: a list that cannot be looked at is an error of each", async () => {
  const { attach, first, looks } = setUp();
  first(({ line }) => line === API && looks() > 1 ? failure(403, "DENIED") : undefined);
  const results = await Promise.all((await artifacts(3)).map((each) => attach(each)));
  for (const { referrersError } of results) {
    assert(referrersError instanceof ReferrersListError);
    assert(referrersError.cause instanceof ForbiddenError);
  }
});

Deno.test("put at once, of one subject: an abort ends the wait for the others", async () => {
  const { attach, first } = setUp();
  const [held, other] = await artifacts(2) as [Sample, Sample];
  const release = Promise.withResolvers<undefined>();
  first(({ line }) => line.endsWith(held.digest) ? release.promise : undefined);
  const controller = new AbortController();
  const slow = attach(held);
  const waiting = attach(other, undefined, { signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 20);
  await assertRejects(() => waiting, Error, "enough");
  release.resolve(undefined);
  assertEquals((await slow).referrersError, undefined);
});

Deno.test("put one by one: an abort ends the wait for a turn", async () => {
  const { attach, channel, first, puts } = setUp();
  channel.capabilities.forgetsReferrers = true;
  const [held, other] = await artifacts(2) as [Sample, Sample];
  const release = Promise.withResolvers<undefined>();
  first(({ line }) => line.endsWith(held.digest) ? release.promise : undefined);
  const slow = attach(held);
  const controller = new AbortController();
  const waiting = attach(other, undefined, { signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 20);
  await assertRejects(() => waiting, Error, "enough");
  release.resolve(undefined);
  assertEquals((await slow).referrersError, undefined);
  assertEquals(puts(), 1, "what was given up is not sent");
});

Deno.test("put at once, of one subject: nobody waits for what begins after it has landed", async () => {
  const { attach, first, listed } = setUp();
  const [before, own, after] = await artifacts(3) as [Sample, Sample, Sample];
  const held = new Map<string, PromiseWithResolvers<undefined>>(
    [before, after].map(({ digest }) => [digest, Promise.withResolvers<undefined>()]),
  );
  first(({ line, method }) =>
    method === "PUT" ? held.get(line.slice(line.lastIndexOf("/") + 1))?.promise : undefined
  );
  const slow = attach(before);
  const waiting = attach(own);
  while (!listed().has(own.digest)) await pause();
  const later = attach(after);
  held.get(before.digest)!.resolve(undefined);
  assertEquals((await waiting).referrersError, undefined);
  held.get(after.digest)!.resolve(undefined);
  await Promise.all([slow, later]);
  assertEquals(listed().size, 3);
});

Deno.test("put at once, of one subject: a look that one client may not have is no error of another", async () => {
  const { attach, listed, server } = setUp();
  const other =
    fakeRegistry((seen) =>
      seen.line === API && seen.headers.get("x-client") === null && looked++ > 0
        ? failure(403, "DENIED")
        : server.handler(seen)
    ).channel;
  let looked = 0;
  const all = await artifacts(6);
  const results = await Promise.all(
    all.map((each, at) => attach(each, at % 2 === 0 ? other : undefined)),
  );
  const failed = results.map(({ referrersError }) => referrersError !== undefined);
  assertEquals(failed, [true, false, true, false, true, false]);
  assert(listed().size >= 3);
});

Deno.test("put at once, of one subject: a registry that lists late is pushed to once more", async () => {
  const { attach, first, puts } = setUp();
  first(({ line }) => line === API ? listOf([]) : undefined);
  const results = await Promise.all((await artifacts(3)).map((each) => attach(each)));
  assertEquals(results.filter(({ referrersError }) => referrersError), []);
  assertEquals(puts(), 6);
});

Deno.test("put at once, of one subject: what others take off the list each time is an error", async () => {
  const { attach, first, server } = setUp();
  const [one, ...others] = await artifacts(2) as [Sample, ...Sample[]];
  first(({ line }) =>
    line === API ? listOf(others.map(({ descriptor }) => descriptor)) : undefined
  );
  let done = false;
  const writer = async () => {
    while (!done) await attach(others[0]!, fakeRegistry(server.handler).channel);
  };
  const writers = [writer(), writer()];
  const { referrersError } = await attach(one);
  done = true;
  await Promise.all(writers);
  assert(referrersError instanceof ReferrersListError);
  const message = "it is pushed, but its subject's list is not written: Cannot find it on the list";
  assert(referrersError.message.includes(message), referrersError.message);
});
