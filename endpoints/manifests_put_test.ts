import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  BadDigestError,
  InvalidContentError,
  InvalidManifestError,
  ManifestVerificationError,
  NetworkError,
  NotFoundError,
  RateLimitedError,
  RegistryResponseError,
  TagImmutableError,
  UnsupportedError,
} from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import {
  type ErrorClass,
  failure,
  fakeRegistry,
  type Handler,
  reset,
  steps,
} from "./fake_registry_test.ts";
import { deleteManifest, putManifest } from "./manifests.ts";
import {
  DOCKER_IMAGE,
  IMAGE,
  INDEX,
  manifestAnswer,
  OTHER_IMAGE,
  sampleOf,
} from "./sample_manifests_test.ts";

const PUT = "PUT /v2/app/manifests/v1";
const HEAD = "HEAD /v2/app/manifests/v1";
const GET = "GET /v2/app/manifests/v1";

function created(headers: HeadersInit = {}): Response {
  return new Response(null, { status: 201, headers });
}

const head = (sample = IMAGE, headers: Record<string, string | undefined> = {}) =>
  manifestAnswer(sample, headers, true);

for (const sample of [IMAGE, INDEX, DOCKER_IMAGE]) {
  Deno.test(`end-7 PUT manifests: ${sample.mediaType}, to the byte`, async () => {
    const registry = fakeRegistry(steps(created({ location: "/v2/app/manifests/x" })));
    const put = await putManifest(registry.channel, "app", "v1", sample.bytes);
    assertEquals(put, { descriptor: sample.descriptor, location: "/v2/app/manifests/x" });
    const [seen] = registry.seen;
    assertEquals(seen!.line, PUT);
    assertEquals(seen!.body, sample.bytes);
    assertEquals(seen!.headers.get("content-type"), sample.mediaType);
    assertEquals(seen!.request.intent, { repository: "app", actions: ["pull", "push"] });
  });
}

const ANSWERS: [name: string, ref: string, headers: HeadersInit, digest: string][] = [
  ["under its digest", IMAGE.digest, {}, IMAGE.digest],
  ["its digest answered", "v1", { "docker-content-digest": IMAGE.digest }, IMAGE.digest],
  [
    "under its sha512, sha256 answered",
    IMAGE.sha512,
    { "docker-content-digest": IMAGE.digest },
    IMAGE.sha512,
  ],
  ["its sha512 answered", "v1", { "docker-content-digest": IMAGE.sha512 }, IMAGE.digest],
  ["what is no digest answered", "v1", { "docker-content-digest": "oops" }, IMAGE.digest],
];

for (const [name, ref, headers, digest] of ANSWERS) {
  Deno.test(`end-7 PUT manifests: ${name}`, async () => {
    const registry = fakeRegistry(steps(created(headers)));
    const { descriptor, location } = await putManifest(registry.channel, "app", ref, IMAGE.bytes);
    assertEquals([descriptor.digest, location], [digest, undefined]);
    assertEquals(registry.lines(), [`PUT /v2/app/manifests/${ref}`]);
  });
}

for (const status of [200, 202, 204]) {
  Deno.test(`end-7 PUT manifests: ${status} is a success too`, async () => {
    const registry = fakeRegistry(steps(new Response(null, { status })));
    await putManifest(registry.channel, "app", "v1", IMAGE.bytes);
    assertEquals(registry.seen.length, 1);
  });
}

Deno.test("end-7 PUT manifests: a manifest without mediaType goes as what it is", async () => {
  const { mediaType: _, ...json } = IMAGE.json;
  const { bytes } = await sampleOf(json, MEDIA_TYPES.ociManifest);
  const registry = fakeRegistry(steps(created()));
  const { descriptor } = await putManifest(registry.channel, "app", "v1", bytes);
  assertEquals(descriptor.mediaType, MEDIA_TYPES.ociManifest);
  assertEquals(registry.seen[0]!.headers.get("content-type"), MEDIA_TYPES.ociManifest);
});

Deno.test("end-7 PUT manifests: 4 MiB", async () => {
  const annotations = { padding: "x".repeat(4 * 1024 * 1024) };
  const { bytes } = await sampleOf({ ...IMAGE.json, annotations }, MEDIA_TYPES.ociManifest);
  const registry = fakeRegistry(steps(created()));
  await putManifest(registry.channel, "app", "v1", bytes);
  assertEquals(registry.seen[0]!.body.byteLength, bytes.byteLength);
});

interface Bad {
  name: string;
  ref?: string;
  bytes?: typeof IMAGE.bytes;
  mediaType?: string;
  answers?: Response[];
  error: ErrorClass;
  code: string;
  message: string;
  also?: string;
  without?: string;
}

/** What the image is made of. */
const PARTS = [`sha256:${"c".repeat(64)}`, `sha256:${"a".repeat(64)}`];

const BAD: Bad[] = [
  {
    name: "under another digest",
    ref: OTHER_IMAGE.digest,
    error: BadDigestError,
    code: "BAD_DIGEST",
    message:
      `Cannot put the manifest registry.test/app@${OTHER_IMAGE.digest}: the digest should be`,
  },
  {
    name: "with another media type than its own",
    mediaType: MEDIA_TYPES.ociIndex,
    error: ManifestVerificationError,
    code: "MANIFEST_VERIFICATION",
    message: `it says of itself that it is "${MEDIA_TYPES.ociManifest}"`,
  },
  {
    name: "what is no JSON",
    bytes: encodeText("hello"),
    error: InvalidManifestError,
    code: "INVALID_MANIFEST",
    message: "Cannot read the manifest registry.test/app:v1: it is not JSON",
  },
  {
    name: "what is no manifest, before anything is sent",
    bytes: encodeText(`{"schemaVersion":2,"mediaType":"${MEDIA_TYPES.ociManifest}","layers":5}`),
    error: InvalidManifestError,
    code: "INVALID_MANIFEST",
    message: "Cannot use config as a descriptor",
    also: ", in the manifest registry.test/app:v1",
  },
  {
    name: "another digest answered",
    answers: [created({ "docker-content-digest": OTHER_IMAGE.digest })],
    error: BadDigestError,
    code: "BAD_DIGEST",
    message: "Cannot put the manifest registry.test/app:v1",
  },
  {
    name: "another sha512 digest answered",
    answers: [created({ "docker-content-digest": OTHER_IMAGE.sha512 })],
    error: BadDigestError,
    code: "BAD_DIGEST",
    message: "Cannot put the manifest registry.test/app:v1",
  },
  {
    name: "413",
    answers: [new Response("too large", { status: 413 })],
    error: RegistryResponseError,
    code: "REGISTRY_RESPONSE",
    message: "Cannot put the manifest registry.test/app:v1: 413 too large",
  },
  {
    name: "404 MANIFEST_BLOB_UNKNOWN that names nothing",
    answers: [failure(404, "MANIFEST_BLOB_UNKNOWN")],
    error: NotFoundError,
    code: "NOT_FOUND",
    message: "MANIFEST_BLOB_UNKNOWN",
    also:
      `. One of these, or more, is not in the repository: ${PARTS.join(", ")}. A HEAD of each ` +
      "tells which",
  },
  {
    name: "400 MANIFEST_BLOB_UNKNOWN with details, as distribution's",
    answers: [
      Response.json({
        errors: PARTS.map((detail) => ({
          ...{ code: "MANIFEST_BLOB_UNKNOWN", message: "blob unknown to registry", detail },
        })),
      }, { status: 400 }),
    ],
    error: RegistryResponseError,
    code: "REGISTRY_RESPONSE",
    message: "Cannot put the manifest registry.test/app:v1: 400 MANIFEST_BLOB_UNKNOWN: blob " +
      `unknown to registry; detail: ${PARTS.join(", ")}`,
    without: "One of these",
  },
  {
    name: "404 MANIFEST_BLOB_UNKNOWN that names one in its words",
    answers: [
      Response.json({
        errors: [{ code: "MANIFEST_BLOB_UNKNOWN", message: `no ${PARTS[0]}` }],
      }, { status: 404 }),
    ],
    error: NotFoundError,
    code: "NOT_FOUND",
    message: `: 404 MANIFEST_BLOB_UNKNOWN: no ${PARTS[0]}`,
    without: "One of these",
  },
  {
    name: "a portal's page",
    answers: [
      new Response("<!doctype html><title>Log in</title>", {
        headers: { "content-type": "text/html" },
      }),
    ],
    error: InvalidContentError,
    code: "INVALID_CONTENT",
    message: "Cannot put the manifest registry.test/app:v1: registry.test answered 200 with " +
      "text/html, a web page",
  },
];

for (const { name, ref = "v1", bytes = IMAGE.bytes, mediaType, answers = [], ...is } of BAD) {
  Deno.test(`end-7 PUT manifests: ${name} is ${is.code}`, async () => {
    const registry = fakeRegistry(steps(...answers));
    const options = mediaType === undefined ? {} : { mediaType };
    const error = await assertRejects(
      () => putManifest(registry.channel, "app", ref, bytes, options),
      is.error,
    );
    assertEquals(error.code, is.code);
    assert(error.message.includes(is.message), error.message);
    assert(error.message.includes(is.also ?? ""), error.message);
    assert(is.without === undefined || !error.message.includes(is.without), error.message);
    assertEquals(registry.seen.length, answers.length);
    registry.assertClosed();
  });
}

const immutable = (status: number) =>
  new Response('{"errors":[{"code":"TAG_INVALID","message":"the tag is immutable"}]}', { status });

interface Landing {
  name: string;
  handler: Handler;
  lines: string[];
  ref?: string;
  error?: ErrorClass;
}

const LANDINGS: Landing[] = [
  {
    name: "a PUT that died but landed needs no other",
    handler: steps(reset(), head()),
    lines: [PUT, HEAD],
  },
  {
    name: "a PUT that died is sent again",
    handler: steps(reset(), failure(404, "MANIFEST_UNKNOWN"), created()),
    lines: [PUT, HEAD, PUT],
  },
  {
    name: "a PUT that died while the tag names another manifest is sent again",
    handler: steps(reset(), head(OTHER_IMAGE), created()),
    lines: [PUT, HEAD, PUT],
  },
  {
    name: "a gateway's 502 after it landed",
    handler: steps(new Response(null, { status: 502 }), head()),
    lines: [PUT, HEAD],
  },
  {
    name: "503, then it is taken",
    handler: steps(
      new Response(null, { status: 503 }),
      new Response(null, { status: 404 }),
      created(),
    ),
    lines: [PUT, HEAD, PUT],
  },
  {
    name: "the last try landed",
    handler: steps(
      reset(),
      new Response(null, { status: 404 }),
      reset(),
      new Response(null, { status: 404 }),
      reset(),
      head(),
    ),
    lines: [PUT, HEAD, PUT, HEAD, PUT, HEAD],
  },
  {
    name: "every try dies",
    handler: (seen) => {
      if (seen.method === "PUT") throw reset();
      return new Response(null, { status: 404 });
    },
    lines: [PUT, HEAD, PUT, HEAD, PUT, HEAD],
    error: NetworkError,
  },
  {
    name: "an immutable tag that names this digest: no other PUT",
    handler: steps(immutable(400), head()),
    lines: [PUT, HEAD],
  },
  {
    name: "an immutable tag that names another: TAG_IMMUTABLE",
    handler: steps(immutable(412), head(OTHER_IMAGE)),
    lines: [PUT, HEAD],
    error: TagImmutableError,
  },
  {
    name: "an immutable tag whose HEAD says no digest: its bytes tell",
    handler: steps(
      immutable(400),
      head(IMAGE, { "docker-content-digest": undefined }),
      manifestAnswer(IMAGE),
    ),
    lines: [PUT, HEAD, GET],
  },
  {
    name: "an immutable tag whose HEAD says sha512: its bytes tell",
    handler: steps(
      immutable(400),
      head(OTHER_IMAGE, { "docker-content-digest": OTHER_IMAGE.sha512 }),
      manifestAnswer(OTHER_IMAGE),
    ),
    lines: [PUT, HEAD, GET],
    error: TagImmutableError,
  },
  {
    name: "an immutable tag that cannot be looked at: TAG_IMMUTABLE",
    handler: steps(immutable(400), failure(403, "DENIED"), failure(403, "DENIED")),
    lines: [PUT, HEAD, GET],
    error: TagImmutableError,
  },
  {
    name: "by sha512, landed on a registry that answers sha256",
    handler: steps(reset(), head()),
    ref: IMAGE.sha512,
    lines: [`PUT /v2/app/manifests/${IMAGE.sha512}`, `HEAD /v2/app/manifests/${IMAGE.sha512}`],
  },
];

for (const { name, handler, lines, ref = "v1", error } of LANDINGS) {
  Deno.test(`end-7 PUT manifests: ${name}`, async () => {
    const registry = fakeRegistry(handler);
    const putting = putManifest(registry.channel, "app", ref, IMAGE.bytes);
    if (error !== undefined) await assertRejects(() => putting, error);
    else assertEquals((await putting).descriptor.size, IMAGE.bytes.byteLength);
    assertEquals(registry.lines(), lines);
    const puts = lines.filter((line) => line.startsWith("PUT")).length;
    assertEquals(registry.of("retry").length, puts - 1);
    assertEquals(registry.clock.delays.length, puts - 1);
    registry.assertClosed();
  });
}

Deno.test("end-7 PUT manifests: Retry-After is honoured in full", async () => {
  const registry = fakeRegistry(steps(
    failure(429, "TOOMANYREQUESTS", { "retry-after": "120" }),
    created(),
  ));
  await putManifest(registry.channel, "app", "v1", IMAGE.bytes);
  assertEquals(registry.lines(), ["PUT /v2/app/manifests/v1", "PUT /v2/app/manifests/v1"]);
  assertEquals(registry.clock.delays, [120_000]);
  assertEquals(registry.of("retry").map(({ method, delay }) => [method, delay]), [[
    "PUT",
    120_000,
  ]]);
});

Deno.test("end-7 PUT manifests: a 503 may have landed, and Retry-After is waited for once", async () => {
  const registry = fakeRegistry(steps(
    failure(503, "UNAVAILABLE", { "retry-after": "120" }),
    new Response(null, { status: 404 }),
    created(),
  ));
  await putManifest(registry.channel, "app", "v1", IMAGE.bytes);
  assertEquals(registry.lines().map((line) => line.split(" ")[0]), ["PUT", "HEAD", "PUT"]);
  assertEquals(registry.clock.delays, [120_000, 0]);
});

Deno.test("end-7 PUT manifests: Retry-After past the limit is the caller's to wait for", async () => {
  const registry = fakeRegistry(steps(failure(429, "TOOMANYREQUESTS", { "retry-after": "301" })));
  const error = await assertRejects(
    () => putManifest(registry.channel, "app", "v1", IMAGE.bytes),
    RateLimitedError,
  );
  assertEquals([error.retryAfter, registry.clock.delays], [301_000, []]);
});

for (const phase of ["PUT", "HEAD"]) {
  Deno.test(`end-7 PUT manifests: an abort during ${phase}`, async () => {
    const controller = new AbortController();
    const registry = fakeRegistry((seen) => {
      if (seen.method !== phase) throw reset();
      controller.abort(new Error("enough"));
      return new Promise(() => {});
    });
    const { signal } = controller;
    await assertRejects(
      () => putManifest(registry.channel, "app", "v1", IMAGE.bytes, { signal }),
      Error,
      "enough",
    );
    assertEquals(registry.lines().at(-1), phase === "PUT" ? PUT : HEAD);
  });
}

interface Deletion {
  name: string;
  answer: () => Response;
  error?: ErrorClass;
  code?: string;
}

const DELETIONS: Deletion[] = [
  { name: "202", answer: () => new Response(null, { status: 202 }) },
  { name: "200 with a body", answer: () => new Response("done") },
  { name: "204", answer: () => new Response(null, { status: 204 }) },
  {
    name: "405",
    answer: () => failure(405, "UNSUPPORTED"),
    error: UnsupportedError,
    code: "UNSUPPORTED",
  },
  {
    name: "400 without a reason",
    answer: () => new Response(null, { status: 400 }),
    error: UnsupportedError,
    code: "UNSUPPORTED",
  },
  {
    name: "400 DIGEST_INVALID for a tag, as docker-registry says it",
    answer: () => failure(400, "DIGEST_INVALID"),
    error: UnsupportedError,
    code: "UNSUPPORTED",
  },
  {
    name: "400 NAME_INVALID",
    answer: () => failure(400, "NAME_INVALID"),
    error: RegistryResponseError,
    code: "REGISTRY_RESPONSE",
  },
  {
    name: "404",
    answer: () => failure(404, "MANIFEST_UNKNOWN"),
    error: NotFoundError,
    code: "NOT_FOUND",
  },
];

for (const { name, answer, error, code } of DELETIONS) {
  Deno.test(`end-9 DELETE manifests: ${name}${code === undefined ? "" : ` is ${code}`}`, async () => {
    const registry = fakeRegistry(steps(answer));
    const deleting = deleteManifest(registry.channel, "app", "v1");
    if (error === undefined) await deleting;
    else assertEquals((await assertRejects(() => deleting, error)).code, code);
    assertEquals(registry.lines(), ["DELETE /v2/app/manifests/v1"]);
    assertEquals(registry.seen[0]!.request.intent, { repository: "app", actions: ["delete"] });
    registry.assertClosed();
  });
}

Deno.test("end-9 DELETE manifests: by digest it is read first, for its subject", async () => {
  const registry = fakeRegistry(
    steps(manifestAnswer(IMAGE), new Response(null, { status: 202 })),
  );
  await deleteManifest(registry.channel, "app", IMAGE.digest);
  assertEquals(registry.lines(), [
    `GET /v2/app/manifests/${IMAGE.digest}`,
    `DELETE /v2/app/manifests/${IMAGE.digest}`,
  ]);
});

Deno.test("end-9 DELETE manifests: where the API is known it is not read", async () => {
  const registry = fakeRegistry(steps(new Response(null, { status: 202 })));
  registry.channel.capabilities.referrersApi = true;
  await deleteManifest(registry.channel, "app", IMAGE.digest);
  assertEquals(registry.lines(), [`DELETE /v2/app/manifests/${IMAGE.digest}`]);
});

Deno.test("end-9 DELETE manifests: what cannot be read is deleted all the same", async () => {
  const registry = fakeRegistry(
    steps(new Response("broken"), new Response(null, { status: 202 })),
  );
  await deleteManifest(registry.channel, "app", IMAGE.digest);
  assertEquals(registry.seen.length, 2);
});
