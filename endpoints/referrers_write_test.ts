import { assert, assertEquals, assertRejects } from "@std/assert";
import { ForbiddenError, NotFoundError, ReferrersListError } from "../errors.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { FakeManifests } from "./fake_manifests_test.ts";
import { failure, fakeRegistry, reset, type Seen } from "./fake_registry_test.ts";
import { deleteManifest, putManifest } from "./manifests.ts";
import { listReferrers } from "./referrers.ts";
import {
  artifactOf,
  descriptor,
  IMAGE,
  INDEX,
  OTHER_IMAGE,
  type Sample,
  sampleOf,
} from "./sample_manifests_test.ts";

const SUBJECT = IMAGE.digest;
const TAG = `sha256-${SUBJECT.slice("sha256:".length)}`;
const [ONE, TWO, THREE] = [
  await artifactOf(IMAGE.descriptor, "one"),
  await artifactOf(IMAGE.descriptor, "two"),
  await artifactOf(IMAGE.descriptor, "three"),
] as [Sample, Sample, Sample];

const API = `GET /v2/app/referrers/${SUBJECT}`;
const LOOK = `HEAD /v2/app/manifests/${TAG}`;
const READ = `GET /v2/app/manifests/${TAG}`;
const WRITE = `PUT /v2/app/manifests/${TAG}`;
const put = ({ digest }: Sample) => `PUT /v2/app/manifests/${digest}`;
const get = ({ digest }: Sample) => `GET /v2/app/manifests/${digest}`;
const remove = ({ digest }: Sample) => `DELETE /v2/app/manifests/${digest}`;

/** The entry of one of the artifacts above in its subject's index. */
function entry({ descriptor, json }: Sample): Descriptor {
  const { artifactType, annotations } = json as { artifactType: string; annotations: object };
  return { ...descriptor, artifactType, annotations: { ...annotations } };
}

function setUp(change: (server: FakeManifests) => void = () => {}) {
  const server = new FakeManifests();
  server.add(IMAGE);
  change(server);
  const registry = fakeRegistry(server.handler);
  /** Pushes, and fails where the list's error is answered. */
  const attach = async (sample: Sample) => {
    const { channel } = registry;
    const { referrersError } = await putManifest(channel, "app", sample.digest, sample.bytes);
    if (referrersError !== undefined) throw referrersError;
  };
  return { server, attach, ...registry };
}

Deno.test("end-7 with a subject: OCI-Subject is believed once the API is found, asked once", async () => {
  const { server, attach, lines } = setUp((server) => {
    server.api = server.ociSubject = true;
  });
  await attach(ONE);
  await attach(TWO);
  assertEquals(lines(), [put(ONE), API, put(TWO)]);
  assertEquals([...server.tags], []);
});

Deno.test("end-7 with a subject: an OCI-Subject that lies is found out", async () => {
  const { server, attach, lines } = setUp((server) => server.ociSubject = true);
  await attach(ONE);
  await attach(TWO);
  assertEquals(lines(), [put(ONE), API, READ, WRITE, LOOK, put(TWO), READ, WRITE, LOOK]);
  assertEquals(server.entries(TAG), [entry(ONE), entry(TWO)]);
});

Deno.test("end-7 with a subject: a thousand repositories are trusted, and no more are remembered", async () => {
  const { attach, channel } = setUp((server) => server.api = server.ociSubject = true);
  const trustedSubject = channel.capabilities.trustedSubject = new Set<string>();
  for (let i = 0; i < 999; i++) trustedSubject.add(`app/${i}`);
  await attach(ONE);
  assertEquals(trustedSubject.size, 1_000);
  trustedSubject.delete("app");
  trustedSubject.add("app/999");
  await attach(TWO);
  assertEquals([...trustedSubject], ["app"]);
});

Deno.test("end-7 with a subject: without OCI-Subject the fallback tag is written", async () => {
  const { server, attach, lines, channel, assertClosed } = setUp();
  await attach(ONE);
  assertEquals(lines(), [put(ONE), READ, WRITE, LOOK]);
  assertEquals(server.entries(TAG), [entry(ONE)]);
  const list = await listReferrers(channel, "app", SUBJECT, { artifactType: "application/one" });
  assertEquals(list, { manifests: [entry(ONE)], filtersApplied: [], fromTag: true });
  assertClosed();
});

Deno.test("end-7 with a subject: entries of others, and the index's own fields, are kept", async () => {
  const foreign = { ...descriptor("a/b", "f"), annotations: { by: "somebody" } };
  const index = await sampleOf({
    schemaVersion: 2,
    manifests: [foreign],
    annotations: { kept: "yes" },
  }, MEDIA_TYPES.ociIndex);
  const { server, attach } = setUp((server) => {
    server.add(index);
    server.tags.set(TAG, index.digest);
  });
  await attach(ONE);
  assertEquals(server.entries(TAG), [foreign, entry(ONE)]);
  const { bytes } = server.manifests.get(server.tags.get(TAG)!)!;
  assertEquals(JSON.parse(new TextDecoder().decode(bytes)).annotations, { kept: "yes" });
});

Deno.test("end-7 with a subject: broken entries of others are left out of what is written", async () => {
  const { server, attach, of } = setUp();
  const broken = [{}, entry(TWO), { digest: "x" }] as Descriptor[];
  await server.putIndex(TAG, broken);
  await attach(ONE);
  assertEquals(server.entries(TAG), [entry(TWO), entry(ONE)]);
  assertEquals(of("referrer-skipped").map(({ subject }) => subject), [SUBJECT, SUBJECT]);
});

Deno.test("end-7 with a subject: an index of 10,000 entries takes one more", async () => {
  const { server, attach } = setUp();
  const others = Array.from({ length: 10_000 }, (_, i) => ({
    ...entry(TWO),
    digest: `sha256:${String(i).padStart(64, "0")}`,
  }));
  await server.putIndex(TAG, others);
  await attach(ONE);
  assertEquals(server.entries(TAG), [...others, entry(ONE)]);
});

Deno.test("end-7 with a subject: what is there already is not written again", async () => {
  const { server, attach, lines } = setUp();
  await attach(ONE);
  await attach(ONE);
  assertEquals(lines().slice(4), [put(ONE), READ]);
  assertEquals(server.entries(TAG), [entry(ONE)]);
});

Deno.test("end-7 with a subject: an image's entry takes its config's type, an index none", async () => {
  const { server, attach } = setUp();
  const image = await sampleOf({ ...OTHER_IMAGE.json, subject: IMAGE.descriptor }, IMAGE.mediaType);
  const index = await sampleOf({ ...INDEX.json, subject: IMAGE.descriptor }, INDEX.mediaType);
  await attach(image);
  await attach(index);
  assertEquals(server.entries(TAG), [
    {
      ...image.descriptor,
      artifactType: MEDIA_TYPES.ociConfig,
      annotations: { other: "yes" },
    },
    index.descriptor,
  ]);
});

Deno.test("end-7 with a subject: 50 attaches at the same time, 50 are listed", async () => {
  const { channel, attach, lines } = setUp();
  const all = await Promise.all(
    Array.from({ length: 50 }, (_, i) => artifactOf(IMAGE.descriptor, `a${i}`)),
  );
  await Promise.all(all.map(attach));
  const { manifests } = await listReferrers(channel, "app", SUBJECT);
  assertEquals(
    manifests.map(({ digest }) => digest).sort(),
    all.map(({ digest }) => digest).sort(),
  );
  const writes = lines().filter((line) => line === WRITE).length;
  assertEquals(writes, 2, "the first one's, and one for all that waited for it");
});

Deno.test("end-7 with a subject: attaches to several subjects do not wait for each other", async () => {
  const other = await artifactOf(OTHER_IMAGE.descriptor, "other");
  const held = Promise.withResolvers<undefined>();
  const { attach, lines } = setUp((server) => {
    server.intercept = ({ line }) => line === WRITE ? held.promise : undefined;
  });
  const waiting = attach(ONE);
  await attach(other);
  const otherTag = `sha256-${OTHER_IMAGE.digest.slice("sha256:".length)}`;
  assertEquals(lines().filter((line) => line.endsWith(otherTag)).length, 3);
  held.resolve(undefined);
  await waiting;
});

Deno.test("end-7 with a subject: another writer that wins is merged with", async () => {
  let stolen = 0;
  const { server, attach, lines, clock } = setUp((server) => {
    server.afterPut = async (reference) => {
      if (reference === TAG && stolen++ < 2) await server.putIndex(TAG, [entry(TWO)]);
    };
  });
  await attach(ONE);
  assertEquals(server.entries(TAG), [entry(TWO), entry(ONE)]);
  assertEquals(lines().filter((line) => line === WRITE).length, 3);
  assertEquals(clock.delays.length, 5, "a wait before each look, and before each other try");
});

Deno.test("end-7 with a subject: a writer that read before this write, and wrote after it, is seen", async () => {
  let stolen = false;
  const { server, attach, lines, clock } = setUp((server) => {
    server.intercept = () => {
      clock.time += 10; // what each request takes
      return undefined;
    };
  });
  const { sleep } = clock;
  clock.sleep = async (milliseconds) => {
    await sleep.call(clock, milliseconds);
    if (!stolen) await server.putIndex(TAG, [entry(TWO)]);
    stolen = true;
  };
  await attach(ONE);
  assertEquals(server.entries(TAG), [entry(TWO), entry(ONE)]);
  assertEquals(lines(), [put(ONE), READ, WRITE, LOOK, READ, WRITE, LOOK]);
  const [first, second, third] = clock.delays;
  assertEquals([first, third], [20, 20], "as long as reading and writing took");
  assert(second! >= 20 && second! <= 40, `at random: ${second} ms`);
});

Deno.test("end-7 with a subject: a registry that says no digest is asked for the index", async () => {
  const { server, attach, lines } = setUp((server) => server.digestHeader = false);
  await attach(ONE);
  assertEquals(lines(), [put(ONE), READ, WRITE, LOOK, READ]);
  assertEquals(server.entries(TAG), [entry(ONE)]);
});

Deno.test("end-7 with a subject: writers that always win end in an error", async () => {
  const { attach, lines } = setUp((server) => {
    server.afterPut = async (reference) => {
      if (reference === TAG) await server.putIndex(TAG, [entry(TWO)]);
    };
  });
  await assertRejects(
    () => attach(ONE),
    ReferrersListError,
    `Cannot write the fallback tag registry.test/app:${TAG}: other writers won 10 times`,
  );
  assertEquals(lines().filter((line) => line === WRITE).length, 10);
});

/** Refuses an index with an entry that is not there, as a registry may. */
function looking(server: FakeManifests, status: number, code: string): void {
  server.intercept = ({ line, text }) => {
    if (line !== WRITE) return undefined;
    const { manifests } = JSON.parse(text) as { manifests: Descriptor[] };
    const whole = manifests.every(({ digest }) => server.manifests.has(digest));
    return whole ? undefined : failure(status, code);
  };
}

const LACKING: [status: number, code: string][] = [
  [400, "MANIFEST_BLOB_UNKNOWN"],
  [404, "MANIFEST_UNKNOWN"],
];

for (const [status, code] of LACKING) {
  Deno.test(`end-7 with a subject: ${code} for an entry that is gone, so it is left out`, async () => {
    const { server, attach, lines } = setUp((server) => server.add(TWO));
    await server.putIndex(TAG, [entry(TWO), entry(THREE)]);
    looking(server, status, code);
    await attach(ONE);
    assertEquals(server.entries(TAG), [entry(TWO), entry(ONE)]);
    assertEquals(lines().filter((line) => line.startsWith("HEAD")).length, 4);
    assertEquals(lines().filter((line) => line === WRITE).length, 2);
  });
}

Deno.test("end-7 with a subject: when every entry is there the refusal is the error", async () => {
  const { server, attach, lines } = setUp((server) => server.add(TWO));
  await server.putIndex(TAG, [entry(TWO)]);
  server.intercept = ({ line }) => line === WRITE ? failure(404, "MANIFEST_UNKNOWN") : undefined;
  await assertRejects(() => attach(ONE), ReferrersListError, "404 MANIFEST_UNKNOWN");
  assertEquals(lines().filter((line) => line === WRITE).length, 1);
});

Deno.test("end-7 with a subject: a failed write does not block the next", async () => {
  let refused = false;
  const { server, attach } = setUp((server) => {
    server.intercept = ({ line }) => {
      if (line !== WRITE || refused) return undefined;
      refused = true;
      return failure(403, "DENIED");
    };
  });
  const [one, two] = await Promise.allSettled([attach(ONE), attach(TWO)]);
  assertEquals([one!.status, two!.status], ["rejected", "fulfilled"]);
  assertEquals(server.entries(TAG), [entry(TWO)]);
});

Deno.test("end-7 with a subject: of a write for several that is refused, each is written by itself", async () => {
  const { server, attach, lines } = setUp((server) => {
    server.intercept = (seen) =>
      seen.line === WRITE && seen.text.includes(TWO.digest) ? failure(403, "DENIED") : undefined;
  });
  const all = await Promise.allSettled([attach(ONE), attach(TWO), attach(THREE)]);
  assertEquals(all.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assertEquals(server.entries(TAG), [entry(ONE), entry(THREE)]);
  assertEquals(lines().filter((line) => line === WRITE).length, 4);
});

Deno.test("end-7 with a subject: GitLab's tag that is the subject is replaced, not merged", async () => {
  const { server, attach } = setUp((server) => server.tags.set(TAG, IMAGE.digest));
  await attach(ONE);
  assertEquals(server.entries(TAG), [entry(ONE)]);
});

Deno.test("end-7 with a subject: a fallback tag that is no index is left alone", async () => {
  const { server, attach } = setUp((server) => {
    server.add(OTHER_IMAGE);
    server.tags.set(TAG, OTHER_IMAGE.digest);
  });
  await assertRejects(() => attach(ONE), ReferrersListError, "not an OCI index");
  assertEquals(server.tags.get(TAG), OTHER_IMAGE.digest);
});

Deno.test("end-7 with a subject: an answer that was lost asks the API, and writes no tag", async () => {
  let lost = false;
  const { server, attach, lines } = setUp((server) => {
    server.api = server.ociSubject = true;
    server.afterPut = () => {
      if (lost) return;
      lost = true;
      throw reset();
    };
  });
  await attach(ONE);
  assertEquals(lines(), [put(ONE), put(ONE).replace("PUT", "HEAD"), API]);
  assertEquals([...server.tags], []);
});

Deno.test("end-7 with a subject: an abort during the fallback's write", async () => {
  const controller = new AbortController();
  const { channel } = setUp((server) => {
    server.intercept = ({ line }) => {
      if (line !== WRITE) return undefined;
      controller.abort(new Error("enough"));
      return new Promise(() => {});
    };
  });
  const { signal } = controller;
  await assertRejects(
    () => putManifest(channel, "app", ONE.digest, ONE.bytes, { signal }),
    Error,
    "enough",
  );
});

Deno.test("end-7 with a subject: an abort while another writer has its turn", async () => {
  const controller = new AbortController();
  const held = Promise.withResolvers<undefined>();
  const reached = Promise.withResolvers<void>();
  const { channel, attach, server } = setUp((server) => {
    server.intercept = ({ line }) => {
      if (line === WRITE) reached.resolve();
      return line === WRITE ? held.promise : undefined;
    };
  });
  const first = attach(ONE);
  await reached.promise;
  const { signal } = controller;
  const second = putManifest(channel, "app", TWO.digest, TWO.bytes, { signal });
  await new Promise((resolve) => setTimeout(resolve, 5));
  controller.abort(new Error("enough"));
  await assertRejects(() => second, Error, "enough");
  held.resolve(undefined);
  await first;
  assertEquals(server.entries(TAG), [entry(ONE)]);
});

/** Attaches some artifacts and answers what the deletion of one asks for. */
async function deleting(
  attached: Sample[],
  change: (server: FakeManifests) => void = () => {},
  intercept?: (seen: Seen) => Response | undefined,
) {
  const test = setUp(change);
  for (const sample of attached) await test.attach(sample);
  if (intercept) test.server.intercept = intercept;
  const before = test.lines().length;
  await deleteManifest(test.channel, "app", ONE.digest);
  return { ...test, asked: test.lines().slice(before) };
}

Deno.test("end-9 of a referrer: it is read, deleted, and taken out of the fallback index", async () => {
  const { server, asked } = await deleting([ONE, TWO, THREE]);
  assertEquals(asked, [get(ONE), remove(ONE), API, READ, WRITE, LOOK]);
  assertEquals(server.entries(TAG), [entry(TWO), entry(THREE)]);
});

Deno.test("end-9 of a referrer: the last one takes the fallback tag along", async () => {
  const { server, asked } = await deleting([ONE]);
  assertEquals(asked, [get(ONE), remove(ONE), API, READ, `DELETE /v2/app/manifests/${TAG}`]);
  assertEquals(server.tags.has(TAG), false);
});

const KEEPERS: [name: string, answer: () => Response][] = [
  ["405", () => new Response(null, { status: 405 })],
  ["400 DIGEST_INVALID, as docker-registry says it", () => failure(400, "DIGEST_INVALID")],
  ["403", () => failure(403, "DENIED")],
];

for (const [name, answer] of KEEPERS) {
  Deno.test(`end-9 of a referrer: tags that are not deleted (${name}) get an empty index`, async () => {
    const { server } = await deleting(
      [ONE],
      () => {},
      ({ method, url }) => method === "DELETE" && url.pathname.endsWith(TAG) ? answer() : undefined,
    );
    assertEquals(server.entries(TAG), []);
  });
}

Deno.test("end-9 of a referrer: with the API nothing is pruned", async () => {
  const { server, asked } = await deleting([], (server) => {
    server.api = true;
    server.add(ONE);
  });
  assertEquals(asked, [get(ONE), remove(ONE), API]);
  assertEquals([...server.tags], []);
});

Deno.test("end-9 of a referrer: an API that answers 403, and never answered, is none", async () => {
  const { channel, attach, server } = setUp();
  await attach(ONE);
  await attach(TWO);
  server.intercept = ({ line }) => line === API ? failure(403, "DENIED") : undefined;
  await deleteManifest(channel, "app", ONE.digest);
  assertEquals(server.entries(TAG), [entry(TWO)]);
});

Deno.test("end-9 of a referrer: one that no index names writes nothing", async () => {
  const { server, asked } = await deleting([TWO], (server) => server.add(ONE));
  assertEquals(asked, [get(ONE), remove(ONE), API, READ]);
  assertEquals(server.entries(TAG), [entry(TWO)]);
});

Deno.test("end-9 of a referrer: GitLab's tag that is the subject is never deleted", async () => {
  const { server, asked } = await deleting([], (server) => {
    server.add(ONE);
    server.tags.set(TAG, SUBJECT);
  });
  assertEquals(asked, [get(ONE), remove(ONE), API, READ]);
  assertEquals(server.tags.get(TAG), SUBJECT);
});

Deno.test("end-9 of a referrer: a repository that is gone with it is no error", async () => {
  await deleting(
    [],
    (server) => server.add(ONE),
    ({ url }) => url.pathname.endsWith(ONE.digest) ? undefined : failure(404, "NAME_UNKNOWN"),
  );
});

Deno.test("end-9 of a referrer: a fallback tag that cannot be pruned is an error", async () => {
  const { channel, attach, server } = setUp();
  await attach(ONE);
  await attach(TWO);
  server.intercept = ({ line }) => line === WRITE ? failure(403, "DENIED") : undefined;
  await assertRejects(() => deleteManifest(channel, "app", ONE.digest), ForbiddenError);
});

Deno.test("end-9 of a referrer: what was not deleted is not pruned", async () => {
  const { channel, attach, server, lines } = setUp();
  await attach(ONE);
  server.manifests.delete(ONE.digest);
  await assertRejects(() => deleteManifest(channel, "app", ONE.digest), NotFoundError);
  assertEquals(lines().at(-1), remove(ONE));
  assertEquals(server.entries(TAG), [entry(ONE)]);
});
