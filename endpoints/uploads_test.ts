import { assertEquals, assertRejects } from "@std/assert";
import {
  BadDigestError,
  HostRefusedError,
  InvalidContentError,
  InvalidDigestError,
  InvalidOptionError,
  InvalidReferenceError,
  NotFoundError,
  RegistryResponseError,
  UnauthorizedError,
} from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import {
  type ErrorClass,
  failure,
  fakeRegistry,
  ORIGIN,
  reset,
  steps,
} from "./fake_registry_test.ts";
import { fakeUploads } from "./fake_uploads_test.ts";
import {
  cancelBlobUpload,
  completeBlobUpload,
  getBlobUploadStatus,
  startBlobUpload,
  uploadBlobChunk,
  type UploadSession,
} from "./uploads.ts";

const HELLO = encodeText("hello");
const DIGEST = await digestOf(encodeText("hello world"));
const UPLOAD = `${ORIGIN}/v2/app/blobs/uploads/1`;

function taken(headers: Record<string, string> = {}, status = 202): Response {
  return new Response(null, { status, headers: { location: `${UPLOAD}?_state=2`, ...headers } });
}

function session(more: Partial<UploadSession> = {}): UploadSession {
  return { location: `${UPLOAD}?_state=1`, offset: 0, ...more };
}

Deno.test("end-4a, 5, 6: start, chunks and close, always at the newest Location", async () => {
  const { server, channel, lines } = fakeUploads();
  const started = await startBlobUpload(channel, "app");
  assertEquals(started, { location: `${ORIGIN}/v2/app/blobs/uploads/u1?_state=0`, offset: 0 });
  const first = await uploadBlobChunk(channel, "app", started, HELLO);
  assertEquals(first, { location: `${ORIGIN}/v2/app/blobs/uploads/u1?_state=5`, offset: 5 });
  const second = await uploadBlobChunk(channel, "app", first, encodeText(" wor"));
  const done = await completeBlobUpload(channel, "app", second, DIGEST, encodeText("ld"));
  assertEquals(done, { digest: DIGEST, location: `/v2/app/blobs/${DIGEST}` });
  assertEquals(server.blobs.get(DIGEST), encodeText("hello world"));
  const query = `digest=${encodeURIComponent(DIGEST)}`;
  assertEquals(lines(), [
    "POST /v2/app/blobs/uploads/",
    "PATCH /v2/app/blobs/uploads/u1?_state=0",
    "PATCH /v2/app/blobs/uploads/u1?_state=5",
    `PUT /v2/app/blobs/uploads/u1?_state=9&${query}`,
  ]);
});

Deno.test("end-4a POST: the request, and what it answers", async () => {
  const registry = fakeRegistry(steps(taken({ "oci-chunk-min-length": "1000" })));
  assertEquals(await startBlobUpload(registry.channel, "app"), {
    location: `${UPLOAD}?_state=2`,
    offset: 0,
    minChunk: 1_000,
  });
  const [seen] = registry.seen;
  assertEquals(seen!.request.intent, { repository: "app", actions: ["pull", "push"] });
  assertEquals([seen!.request.body, seen!.request.purpose], [undefined, "registry"]);
});

const ALGORITHMS: ["sha256" | "sha512" | undefined, string][] = [
  [undefined, "POST /v2/app/blobs/uploads/"],
  ["sha256", "POST /v2/app/blobs/uploads/"],
  ["sha512", "POST /v2/app/blobs/uploads/?digest-algorithm=sha512"],
];

for (const [digestAlgorithm, line] of ALGORITHMS) {
  Deno.test(`end-4c POST: ${digestAlgorithm ?? "no algorithm"}`, async () => {
    const registry = fakeRegistry(steps(taken()));
    await startBlobUpload(registry.channel, "app", digestAlgorithm ? { digestAlgorithm } : {});
    assertEquals(registry.lines(), [line]);
  });
}

Deno.test("end-4a POST: broken connections and 503 are tried again: nothing was sent", async () => {
  const registry = fakeRegistry(steps(reset(), new Response(null, { status: 503 }), taken()));
  await startBlobUpload(registry.channel, "app");
  assertEquals([registry.seen.length, registry.of("retry").length], [3, 2]);
});

interface Bad {
  name: string;
  repository?: string;
  answers: Response[];
  error: ErrorClass;
  code: string;
  message: string;
}

const STARTS: Bad[] = [
  {
    name: "401",
    answers: [failure(401, "UNAUTHORIZED")],
    error: UnauthorizedError,
    code: "UNAUTHORIZED",
    message: "Cannot start an upload to registry.test/app: 401",
  },
  {
    name: "404 NAME_UNKNOWN (ECR)",
    answers: [failure(404, "NAME_UNKNOWN")],
    error: NotFoundError,
    code: "NOT_FOUND",
    message: "NAME_UNKNOWN",
  },
  {
    name: "no Location",
    answers: [new Response(null, { status: 202 })],
    error: InvalidContentError,
    code: "INVALID_CONTENT",
    message: "the registry answered no Location",
  },
  {
    name: "a Location that is no URL",
    answers: [taken({ location: "https://" })],
    error: InvalidContentError,
    code: "INVALID_CONTENT",
    message: "the registry answered with a bad URL",
  },
  {
    name: "a Location that is not HTTP",
    answers: [taken({ location: "file:///etc/passwd" })],
    error: InvalidContentError,
    code: "INVALID_CONTENT",
    message: "a URL that is not HTTP",
  },
  {
    name: "a Location from https to http elsewhere",
    answers: [taken({ location: "http://evil.test/up?token=s3cret" })],
    error: HostRefusedError,
    code: "HOST_REFUSED",
    message: "the registry points from https to http, http://evil.test",
  },
  {
    name: "a malformed repository",
    repository: "a//b",
    answers: [],
    error: InvalidReferenceError,
    code: "INVALID_REFERENCE",
    message: "as a repository name",
  },
];

for (const { name, repository = "app", answers, error, code, message } of STARTS) {
  Deno.test(`end-4a POST: ${name} is ${code}`, async () => {
    const registry = fakeRegistry(steps(...answers));
    const thrown = await assertRejects(
      () => startBlobUpload(registry.channel, repository),
      error,
      message,
    );
    assertEquals([thrown.code, registry.seen.length], [code, answers.length]);
    registry.assertClosed();
  });
}

interface Place {
  name: string;
  location: string;
  patch: string;
  put: string;
  own: boolean;
}

const D = `digest=${encodeURIComponent(DIGEST)}`;

const PLACES: Place[] = [
  {
    name: "absolute, with a query",
    location: `${UPLOAD}?_state=a`,
    patch: `${UPLOAD}?_state=a`,
    put: `${UPLOAD}?_state=a&${D}`,
    own: true,
  },
  {
    name: "relative, without a query",
    location: "/v2/app/blobs/uploads/1",
    patch: UPLOAD,
    put: `${UPLOAD}?${D}`,
    own: true,
  },
  {
    name: "a query kept byte for byte",
    location: "/up?a=%2f+%20~'(b)&c=d=e&&f&sig=AbC%2B%3d",
    patch: `${ORIGIN}/up?a=%2f+%20~%27(b)&c=d=e&&f&sig=AbC%2B%3d`,
    put: `${ORIGIN}/up?a=%2f+%20~%27(b)&c=d=e&&f&sig=AbC%2B%3d&${D}`,
    own: true,
  },
  {
    name: "with the default port",
    location: "https://registry.test:443/up",
    patch: `${ORIGIN}/up`,
    put: `${ORIGIN}/up?${D}`,
    own: true,
  },
  {
    name: "http for https on the same host",
    location: "http://registry.test/up?x",
    patch: `${ORIGIN}/up?x`,
    put: `${ORIGIN}/up?x&${D}`,
    own: true,
  },
  {
    name: "on another host",
    location: "https://storage.test/up?sig=1",
    patch: "https://storage.test/up?sig=1",
    put: `https://storage.test/up?sig=1&${D}`,
    own: false,
  },
  {
    name: "on another port",
    location: "https://registry.test:8443/up",
    patch: "https://registry.test:8443/up",
    put: `https://registry.test:8443/up?${D}`,
    own: false,
  },
];

for (const { name, location, patch, put, own } of PLACES) {
  Deno.test(`end-5, 6, 13, 14: a Location ${name}, ${own ? "with" : "without"} an intent`, async () => {
    const registry = fakeRegistry(steps(
      taken({ location }),
      taken({ location }),
      taken({ location, range: "0-4" }, 204),
      new Response(null, { status: 204 }),
      new Response(null, { status: 201 }),
    ));
    const { channel } = registry;
    const started = await startBlobUpload(channel, "app");
    const sent = await uploadBlobChunk(channel, "app", started, HELLO);
    assertEquals(await getBlobUploadStatus(channel, "app", sent), { location: patch, offset: 5 });
    await cancelBlobUpload(channel, "app", sent);
    await completeBlobUpload(channel, "app", sent, DIGEST);
    const [, ...rest] = registry.seen;
    assertEquals(rest.map(({ method }) => method), ["PATCH", "GET", "DELETE", "PUT"]);
    assertEquals(rest.map(({ url }) => url.href), [patch, patch, patch, put]);
    for (const { request } of rest) {
      assertEquals(request.intent?.repository, own ? "app" : undefined);
      assertEquals(request.purpose, own ? "registry" : "upload");
    }
  });
}

Deno.test("end-5 PATCH: the request", async () => {
  const registry = fakeRegistry(steps(taken()));
  await uploadBlobChunk(registry.channel, "app", session({ offset: 10 }), HELLO);
  const [seen] = registry.seen;
  assertEquals(seen!.text, "hello");
  assertEquals(seen!.headers.get("content-range"), "10-14");
  assertEquals(seen!.headers.get("content-type"), "application/octet-stream");
  assertEquals(seen!.request.body!.size, 5);
});

for (const status of [200, 201, 202, 204]) {
  Deno.test(`end-5 PATCH: ${status} takes the chunk`, async () => {
    const registry = fakeRegistry(steps(taken({}, status)));
    const next = await uploadBlobChunk(registry.channel, "app", session(), HELLO);
    assertEquals([next.offset, next.location], [5, `${UPLOAD}?_state=2`]);
  });
}

const CHUNKS: [name: string, headers: Record<string, string>, location: string][] = [
  ["Range as sent", { range: "0-14" }, `${UPLOAD}?_state=2`],
  ["a Range with its unit", { range: "bytes=0-14" }, `${UPLOAD}?_state=2`],
  ["a Range that is stuck at the first chunk (ECR)", { range: "0-4" }, `${UPLOAD}?_state=2`],
  ["no Range", {}, `${UPLOAD}?_state=2`],
  ["nonsense", { range: "?" }, `${UPLOAD}?_state=2`],
];

for (const [name, headers, location] of CHUNKS) {
  Deno.test(`end-5 PATCH: ${name}: the own count is trusted`, async () => {
    const registry = fakeRegistry(steps(taken(headers)));
    const next = await uploadBlobChunk(
      registry.channel,
      "app",
      session({ offset: 10, minChunk: 3 }),
      HELLO,
    );
    assertEquals(next, { location, offset: 15, minChunk: 3 });
  });
}

Deno.test("end-5 PATCH: without a Location the last one stays", async () => {
  const registry = fakeRegistry(steps(new Response(null, { status: 202 })));
  const next = await uploadBlobChunk(registry.channel, "app", session(), HELLO);
  assertEquals(next.location, `${UPLOAD}?_state=1`);
});

for (const [range, claimed] of [["0-14", 15], ["0-15", 16], ["0-99", 100]] as const) {
  Deno.test(`end-5 PATCH: ${claimed} bytes where 15 were sent`, async () => {
    const registry = fakeRegistry(steps(taken({ range })));
    const sending = uploadBlobChunk(registry.channel, "app", session({ offset: 10 }), HELLO);
    if (claimed === 15) assertEquals((await sending).offset, 15);
    else {
      await assertRejects(
        () => sending,
        InvalidContentError,
        `Cannot send a chunk to registry.test/app: the registry has ${claimed} bytes of the 15 sent`,
      );
    }
  });
}

Deno.test("end-5 PATCH: an empty chunk is INVALID_OPTION", async () => {
  const registry = fakeRegistry(steps());
  await assertRejects(
    () => uploadBlobChunk(registry.channel, "app", session(), new Uint8Array(0)),
    InvalidOptionError,
    "'data' must not be empty",
  );
});

const REFUSED: [name: string, answer: Response | Error, requests: number][] = [
  ["416 is the caller's to mend", failure(416, "BLOB_UPLOAD_INVALID"), 1],
  ["503 is not tried again: bytes were sent", new Response(null, { status: 503 }), 1],
  ["nor is a broken connection", reset(), 1],
];

for (const [name, answer, requests] of REFUSED) {
  Deno.test(`end-5 PATCH: ${name}`, async () => {
    const registry = fakeRegistry(steps(answer));
    await assertRejects(() => uploadBlobChunk(registry.channel, "app", session(), HELLO));
    assertEquals(registry.seen.length, requests);
  });
}

const STATUSES: [name: string, range: string | undefined, known: number, offset: number][] = [
  ["bytes", "0-99", 0, 100],
  ["an empty upload (distribution, zot)", "0-0", 0, 0],
  ["an empty upload (olareg)", "0--1", 0, 0],
  ["one byte, when one was sent", "0-0", 1, 1],
  ["no Range: the own count is trusted", undefined, 7, 7],
  ["with its unit", "bytes=0-9", 0, 10],
];

for (const [name, range, known, offset] of STATUSES) {
  Deno.test(`end-13 GET Location: ${name}`, async () => {
    const registry = fakeRegistry(steps(taken(range === undefined ? {} : { range }, 204)));
    const next = await getBlobUploadStatus(registry.channel, "app", session({ offset: known }));
    assertEquals(next, { location: `${UPLOAD}?_state=2`, offset });
    assertEquals(registry.lines(), ["GET /v2/app/blobs/uploads/1?_state=1"]);
  });
}

Deno.test("end-13 GET Location: 404 is NOT_FOUND", async () => {
  const registry = fakeRegistry(steps(failure(404, "BLOB_UPLOAD_UNKNOWN")));
  await assertRejects(
    () => getBlobUploadStatus(registry.channel, "app", session()),
    NotFoundError,
    "Cannot look at an upload to registry.test/app: 404 BLOB_UPLOAD_UNKNOWN",
  );
});

const CLOSINGS: [
  name: string,
  status: number,
  headers: Record<string, string>,
  location?: string,
][] = [
  ["201", 201, { location: "/v2/app/blobs/x" }, "/v2/app/blobs/x"],
  ["204", 204, {}],
  ["201 without a Location", 201, { "docker-content-digest": DIGEST }],
  ["sha256 answered in another algorithm's stead", 201, { "docker-content-digest": "blake3:abc" }],
];

for (const [name, status, headers, location] of CLOSINGS) {
  Deno.test(`end-6 PUT Location: ${name}`, async () => {
    const registry = fakeRegistry(steps(new Response(null, { status, headers })));
    const done = await completeBlobUpload(registry.channel, "app", session(), DIGEST);
    assertEquals(done, { digest: DIGEST, ...(location && { location }) });
  });
}

Deno.test("end-6 PUT Location: sha512 asked, sha256 answered", async () => {
  const sha512 = await digestOf(HELLO, "sha512");
  const answered = { "docker-content-digest": await digestOf(HELLO) };
  const registry = fakeRegistry(steps(new Response(null, { status: 201, headers: answered })));
  const done = await completeBlobUpload(registry.channel, "app", session(), sha512, HELLO);
  assertEquals(done.digest, sha512);
});

const RANGES: [name: string, offset: number, data: string, range: string | null][] = [
  ["no bytes", 10, "", null],
  ["the last bytes", 10, "hello", "10-14"],
  ["all bytes", 0, "hello", null],
];

for (const [name, offset, data, range] of RANGES) {
  Deno.test(`end-6 PUT Location: with ${name}`, async () => {
    const registry = fakeRegistry(steps(new Response(null, { status: 201 })));
    await completeBlobUpload(
      registry.channel,
      "app",
      session({ offset }),
      DIGEST,
      encodeText(data),
    );
    const [seen] = registry.seen;
    assertEquals([seen!.headers.get("content-range"), seen!.text], [range, data]);
    assertEquals(seen!.request.body!.size, data.length, "so that Content-Length is there");
  });
}

Deno.test("end-6 PUT Location: another digest answered is BAD_DIGEST", async () => {
  const other = await digestOf(HELLO);
  const headers = { "docker-content-digest": other };
  const registry = fakeRegistry(steps(new Response(null, { status: 201, headers })));
  const error = await assertRejects(
    () => completeBlobUpload(registry.channel, "app", session(), DIGEST),
    BadDigestError,
  );
  assertEquals([error.expected, error.actual], [DIGEST, other]);
});

Deno.test("end-6 PUT Location: 400 DIGEST_INVALID, and a malformed digest is not sent", async () => {
  const registry = fakeRegistry(steps(failure(400, "DIGEST_INVALID")));
  const error = await assertRejects(
    () => completeBlobUpload(registry.channel, "app", session(), DIGEST),
    RegistryResponseError,
  );
  assertEquals(error.codes, ["DIGEST_INVALID"]);
  await assertRejects(
    () => completeBlobUpload(registry.channel, "app", session(), "sha256:x"),
    InvalidDigestError,
  );
  assertEquals(registry.seen.length, 1);
});

for (const status of [200, 202, 204]) {
  Deno.test(`end-14 DELETE Location: ${status}`, async () => {
    const registry = fakeRegistry(steps(new Response(null, { status })));
    await cancelBlobUpload(registry.channel, "app", session());
    assertEquals(registry.lines(), ["DELETE /v2/app/blobs/uploads/1?_state=1"]);
  });
}

Deno.test("end-14 DELETE Location: 404 is an error", async () => {
  const registry = fakeRegistry(steps(failure(404, "BLOB_UPLOAD_UNKNOWN")));
  await assertRejects(() => cancelBlobUpload(registry.channel, "app", session()), NotFoundError);
});
