import { assertEquals, assertRejects } from "@std/assert";
import {
  ForbiddenError,
  HostRefusedError,
  InvalidContentError,
  InvalidDigestError,
  InvalidManifestError,
  ManifestVerificationError,
  NotFoundError,
  RegistryResponseError,
} from "../errors.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import {
  API,
  FALLBACK,
  indexOf,
  listingRegistry,
  type Lists,
  missing,
  noApi,
  ONE,
  SUBJECT,
  TAG,
  TWO,
} from "./fake_referrers_test.ts";
import { type ErrorClass, failure, json } from "./fake_registry_test.ts";
import { listReferrers, referrers, supportsReferrers } from "./referrers.ts";
import { DOCKER_IMAGE, IMAGE, INDEX, manifestAnswer } from "./sample_manifests_test.ts";

Deno.test("end-12 GET referrers: the API", async () => {
  const registry = listingRegistry({ api: () => indexOf([ONE, TWO]) });
  const list = await listReferrers(registry.channel, "app", SUBJECT);
  assertEquals(list, { manifests: [ONE!, TWO!], filtersApplied: [], fromTag: false });
  assertEquals(registry.lines(), [API, FALLBACK]);
  assertEquals(registry.seen[0]!.headers.get("accept"), MEDIA_TYPES.ociIndex);
  assertEquals(registry.seen[0]!.request.intent, { repository: "app", actions: ["pull"] });
  registry.assertClosed();
});

Deno.test("end-12 GET referrers: none is an answer, not a 404", async () => {
  const registry = listingRegistry({ api: () => indexOf([]) });
  assertEquals((await listReferrers(registry.channel, "app", SUBJECT)).manifests, []);
});

Deno.test("end-12 GET referrers: the content type's parameters are ignored", async () => {
  const type = `${MEDIA_TYPES.ociIndex}; charset=utf-8`;
  const registry = listingRegistry({ api: () => indexOf([ONE], { "content-type": type }) });
  assertEquals((await listReferrers(registry.channel, "app", SUBJECT)).fromTag, false);
});

Deno.test("end-12 GET referrers: null for no manifests", async () => {
  const registry = listingRegistry({ api: () => indexOf(null) });
  assertEquals((await listReferrers(registry.channel, "app", SUBJECT)).manifests, []);
  assertEquals(registry.of("referrer-skipped"), []);
});

Deno.test("end-12 GET referrers: every page, one when it is asked for", async () => {
  const link = { link: `</v2/app/referrers/${SUBJECT}?page=2>; rel="next"` };
  const registry = listingRegistry({
    api: ({ url }) => url.search === "?page=2" ? indexOf([TWO]) : indexOf([ONE], link),
  });
  const iterator = referrers(registry.channel, "app", SUBJECT, { pageSize: 1 });
  assertEquals((await iterator.next()).value, ONE);
  assertEquals(registry.lines(), [`${API}?n=1`, FALLBACK]);
  assertEquals((await iterator.next()).value, TWO);
  assertEquals((await iterator.next()).done, true);
  assertEquals(registry.lines(), [`${API}?n=1`, FALLBACK, `${API}?page=2`]);
});

Deno.test("end-12 GET referrers: a Link to another origin is HOST_REFUSED", async () => {
  const link = { link: '<https://evil.test/>; rel="next"' };
  const registry = listingRegistry({ api: () => indexOf([], link) });
  await assertRejects(() => listReferrers(registry.channel, "app", SUBJECT), HostRefusedError);
  registry.assertClosed();
});

const FILTERS: [name: string, headers: HeadersInit, applied: string[]][] = [
  ["filtered here", {}, []],
  ["by the registry too", { "oci-filters-applied": "artifactType" }, ["artifactType"]],
  ["other filters named", { "oci-filters-applied": "color, size" }, ["color", "size"]],
  ["several named", { "oci-filters-applied": "color ,artifactType" }, ["color", "artifactType"]],
];

for (const [name, headers, filtersApplied] of FILTERS) {
  Deno.test(`end-12 GET referrers: artifactType, ${name}`, async () => {
    const registry = listingRegistry({ api: () => indexOf([ONE, TWO], headers) });
    const artifactType = "application/one";
    const list = await listReferrers(registry.channel, "app", SUBJECT, { artifactType });
    assertEquals<unknown>(list, { manifests: [ONE], filtersApplied, fromTag: false });
    assertEquals(registry.lines(), [`${API}?artifactType=application%2Fone`, FALLBACK]);
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
    let reads = 0;
    const registry = listingRegistry({
      api: answer,
      tag: () => reads++ === 0 ? indexOf([ONE, TWO]) : missing(),
    });
    const list = await listReferrers(registry.channel, "app", SUBJECT, {
      artifactType: "application/two",
    });
    assertEquals(list, { manifests: [TWO], filtersApplied: [], fromTag: true });
    const again = await listReferrers(registry.channel, "app", SUBJECT);
    assertEquals(again, { manifests: [], filtersApplied: [], fromTag: false });
    const look = `HEAD /v2/app/manifests/${TWO.digest}`;
    const asked = [`${API}?artifactType=application%2Ftwo`, FALLBACK, look, FALLBACK];
    assertEquals(registry.lines(), asked);
    registry.assertClosed();
  });
}

const UNLISTED: [name: string, api: NonNullable<Lists["api"]>, asked: string[]][] = [
  ["an API", () => indexOf([ONE]), [API]],
  ["no API", noApi, [API, FALLBACK, `HEAD /v2/app/manifests/${ONE.digest}`]],
  [
    "an API that is refused",
    () => failure(403, "DENIED"),
    [API, FALLBACK, `HEAD /v2/app/manifests/${ONE.digest}`],
  ],
];

for (const [name, api, asked] of UNLISTED) {
  Deno.test(`end-12 GET referrers: with ${name}, and a fallback tag that is not listed`, async () => {
    const registry = listingRegistry({ api, tag: () => indexOf([ONE]) });
    const list = await listReferrers(registry.channel, "app", SUBJECT, { fallback: false });
    assertEquals(list.manifests, [ONE]);
    assertEquals(registry.lines(), asked);
    registry.assertClosed();
  });
}

Deno.test("end-12 GET referrers: 404 NAME_UNKNOWN says nothing of the API", async () => {
  let known = false;
  const unknown = () => failure(404, "NAME_UNKNOWN");
  const registry = listingRegistry({ api: () => known ? indexOf([ONE]) : unknown(), tag: unknown });
  const error = await assertRejects(
    () => listReferrers(registry.channel, "app", SUBJECT),
    NotFoundError,
  );
  assertEquals(error.codes, ["NAME_UNKNOWN"]);
  known = true;
  const list = await listReferrers(registry.channel, "app", SUBJECT);
  assertEquals([list.fromTag, list.manifests.length], [false, 1]);
});

Deno.test("end-12 GET referrers: a 404 takes back no API that answered before", async () => {
  let asked = 0;
  const registry = listingRegistry({ api: () => asked++ === 1 ? noApi() : indexOf([ONE]) });
  const counts = [];
  for (let call = 0; call < 3; call++) {
    counts.push((await listReferrers(registry.channel, "app", SUBJECT)).manifests.length);
  }
  assertEquals([counts, registry.channel.capabilities.referrersApi], [[1, 0, 1], true]);
});

const GITLAB: [name: string, subject: typeof IMAGE, digest: string][] = [
  ["an image", IMAGE, IMAGE.digest],
  ["an index", INDEX, INDEX.digest],
  ["an image asked for by sha512", IMAGE, IMAGE.sha512],
];

for (const [name, subject, digest] of GITLAB) {
  Deno.test(`end-12 GET referrers: GitLab's tag that is the subject itself, ${name}`, async () => {
    const answer = () => manifestAnswer(subject);
    const registry = listingRegistry({ tag: answer, entry: answer });
    const list = await listReferrers(registry.channel, "app", digest);
    assertEquals(list, { manifests: [], filtersApplied: [], fromTag: false });
    assertEquals(registry.seen.length, 2);
  });
}

Deno.test("end-12 GET referrers: a sha512 subject's tag is cut to 64 characters", async () => {
  const registry = listingRegistry();
  await listReferrers(registry.channel, "app", IMAGE.sha512);
  const encoded = IMAGE.sha512.slice("sha512:".length);
  assertEquals(registry.lines()[1], `GET /v2/app/manifests/sha512-${encoded.slice(0, 64)}`);
});

Deno.test("end-12 GET referrers: a subject of an algorithm unknown here", async () => {
  const registry = listingRegistry({
    entry: ({ url }) => url.pathname.includes("multihash") ? indexOf([ONE]) : undefined,
  });
  const list = await listReferrers(registry.channel, "app", "multihash+base58:Qm_=");
  assertEquals([list.fromTag, list.manifests.length], [true, 1]);
  assertEquals(registry.lines()[1], "GET /v2/app/manifests/multihash-base58-Qm_-");
});

interface Bad extends Lists {
  name: string;
  digest?: string;
  requests?: number;
  error: ErrorClass;
  code: string;
  message: string;
}

const BAD: Bad[] = [
  {
    name: "a malformed digest",
    digest: "sha256:abc",
    requests: 0,
    error: InvalidDigestError,
    code: "INVALID_DIGEST",
    message: "as a digest",
  },
  {
    name: "409",
    api: () => new Response(null, { status: 409 }),
    tag: () => indexOf([ONE]),
    error: RegistryResponseError,
    code: "REGISTRY_RESPONSE",
    message: `Cannot list the referrers of registry.test/app@${SUBJECT}: 409`,
  },
  {
    name: "a list that is none",
    api: () => indexOf("x"),
    error: InvalidContentError,
    code: "INVALID_CONTENT",
    message: "manifests is not a list",
  },
  {
    name: "the fallback tag names an image",
    tag: () => manifestAnswer(DOCKER_IMAGE),
    error: ManifestVerificationError,
    code: "MANIFEST_VERIFICATION",
    message: `the tag ${TAG} names a ${DOCKER_IMAGE.mediaType}, not an OCI index`,
  },
  {
    name: "the fallback tag's index is broken",
    tag: () => new Response("{", { headers: { "content-type": MEDIA_TYPES.ociIndex } }),
    error: InvalidManifestError,
    code: "INVALID_MANIFEST",
    message: "it is not JSON",
  },
  {
    name: "the fallback tag's index means two things",
    tag: () =>
      json({ schemaVersion: 2, manifests: [ONE], layers: [] }, {
        "content-type": MEDIA_TYPES.ociIndex,
      }),
    error: ManifestVerificationError,
    code: "MANIFEST_VERIFICATION",
    message: "both manifests and layers",
  },
  {
    name: "the fallback tag cannot be read",
    tag: () => failure(403, "DENIED"),
    error: ForbiddenError,
    code: "FORBIDDEN",
    message: `Cannot get the manifest registry.test/app:${TAG}: 403 DENIED`,
  },
];

for (const { name, digest = SUBJECT, requests = 2, error, code, message, ...lists } of BAD) {
  Deno.test(`end-12 GET referrers: ${name} is ${code}`, async () => {
    const registry = listingRegistry(lists);
    const thrown = await assertRejects(
      () => listReferrers(registry.channel, "app", digest),
      error,
      message,
    );
    assertEquals([thrown.code, registry.seen.length], [code, requests]);
    registry.assertClosed();
  });
}

Deno.test("end-12 GET referrers: 200,000 in one page", async () => {
  const entries = Array.from({ length: 200_000 }, (_, i) => ({
    mediaType: "a/b",
    digest: `x:${i}`,
    size: 0,
    artifactType: "a/b",
  }));
  const registry = listingRegistry({ api: () => indexOf(entries) });
  const { manifests } = await listReferrers(registry.channel, "app", SUBJECT);
  assertEquals(manifests.length, 200_000);
});

for (const api of [true, false]) {
  Deno.test(`supportsReferrers: ${api} is asked once, then remembered`, async () => {
    const registry = listingRegistry(api ? { api: () => indexOf([]) } : {});
    assertEquals(await supportsReferrers(registry.channel, "app", SUBJECT), api);
    assertEquals(await supportsReferrers(registry.channel, "other", SUBJECT), api);
    assertEquals(registry.lines(), [API]);
    registry.assertClosed();
  });
}
