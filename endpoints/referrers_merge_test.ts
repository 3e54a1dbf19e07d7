/** The list of the referrers API and the one of the fallback tag are one list. */
import { assert, assertEquals } from "@std/assert";
import { MEDIA_TYPES } from "../content/media_types.ts";
import {
  API,
  FALLBACK,
  indexOf,
  listingRegistry,
  type Lists,
  ONE,
  SAMPLES,
  SUBJECT,
  TAG,
  TWO,
} from "./fake_referrers_test.ts";
import { failure } from "./fake_registry_test.ts";
import { listReferrers, referrers } from "./referrers.ts";
import {
  artifactOf,
  DOCKER_IMAGE,
  IMAGE,
  manifestAnswer,
  sampleOf,
} from "./sample_manifests_test.ts";

const by = (who: string) => ({ ...ONE, annotations: { by: who } });
const look = ({ digest }: { digest: string }) => `HEAD /v2/app/manifests/${digest}`;
const read = ({ digest }: { digest: string }) => `GET /v2/app/manifests/${digest}`;

interface Merge extends Lists {
  name: string;
  /** What is answered, and whether the tag had a part in it. */
  expected: unknown[];
  fromTag: boolean;
  /** The requests after the two lists. */
  asked: string[];
}

const MERGES: Merge[] = [
  {
    name: "olareg: the tag was first, and the API's list is empty",
    api: () => indexOf([]),
    tag: () => indexOf([ONE]),
    expected: [ONE],
    fromTag: true,
    asked: [look(ONE)],
  },
  {
    name: "each has one that the other lacks",
    api: () => indexOf([TWO]),
    tag: () => indexOf([ONE]),
    expected: [TWO, ONE],
    fromTag: true,
    asked: [look(ONE)],
  },
  {
    name: "both have it: once, as the API has it",
    api: () => indexOf([by("api")]),
    tag: () => indexOf([by("tag")]),
    expected: [by("api")],
    fromTag: false,
    asked: [],
  },
  {
    name: "one list has it twice",
    api: () => indexOf([by("first"), by("second")]),
    tag: () => indexOf([TWO, TWO]),
    expected: [by("first"), TWO],
    fromTag: true,
    asked: [look(TWO)],
  },
  {
    name: "no API: the tag's alone",
    tag: () => indexOf([ONE, TWO]),
    expected: [ONE, TWO],
    fromTag: true,
    asked: [look(ONE), look(TWO)],
  },
  {
    name: "the API's alone",
    api: () => indexOf([ONE]),
    expected: [ONE],
    fromTag: false,
    asked: [],
  },
  {
    name: "an API that knows no such repository any more",
    api: () => indexOf([]),
    tag: () => failure(404, "NAME_UNKNOWN"),
    expected: [],
    fromTag: false,
    asked: [],
  },
  {
    name: "neither has any",
    expected: [],
    fromTag: false,
    asked: [],
  },
  {
    name: "null is an empty list in the tag too",
    tag: () => indexOf(null),
    expected: [],
    fromTag: false,
    asked: [],
  },
];

for (const { name, expected, fromTag, asked, ...lists } of MERGES) {
  Deno.test(`referrers of both: ${name}`, async () => {
    const registry = listingRegistry(lists);
    const list = await listReferrers(registry.channel, "app", SUBJECT);
    assertEquals<unknown>(list, { manifests: expected, filtersApplied: [], fromTag });
    assertEquals(registry.lines(), [API, FALLBACK, ...asked]);
    assertEquals(await Array.fromAsync(referrers(registry.channel, "app", SUBJECT)), expected);
    assertEquals(registry.of("referrer-skipped"), []);
    registry.assertClosed();
  });
}

Deno.test("referrers of both: neither request waits for the other", async () => {
  const registry = listingRegistry({ api: () => indexOf([ONE]) });
  const both = Promise.withResolvers<void>();
  const { send } = registry.channel;
  let sent = 0;
  const channel = {
    ...registry.channel,
    send: async (request: Parameters<typeof send>[0]) => {
      if (++sent === 2) both.resolve();
      await both.promise;
      return await send(request);
    },
  };
  assertEquals((await listReferrers(channel, "app", SUBJECT)).manifests, [ONE]);
});

/** Types that say nothing; `undefined` for none. */
const USELESS = [undefined, "", MEDIA_TYPES.ociConfig, MEDIA_TYPES.ociEmpty];
const artifactType = "application/one";

for (const useless of USELESS) {
  const vague = JSON.parse(JSON.stringify({ ...ONE, artifactType: useless }));
  const named = useless ?? "none";

  Deno.test(`referrers' types: '${named}' in the API's list: its manifest's own`, async () => {
    const registry = listingRegistry({ api: () => indexOf([vague, TWO]) });
    const { channel } = registry;
    assertEquals((await listReferrers(channel, "app", SUBJECT)).manifests, [ONE, TWO]);
    const { manifests } = await listReferrers(channel, "app", SUBJECT, { artifactType });
    assertEquals(manifests, [ONE]);
    const call = (query = "") => [API + query, FALLBACK, read(ONE)];
    assertEquals(registry.lines(), [...call(), ...call("?artifactType=application%2Fone")]);
    registry.assertClosed();
  });

  Deno.test(`referrers' types: '${named}' in the tag: its manifest's own, and no HEAD`, async () => {
    const registry = listingRegistry({ tag: () => indexOf([vague, TWO]) });
    const list = await listReferrers(registry.channel, "app", SUBJECT, { artifactType });
    assertEquals(list, { manifests: [ONE], filtersApplied: [], fromTag: true });
    assertEquals(registry.lines().slice(2), [read(ONE)]);
  });

  Deno.test(`referrers' types: '${named}' in the API's list, and the tag says more`, async () => {
    const registry = listingRegistry({
      api: () => indexOf([{ ...vague, annotations: { by: "api" } }]),
      tag: () => indexOf([by("tag")]),
    });
    const { manifests, fromTag } = await listReferrers(registry.channel, "app", SUBJECT);
    assertEquals([manifests, fromTag], [[by("api")], false]);
    assertEquals(registry.lines(), [API, FALLBACK]);
  });
}

Deno.test("referrers' types: an image's is its config's, also when it is asked for", async () => {
  const image = await sampleOf({ ...IMAGE.json, subject: IMAGE.descriptor }, IMAGE.mediaType);
  const registry = listingRegistry({ tag: () => indexOf([image.descriptor, ONE]), there: [image] });
  const wanted = { artifactType: MEDIA_TYPES.ociConfig };
  const { manifests } = await listReferrers(registry.channel, "app", SUBJECT, wanted);
  assertEquals(manifests, [{ ...image.descriptor, ...wanted }]);
});

Deno.test("referrers' types: an index without one has none", async () => {
  const json = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [] };
  const index = await sampleOf({ ...json, subject: IMAGE.descriptor }, MEDIA_TYPES.ociIndex);
  const registry = listingRegistry({ api: () => indexOf([index.descriptor]), there: [index] });
  const { channel } = registry;
  assertEquals((await listReferrers(channel, "app", SUBJECT)).manifests, [index.descriptor]);
  assertEquals((await listReferrers(channel, "app", SUBJECT, { artifactType })).manifests, []);
  assertEquals(registry.of("referrer-skipped"), []);
});

Deno.test("referrers: many entries are looked at eight at once, and as far as they are read", async () => {
  const samples = await Promise.all(
    Array.from({ length: 40 }, (_, i) => artifactOf(IMAGE.descriptor, `n${i}`)),
  );
  const entries = samples.map(({ descriptor }) => descriptor);
  const registry = listingRegistry({ tag: () => indexOf(entries), there: samples });
  const iterator = referrers(registry.channel, "app", SUBJECT);
  await iterator.next();
  assertEquals(registry.lines().slice(2), samples.slice(0, 8).map(read));
  await iterator.return(undefined);
  assertEquals(registry.seen.length, 10);
  const { manifests } = await listReferrers(registry.channel, "app", SUBJECT);
  assertEquals(
    manifests.map((each) => each.artifactType),
    samples.map(({ json }) => json.artifactType),
  );
});

Deno.test("referrers: 10,000 on the tag, of which one is wanted: one is looked at", async () => {
  const entries = Array.from({ length: 10_000 }, (_, i) => ({
    ...TWO,
    digest: `sha256:${String(i).padStart(64, "0")}`,
  }));
  const registry = listingRegistry({ tag: () => indexOf([...entries, ONE]) });
  const { manifests } = await listReferrers(registry.channel, "app", SUBJECT, { artifactType });
  assertEquals([manifests, registry.lines().slice(2)], [[ONE], [look(ONE)]]);
});

interface Skipped extends Lists {
  name: string;
  artifactType?: string;
  expected: unknown[];
  /** The events' digests and the reasons' parts. */
  skipped: [digest: string | undefined, reason: string][];
}

const bad = { ...ONE, mediaType: MEDIA_TYPES.ociIndex, artifactType: MEDIA_TYPES.ociEmpty };

const SKIPPED: Skipped[] = [
  ...(["api", "tag"] as const).map((list) => ({
    name: `broken entries in the ${list}'s list`,
    [list]: () =>
      indexOf([
        {},
        ONE,
        null,
        "x",
        { ...TWO, digest: "sha256:../../x" },
        { ...TWO, size: -1 },
        { ...TWO, artifactType: 7 },
        { ...TWO, annotations: "x" },
      ]),
    expected: [ONE],
    skipped: [
      [undefined, "Cannot use referrer 0 as a descriptor: mediaType is not a string"],
      [undefined, "referrer 2 as a descriptor: it is not an object"],
      [undefined, "referrer 3 as a descriptor: it is not an object"],
      [undefined, "referrer 4 as a descriptor: digest is not a digest"],
      [undefined, "referrer 5 as a descriptor: size is not a count of bytes"],
      [undefined, "referrer 6.artifactType is not a string"],
      [undefined, "referrer 7.annotations is not an object of strings"],
    ] as [undefined, string][],
  })),
  {
    name: "a null among annotations is no reason",
    api: () => indexOf([{ ...ONE, annotations: { by: "me", gone: null } }]),
    tag: () => indexOf([{ ...TWO, annotations: null }]),
    expected: [by("me"), TWO],
    skipped: [],
  },
  {
    name: "only the tag names it, and it is gone",
    tag: () => indexOf([ONE, TWO]),
    there: [SAMPLES[1]],
    expected: [TWO],
    skipped: [[ONE.digest, "404 MANIFEST_UNKNOWN"]],
  },
  {
    name: "only the tag names it, its type says nothing, and it is gone",
    tag: () => indexOf([SAMPLES[0].descriptor]),
    there: [],
    expected: [],
    skipped: [[ONE.digest, "404 MANIFEST_UNKNOWN"]],
  },
  {
    name: "the API names it, and its manifest is not there to say its type",
    api: () => indexOf([SAMPLES[0].descriptor]),
    there: [],
    expected: [SAMPLES[0].descriptor],
    skipped: [],
  },
  {
    name: "so whether it is of the type asked for is not known",
    api: () => indexOf([SAMPLES[0].descriptor]),
    there: [],
    artifactType,
    expected: [],
    skipped: [[ONE.digest, "404 MANIFEST_UNKNOWN"]],
  },
  {
    name: "a manifest that cannot be read keeps the entry as it was",
    tag: () => indexOf([bad]),
    entry: () => manifestAnswer(SAMPLES[0], { "content-type": "image/png" }),
    expected: [bad],
    skipped: [],
  },
  {
    name: "a registry that does not answer HEAD keeps the entry as it was",
    tag: () => indexOf([ONE]),
    entry: () => new Response(null, { status: 405 }),
    expected: [ONE],
    skipped: [],
  },
  {
    name: "a tag that names an image, beside the API's list",
    api: () => indexOf([ONE]),
    tag: () => manifestAnswer(DOCKER_IMAGE),
    expected: [ONE],
    skipped: [[undefined, `the tag ${TAG} names a ${DOCKER_IMAGE.mediaType}`]],
  },
  {
    name: "a tag that may not be read, beside the API's list",
    api: () => indexOf([ONE]),
    tag: () => failure(403, "DENIED"),
    expected: [ONE],
    skipped: [[undefined, "403 DENIED"]],
  },
];

for (const { name, expected, skipped, artifactType, ...lists } of SKIPPED) {
  Deno.test(`referrers that are skipped: ${name}`, async () => {
    const registry = listingRegistry(lists);
    const options = artifactType === undefined ? {} : { artifactType };
    const list = await listReferrers(registry.channel, "app", SUBJECT, options);
    assertEquals<unknown[]>(list.manifests, expected);
    const events = registry.of("referrer-skipped");
    assertEquals(events.map(({ digest }) => digest), skipped.map(([digest]) => digest));
    for (const [at, { repository, subject, reason }] of events.entries()) {
      assertEquals([repository, subject], ["app", SUBJECT]);
      assert(reason.includes(skipped[at]![1]), reason);
    }
    registry.assertClosed();
  });
}
