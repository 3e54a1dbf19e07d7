import { assertEquals, assertRejects } from "@std/assert";
import {
  BadDigestError,
  ContentNotFoundError,
  InvalidDigestError,
  InvalidManifestError,
  InvalidReferenceError,
  LimitError,
  ManifestVerificationError,
  NotFoundError,
  RegistryResponseError,
  TimeoutError,
} from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import {
  brokenBody,
  type ErrorClass,
  failure,
  type FakeOptions,
  fakeRegistry,
  steps,
} from "./fake_registry_test.ts";
import { getManifest, headManifest } from "./manifests.ts";
import {
  DOCKER_IMAGE,
  IMAGE,
  INDEX,
  manifestAnswer,
  OTHER_IMAGE,
  sampleOf,
} from "./sample_manifests_test.ts";

const V2_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";

interface Good {
  name: string;
  ref: string;
  sample?: typeof IMAGE;
  headers?: Record<string, string | undefined>;
  digest?: string;
  mediaType?: string;
}

const GOOD: Good[] = [
  { name: "by tag", ref: "latest" },
  { name: "by digest", ref: IMAGE.digest },
  { name: "an index", ref: "latest", sample: INDEX },
  { name: "Docker's image", ref: "latest", sample: DOCKER_IMAGE },
  {
    name: "by tag, no digest answered",
    ref: "v1",
    headers: { "docker-content-digest": undefined },
  },
  {
    name: "by digest, no digest answered",
    ref: IMAGE.digest,
    headers: { "docker-content-digest": undefined },
  },
  {
    name: "by tag, sha512 answered",
    ref: "v1",
    headers: { "docker-content-digest": IMAGE.sha512 },
    digest: IMAGE.sha512,
  },
  { name: "sha512 asked, sha256 answered", ref: IMAGE.sha512, digest: IMAGE.sha512 },
  {
    name: "by tag, what is no digest answered",
    ref: "v1",
    headers: { "docker-content-digest": "sha256:oops" },
  },
  {
    name: "by tag, an algorithm unknown here answered",
    ref: "v1",
    headers: { "docker-content-digest": "blake3:abc" },
  },
  {
    name: "by digest, another one answered: the bytes have the one asked for",
    ref: IMAGE.digest,
    headers: { "docker-content-digest": OTHER_IMAGE.digest },
  },
  {
    name: "Content-Type parameters are ignored",
    ref: "v1",
    headers: { "content-type": `${MEDIA_TYPES.ociManifest}; charset=utf-8` },
  },
  { name: "no Content-Type", ref: "v1", headers: { "content-type": undefined } },
  {
    name: "Content-Type that says nothing",
    ref: "v1",
    headers: { "content-type": "application/octet-stream" },
  },
];

for (const { name, ref, sample = IMAGE, headers, digest = sample.digest } of GOOD) {
  Deno.test(`end-3 GET manifests: ${name}`, async () => {
    const registry = fakeRegistry(steps(manifestAnswer(sample, headers)));
    const found = await getManifest(registry.channel, "app", ref);
    assertEquals<string>(found.digest, digest);
    assertEquals(found.mediaType, sample.mediaType);
    assertEquals(found.bytes, sample.bytes);
    assertEquals<unknown>(found.manifest, sample.json);
    assertEquals(found.answer.response.status, 200);
    assertEquals(registry.lines(), [`GET /v2/app/manifests/${ref}`]);
    registry.assertClosed();
  });
}

Deno.test("end-3 GET manifests: the request", async () => {
  const registry = fakeRegistry(steps(manifestAnswer(IMAGE), manifestAnswer(IMAGE)));
  await getManifest(registry.channel, "library/app", "v1");
  await getManifest(registry.channel, "library/app", "v1", { accept: [MEDIA_TYPES.ociManifest] });
  const [first, second] = registry.seen;
  assertEquals(
    first!.headers.get("accept"),
    [
      "application/vnd.oci.image.manifest.v1+json",
      "application/vnd.oci.image.index.v1+json",
      "application/vnd.docker.distribution.manifest.v2+json",
      "application/vnd.docker.distribution.manifest.list.v2+json",
    ].join(", "),
  );
  assertEquals(first!.headers.get("accept-encoding"), "identity");
  assertEquals(first!.request.intent, { repository: "library/app", actions: ["pull"] });
  assertEquals(second!.headers.get("accept"), MEDIA_TYPES.ociManifest);
});

Deno.test("end-3 GET manifests: redirects are followed, unless they are not wanted", async () => {
  const moved = () => new Response(null, { status: 307, headers: { location: "/elsewhere" } });
  const registry = fakeRegistry(steps(moved(), manifestAnswer(IMAGE), moved()));
  const found = await getManifest(registry.channel, "app", "v1");
  assertEquals([found.answer.hops.length, found.answer.url.pathname], [1, "/elsewhere"]);
  await assertRejects(
    () => getManifest(registry.channel, "app", "v1", { followRedirects: false }),
    RegistryResponseError,
    "Cannot get the manifest registry.test/app:v1: 307",
  );
});

const SCHEMA_1 = encodeText('{"schemaVersion":1,"name":"app","tag":"v1","fsLayers":[]}');
const BOTH = await sampleOf(
  { ...IMAGE.json, manifests: [] },
  MEDIA_TYPES.ociManifest,
);

interface Bad {
  name: string;
  ref?: string;
  answer?: () => Response;
  options?: FakeOptions;
  error: ErrorClass;
  code: string;
  message: string;
}

const BAD: Bad[] = [
  {
    name: "another body than the digest asked for",
    ref: OTHER_IMAGE.digest,
    answer: () => manifestAnswer(IMAGE, { "docker-content-digest": OTHER_IMAGE.digest }),
    error: BadDigestError,
    code: "BAD_DIGEST",
    message: `the digest should be ${OTHER_IMAGE.digest}, and is ${IMAGE.digest}`,
  },
  {
    name: "another body than the sha512 asked for",
    ref: OTHER_IMAGE.sha512,
    answer: () => manifestAnswer(IMAGE),
    error: BadDigestError,
    code: "BAD_DIGEST",
    message: `and is ${IMAGE.sha512}`,
  },
  {
    name: "by tag, another body than the digest answered",
    answer: () => manifestAnswer(IMAGE, { "docker-content-digest": OTHER_IMAGE.digest }),
    error: BadDigestError,
    code: "BAD_DIGEST",
    message: "Cannot get the manifest registry.test/app:v1",
  },
  {
    name: "mediaType disagrees with Content-Type",
    answer: () => manifestAnswer(IMAGE, { "content-type": MEDIA_TYPES.ociIndex }),
    error: ManifestVerificationError,
    code: "MANIFEST_VERIFICATION",
    message: "its Content-Type says",
  },
  {
    name: "one document, two meanings",
    answer: () => manifestAnswer(BOTH),
    error: ManifestVerificationError,
    code: "MANIFEST_VERIFICATION",
    message: "Cannot use the manifest",
  },
  {
    name: "schema 1, as the header says",
    answer: () => new Response(SCHEMA_1, { headers: { "content-type": V2_SCHEMA1 } }),
    error: InvalidManifestError,
    code: "INVALID_MANIFEST",
    message: "schema",
  },
  {
    name: "schema 1, as the body says",
    answer: () => new Response(SCHEMA_1, { headers: { "content-type": "application/json" } }),
    error: InvalidManifestError,
    code: "INVALID_MANIFEST",
    message: "schema",
  },
  {
    name: "a web page",
    answer: () => new Response("<html>", { headers: { "content-type": "text/html" } }),
    error: InvalidManifestError,
    code: "INVALID_MANIFEST",
    message: "Cannot read the manifest",
  },
  {
    name: "no body",
    answer: () => new Response(null),
    error: InvalidManifestError,
    code: "INVALID_MANIFEST",
    message: "Cannot read the manifest",
  },
  {
    name: "JSON that is no manifest",
    answer: () => new Response("[]", { headers: { "content-type": "application/json" } }),
    error: InvalidManifestError,
    code: "INVALID_MANIFEST",
    message: "Cannot read the manifest",
  },
  {
    name: "10 MB",
    answer: () => new Response(new Uint8Array(10_000_000)),
    error: LimitError,
    code: "LIMIT_EXCEEDED",
    message:
      "Cannot read the manifest registry.test/app:v1: it is larger than manifestBytes, 8388608 bytes",
  },
  {
    name: "a body that stands still",
    answer: () => new Response(brokenBody(IMAGE.bytes.subarray(0, 10), "stall")),
    options: { limits: { stallTimeout: 5 } },
    error: TimeoutError,
    code: "TIMEOUT",
    message: "Cannot read the manifest registry.test/app:v1: no bytes came for 5 ms",
  },
  {
    name: "a body that is cut, by digest",
    ref: IMAGE.digest,
    answer: () => new Response(brokenBody(IMAGE.bytes.subarray(0, 10), "end")),
    error: BadDigestError,
    code: "BAD_DIGEST",
    message: `should be ${IMAGE.digest}`,
  },
  {
    name: "404 MANIFEST_UNKNOWN",
    answer: () => failure(404, "MANIFEST_UNKNOWN"),
    error: NotFoundError,
    code: "NOT_FOUND",
    message: "Cannot get the manifest registry.test/app:v1: 404 MANIFEST_UNKNOWN",
  },
  {
    name: "a tag that breaks the grammar",
    ref: "../../secret",
    error: InvalidReferenceError,
    code: "INVALID_REFERENCE",
    message: "as a tag",
  },
  {
    name: "a digest that breaks the grammar",
    ref: "sha256:../../secret",
    error: InvalidDigestError,
    code: "INVALID_DIGEST",
    message: "as a digest",
  },
  {
    name: "a digest of an algorithm unknown here",
    ref: "blake3:abc",
    error: InvalidDigestError,
    code: "INVALID_DIGEST",
    message: "Cannot verify blake3:abc",
  },
];

for (const { name, ref = "v1", answer, options, error, code, message } of BAD) {
  Deno.test(`end-3 GET manifests: ${name} is ${code}`, async () => {
    const registry = fakeRegistry(steps(...(answer ? [answer] : [])), options);
    const thrown = await assertRejects(
      () => getManifest(registry.channel, "app", ref),
      error,
      message,
    );
    assertEquals(thrown.code, code);
    assertEquals(registry.seen.length, answer ? 1 : 0);
    registry.assertClosed();
  });
}

Deno.test("end-3 GET manifests: a platform follows the index to its image", async () => {
  const registry = fakeRegistry(steps(manifestAnswer(INDEX), manifestAnswer(IMAGE)));
  const found = await getManifest(registry.channel, "app", "v1", { platform: "linux/amd64" });
  assertEquals([found.digest, found.mediaType], [IMAGE.digest, IMAGE.mediaType]);
  assertEquals(registry.lines(), [
    "GET /v2/app/manifests/v1",
    `GET /v2/app/manifests/${IMAGE.digest}`,
  ]);
});

Deno.test("end-3 GET manifests: a platform leaves an image as it is", async () => {
  const registry = fakeRegistry(steps(manifestAnswer(IMAGE)));
  const found = await getManifest(registry.channel, "app", "v1", { platform: "linux/amd64" });
  assertEquals([found.digest, registry.seen.length], [IMAGE.digest, 1]);
});

Deno.test("end-3 GET manifests: a platform that the index does not have", async () => {
  const registry = fakeRegistry(steps(manifestAnswer(INDEX)));
  const error = await assertRejects(
    () => getManifest(registry.channel, "app", "v1", { platform: "linux/s390x" }),
    ContentNotFoundError,
    "Cannot find linux/s390x in the index registry.test/app:v1: it has linux/amd64",
  );
  assertEquals([error.code, registry.seen.length], ["CONTENT_NOT_FOUND", 1]);
});

Deno.test("end-3 GET manifests: an image of another type than its entry in the index", async () => {
  const entry = { ...DOCKER_IMAGE.descriptor, mediaType: MEDIA_TYPES.ociManifest };
  const index = await sampleOf({
    ...INDEX.json,
    manifests: [{ ...entry, platform: { os: "linux", architecture: "amd64" } }],
  }, MEDIA_TYPES.ociIndex);
  const registry = fakeRegistry(steps(manifestAnswer(index), manifestAnswer(DOCKER_IMAGE)));
  await assertRejects(
    () => getManifest(registry.channel, "app", "v1", { platform: "linux/amd64" }),
    ManifestVerificationError,
    "its descriptor says",
  );
});

const HEADS: [name: string, ref: string, headers: Record<string, string>, digest: string][] = [
  ["by tag", "v1", {}, IMAGE.digest],
  ["by digest", IMAGE.digest, {}, IMAGE.digest],
  ["sha512 asked, sha256 answered", IMAGE.sha512, {}, IMAGE.sha512],
  ["sha512 answered", "v1", { "docker-content-digest": IMAGE.sha512 }, IMAGE.sha512],
  [
    "Content-Type with parameters",
    "v1",
    { "content-type": `${MEDIA_TYPES.ociManifest};v=1` },
    IMAGE.digest,
  ],
];

for (const [name, ref, headers, digest] of HEADS) {
  Deno.test(`end-3 HEAD manifests: ${name}`, async () => {
    const registry = fakeRegistry(steps(manifestAnswer(IMAGE, headers, true)));
    assertEquals(await headManifest(registry.channel, "app", ref), {
      mediaType: IMAGE.mediaType,
      digest,
      size: IMAGE.bytes.byteLength,
    });
    assertEquals(registry.lines(), [`HEAD /v2/app/manifests/${ref}`]);
    assertEquals(registry.seen[0]!.headers.get("accept")!.split(", ").length, 4);
  });
}

for (const missing of ["docker-content-digest", "content-length", "content-type"]) {
  Deno.test(`end-3 HEAD manifests: without ${missing} falls back to GET`, async () => {
    const registry = fakeRegistry(steps(
      manifestAnswer(IMAGE, { [missing]: undefined }, true),
      manifestAnswer(IMAGE, { [missing]: undefined }),
    ));
    assertEquals(await headManifest(registry.channel, "app", "v1"), IMAGE.descriptor);
    assertEquals(registry.lines(), ["HEAD /v2/app/manifests/v1", "GET /v2/app/manifests/v1"]);
    registry.assertClosed();
  });
}

Deno.test("end-3 HEAD manifests: by digest no digest need be answered", async () => {
  const registry = fakeRegistry(
    steps(manifestAnswer(IMAGE, { "docker-content-digest": undefined }, true)),
  );
  const { digest } = await headManifest(registry.channel, "app", IMAGE.digest);
  assertEquals([digest, registry.seen.length], [IMAGE.digest, 1]);
});

Deno.test("end-3 HEAD manifests: another digest than the one asked for is BAD_DIGEST", async () => {
  const registry = fakeRegistry(steps(manifestAnswer(IMAGE, {}, true)));
  const error = await assertRejects(
    () => headManifest(registry.channel, "app", OTHER_IMAGE.digest),
    BadDigestError,
  );
  assertEquals([error.expected, error.actual], [OTHER_IMAGE.digest, IMAGE.digest]);
});

Deno.test("end-3 HEAD manifests: 404 has no words", async () => {
  const registry = fakeRegistry(steps(new Response(null, { status: 404 })));
  const error = await assertRejects(
    () => headManifest(registry.channel, "app", "v1"),
    NotFoundError,
    "Cannot look at the manifest registry.test/app:v1: 404",
  );
  assertEquals([error.errors, registry.seen.length], [[], 1]);
});
