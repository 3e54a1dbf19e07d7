import { assertEquals, assertRejects } from "@std/assert";
import {
  ForbiddenError,
  HostRefusedError,
  InvalidContentError,
  InvalidDigestError,
  ManifestVerificationError,
  NotFoundError,
  RegistryResponseError,
} from "../errors.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { type ErrorClass, failure, fakeRegistry, json, steps } from "./fake_registry_test.ts";
import { listReferrers, referrers, supportsReferrers } from "./referrers.ts";
import {
  artifactOf,
  DOCKER_IMAGE,
  IMAGE,
  INDEX,
  manifestAnswer,
  sampleOf,
} from "./sample_manifests_test.ts";

const SUBJECT = IMAGE.digest;
const API = `GET /v2/app/referrers/${SUBJECT}`;
const TAG = `sha256-${SUBJECT.slice("sha256:".length)}`;
const FALLBACK = `GET /v2/app/manifests/${TAG}`;

const [ONE, TWO] = [
  { ...(await artifactOf(IMAGE.descriptor, "one")).descriptor, artifactType: "application/one" },
  { ...(await artifactOf(IMAGE.descriptor, "two")).descriptor, artifactType: "application/two" },
];

function indexOf(manifests: unknown[], headers: HeadersInit = {}): Response {
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
  return json(index, { "content-type": MEDIA_TYPES.ociIndex, ...headers });
}

const missing = () => failure(404, "MANIFEST_UNKNOWN");

Deno.test("end-12 GET referrers: the API", async () => {
  const registry = fakeRegistry(steps(indexOf([ONE, TWO])));
  const list = await listReferrers(registry.channel, "app", SUBJECT);
  assertEquals(list, { manifests: [ONE!, TWO!], filtersApplied: [], fromTag: false });
  assertEquals(registry.lines(), [API]);
  assertEquals(registry.seen[0]!.headers.get("accept"), MEDIA_TYPES.ociIndex);
  assertEquals(registry.seen[0]!.request.intent, { repository: "app", actions: ["pull"] });
  registry.assertClosed();
});

Deno.test("end-12 GET referrers: none is an answer, not a 404", async () => {
  const registry = fakeRegistry(steps(indexOf([])));
  assertEquals((await listReferrers(registry.channel, "app", SUBJECT)).manifests, []);
});

Deno.test("end-12 GET referrers: the content type's parameters are ignored", async () => {
  const type = `${MEDIA_TYPES.ociIndex}; charset=utf-8`;
  const registry = fakeRegistry(steps(indexOf([ONE], { "content-type": type })));
  assertEquals((await listReferrers(registry.channel, "app", SUBJECT)).fromTag, false);
});

Deno.test("end-12 GET referrers: null for no manifests", async () => {
  const registry = fakeRegistry(
    steps(json({ manifests: null }, { "content-type": MEDIA_TYPES.ociIndex })),
  );
  assertEquals((await listReferrers(registry.channel, "app", SUBJECT)).manifests, []);
});

Deno.test("end-12 GET referrers: every page, one when it is asked for", async () => {
  const registry = fakeRegistry(steps(
    indexOf([ONE], { link: `</v2/app/referrers/${SUBJECT}?page=2>; rel="next"` }),
    indexOf([TWO]),
  ));
  const iterator = referrers(registry.channel, "app", SUBJECT, { pageSize: 1 });
  assertEquals((await iterator.next()).value, ONE);
  assertEquals(registry.lines(), [`${API}?n=1`]);
  assertEquals((await iterator.next()).value, TWO);
  assertEquals((await iterator.next()).done, true);
  assertEquals(registry.lines(), [`${API}?n=1`, `${API}?page=2`]);
});

Deno.test("end-12 GET referrers: a Link to another origin is HOST_REFUSED", async () => {
  const registry = fakeRegistry(steps(indexOf([], { link: '<https://evil.test/>; rel="next"' })));
  await assertRejects(() => listReferrers(registry.channel, "app", SUBJECT), HostRefusedError);
  registry.assertClosed();
});

const FILTERS: [name: string, headers: HeadersInit, applied: string[], found: unknown[]][] = [
  ["filtered here", {}, [], [ONE]],
  ["filtered by the registry", { "oci-filters-applied": "artifactType" }, ["artifactType"], [
    ONE,
    TWO,
  ]],
  ["other filters named", { "oci-filters-applied": "color, size" }, ["color", "size"], [ONE]],
  [
    "several filters named",
    { "oci-filters-applied": "color ,artifactType" },
    ["color", "artifactType"],
    [ONE, TWO],
  ],
];

for (const [name, headers, filtersApplied, manifests] of FILTERS) {
  Deno.test(`end-12 GET referrers: artifactType, ${name}`, async () => {
    const registry = fakeRegistry(steps(indexOf([ONE, TWO], headers)));
    const artifactType = "application/one";
    const list = await listReferrers(registry.channel, "app", SUBJECT, { artifactType });
    assertEquals<unknown>(list, { manifests, filtersApplied, fromTag: false });
    assertEquals(registry.lines(), [`${API}?artifactType=application%2Fone`]);
  });
}

const NO_API: [name: string, answer: () => Response][] = [
  ["404 in plain text", () => new Response("404 page not found\n", { status: 404 })],
  ["404 without a body", () => new Response(null, { status: 404 })],
  ["404 with a code", () => failure(404, "NOT_FOUND")],
  ["400", () => failure(400, "UNSUPPORTED")],
  ["405", () => new Response(null, { status: 405 })],
  ["501", () => new Response(null, { status: 501 })],
  ["200 with another content type", () => json({ manifests: [] }, { "content-type": "text/html" })],
  [
    "200 with Docker's list",
    () => json({ manifests: [] }, { "content-type": MEDIA_TYPES.dockerManifestList }),
  ],
  ["200 without a content type", () => new Response(null)],
];

for (const [name, answer] of NO_API) {
  Deno.test(`end-12 GET referrers: ${name} is no API; asked once, then the fallback tag`, async () => {
    const index = await sampleOf(
      { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [ONE, TWO] },
      MEDIA_TYPES.ociIndex,
    );
    const registry = fakeRegistry(steps(answer, manifestAnswer(index), missing()));
    const list = await listReferrers(registry.channel, "app", SUBJECT, {
      artifactType: "application/two",
    });
    assertEquals(list, { manifests: [TWO!], filtersApplied: [], fromTag: true });
    const again = await listReferrers(registry.channel, "app", SUBJECT);
    assertEquals(again, { manifests: [], filtersApplied: [], fromTag: true });
    assertEquals(registry.lines(), [`${API}?artifactType=application%2Ftwo`, FALLBACK, FALLBACK]);
    registry.assertClosed();
  });
}

Deno.test("end-12 GET referrers: 404 NAME_UNKNOWN says nothing of the API", async () => {
  const registry = fakeRegistry(
    steps(failure(404, "NAME_UNKNOWN"), failure(404, "NAME_UNKNOWN"), indexOf([ONE])),
  );
  const error = await assertRejects(
    () => listReferrers(registry.channel, "missing", SUBJECT),
    NotFoundError,
  );
  assertEquals(error.codes, ["NAME_UNKNOWN"]);
  const list = await listReferrers(registry.channel, "app", SUBJECT);
  assertEquals([list.fromTag, list.manifests.length], [false, 1]);
});

const GITLAB: [name: string, subject: typeof IMAGE, digest: string][] = [
  ["an image", IMAGE, IMAGE.digest],
  ["an index", INDEX, INDEX.digest],
  ["an image asked for by sha512", IMAGE, IMAGE.sha512],
];

for (const [name, subject, digest] of GITLAB) {
  Deno.test(`end-12 GET referrers: GitLab's tag that is the subject itself, ${name}`, async () => {
    const registry = fakeRegistry(
      steps(new Response(null, { status: 404 }), manifestAnswer(subject)),
    );
    const list = await listReferrers(registry.channel, "app", digest);
    assertEquals(list, { manifests: [], filtersApplied: [], fromTag: true });
  });
}

Deno.test("end-12 GET referrers: a sha512 subject's tag is cut to 64 characters", async () => {
  const registry = fakeRegistry(steps(new Response(null, { status: 404 }), missing()));
  await listReferrers(registry.channel, "app", IMAGE.sha512);
  const encoded = IMAGE.sha512.slice("sha512:".length);
  assertEquals(registry.lines()[1], `GET /v2/app/manifests/sha512-${encoded.slice(0, 64)}`);
});

Deno.test("end-12 GET referrers: a subject of an algorithm unknown here", async () => {
  const registry = fakeRegistry(steps(new Response(null, { status: 404 }), manifestAnswer(INDEX)));
  const list = await listReferrers(registry.channel, "app", "multihash+base58:Qm_=");
  assertEquals([list.fromTag, list.manifests.length], [true, 1]);
  assertEquals(registry.lines()[1], "GET /v2/app/manifests/multihash-base58-Qm_-");
});

interface Bad {
  name: string;
  digest?: string;
  answers: Response[];
  error: ErrorClass;
  code: string;
  message: string;
}

const noApi = () => new Response(null, { status: 404 });

const BAD: Bad[] = [
  {
    name: "a malformed digest",
    digest: "sha256:abc",
    answers: [],
    error: InvalidDigestError,
    code: "INVALID_DIGEST",
    message: "as a digest",
  },
  {
    name: "403",
    answers: [failure(403, "DENIED")],
    error: ForbiddenError,
    code: "FORBIDDEN",
    message: `Cannot list the referrers of app@${SUBJECT}: 403 DENIED`,
  },
  {
    name: "409",
    answers: [new Response(null, { status: 409 })],
    error: RegistryResponseError,
    code: "REGISTRY_RESPONSE",
    message: "409",
  },
  {
    name: "an entry that is no descriptor",
    answers: [indexOf([ONE, { digest: "x" }])],
    error: InvalidContentError,
    code: "INVALID_CONTENT",
    message: "Cannot use referrer 1 as a descriptor",
  },
  {
    name: "the fallback tag names an image",
    answers: [noApi(), manifestAnswer(DOCKER_IMAGE)],
    error: ManifestVerificationError,
    code: "MANIFEST_VERIFICATION",
    message: `the tag ${TAG} names a ${DOCKER_IMAGE.mediaType}, not an OCI index`,
  },
  {
    name: "the fallback tag cannot be read",
    answers: [noApi(), failure(403, "DENIED")],
    error: ForbiddenError,
    code: "FORBIDDEN",
    message: "DENIED",
  },
];

for (const { name, digest = SUBJECT, answers, error, code, message } of BAD) {
  Deno.test(`end-12 GET referrers: ${name} is ${code}`, async () => {
    const registry = fakeRegistry(steps(...answers));
    const thrown = await assertRejects(
      () => listReferrers(registry.channel, "app", digest),
      error,
      message,
    );
    assertEquals([thrown.code, registry.seen.length], [code, answers.length]);
    registry.assertClosed();
  });
}

Deno.test("end-12 GET referrers: 200,000 in one page", async () => {
  const entry = { mediaType: "a/b", digest: "x:y", size: 0 };
  const registry = fakeRegistry(steps(indexOf(Array.from({ length: 200_000 }, () => entry))));
  const { manifests } = await listReferrers(registry.channel, "app", SUBJECT);
  assertEquals(manifests.length, 200_000);
});

for (const api of [true, false]) {
  Deno.test(`supportsReferrers: ${api} is asked once, then remembered`, async () => {
    const registry = fakeRegistry(steps(api ? indexOf([]) : new Response(null, { status: 404 })));
    assertEquals(await supportsReferrers(registry.channel, "app", SUBJECT), api);
    assertEquals(await supportsReferrers(registry.channel, "other", SUBJECT), api);
    assertEquals(registry.lines(), [API]);
    registry.assertClosed();
  });
}
