import { assertEquals, assertRejects } from "@std/assert";
import {
  AuthenticationError,
  BadDigestError,
  ForbiddenError,
  InvalidContentError,
  InvalidDigestError,
  RateLimitedError,
} from "../errors.ts";
import { digestOf } from "../content/digest_of.ts";
import {
  type ErrorClass,
  failure,
  fakeRegistry,
  ORIGIN,
  sample,
  steps,
} from "./fake_registry_test.ts";
import { fakeUploads, pieces } from "./fake_uploads_test.ts";
import { mountBlob } from "./mount.ts";
import { putBlob } from "./put_blob.ts";

const CONTENT = sample(100_000);
const DIGEST = await digestOf(CONTENT);
const SHA512 = await digestOf(CONTENT, "sha512");
const UPLOADS = "/v2/app/blobs/uploads/";
const MOUNT = `POST ${UPLOADS}?mount=${encodeURIComponent(DIGEST)}&from=base%2Fimage`;

const started = () => new Response(null, { status: 202, headers: { location: "u1" } });
const SESSION = { location: `${ORIGIN}${UPLOADS}u1`, offset: 0 };

Deno.test("end-11 POST ?mount: 201 is mounted, with an event", async () => {
  const registry = fakeRegistry(steps(new Response(null, { status: 201 })));
  const result = await mountBlob(registry.channel, "app", DIGEST, { from: "base/image" });
  assertEquals(result, { mounted: true });
  assertEquals(registry.lines(), [MOUNT]);
  assertEquals(registry.seen[0]!.request.intent, {
    repository: "app",
    actions: ["pull", "push"],
    mountFrom: "base/image",
  });
  assertEquals<unknown>(registry.events, [
    { type: "mount", digest: DIGEST, repository: "app", from: "base/image" },
  ]);
});

Deno.test("end-11 POST ?mount: without from the registry looks by itself", async () => {
  const registry = fakeRegistry(steps(new Response(null, { status: 201 })));
  await mountBlob(registry.channel, "app", DIGEST);
  assertEquals(registry.lines(), [`POST ${UPLOADS}?mount=${encodeURIComponent(DIGEST)}`]);
  assertEquals<unknown>(registry.events, [{ type: "mount", digest: DIGEST, repository: "app" }]);
});

Deno.test("end-11 POST ?mount: 201 with another blob's digest is BAD_DIGEST", async () => {
  const headers = { "docker-content-digest": SHA512 };
  const other = { "docker-content-digest": await digestOf(sample(1)) };
  const registry = fakeRegistry(
    steps(
      new Response(null, { status: 201, headers }),
      new Response(null, { status: 201, headers: other }),
    ),
  );
  const mount = () => mountBlob(registry.channel, "app", DIGEST, { from: "base/image" });
  assertEquals(await mount(), { mounted: true }, "another algorithm says nothing");
  await assertRejects(mount, BadDigestError);
});

Deno.test("end-11 POST ?mount: 202 is an upload to go on with", async () => {
  const registry = fakeRegistry(steps(started()));
  const result = await mountBlob(registry.channel, "app", DIGEST, { from: "base/image" });
  assertEquals(result, { mounted: false, session: SESSION });
  assertEquals(registry.events, []);
});

for (const status of [400, 401, 403, 404, 405, 409, 415, 422, 500, 501]) {
  Deno.test(`end-11 POST ?mount: ${status}, so a plain POST`, async () => {
    const all = status === 500 ? [500, 500, 500] : [status];
    const registry = fakeRegistry(
      steps(...all.map((status) => new Response("no", { status })), started()),
    );
    const result = await mountBlob(registry.channel, "app", DIGEST, { from: "base/image" });
    assertEquals(result, { mounted: false, session: SESSION });
    assertEquals(registry.lines(), [...all.map(() => MOUNT), `POST ${UPLOADS}`]);
    assertEquals(registry.seen.at(-1)!.request.intent!.mountFrom, undefined);
    registry.assertClosed();
  });
}

Deno.test("end-11 POST ?mount: a token service that refuses the other repository", async () => {
  const registry = fakeRegistry(
    steps(new AuthenticationError("no token for base/image"), started()),
  );
  const result = await mountBlob(registry.channel, "app", DIGEST, { from: "base/image" });
  assertEquals([result.mounted, registry.seen.length], [false, 2]);
});

Deno.test("end-11 POST ?mount: sha512 is named in the plain POST (end-4c)", async () => {
  const registry = fakeRegistry(steps(new Response(null, { status: 404 }), started()));
  await mountBlob(registry.channel, "app", SHA512, { from: "base/image" });
  assertEquals(registry.lines()[1], `POST ${UPLOADS}?digest-algorithm=sha512`);
});

interface Bad {
  name: string;
  digest?: string;
  from?: string;
  answers: Response[];
  error: ErrorClass;
  code: string;
}

const BAD: Bad[] = [
  {
    name: "a malformed digest",
    digest: "sha256:x",
    answers: [],
    error: InvalidDigestError,
    code: "INVALID_DIGEST",
  },
  {
    name: "403 to both",
    answers: [failure(403, "DENIED"), failure(403, "DENIED")],
    error: ForbiddenError,
    code: "FORBIDDEN",
  },
  {
    name: "429, which is no refusal",
    answers: [1, 2, 3].map(() => failure(429, "TOOMANYREQUESTS")),
    error: RateLimitedError,
    code: "RATE_LIMITED",
  },
  {
    name: "202 without a Location",
    answers: [new Response(null, { status: 202 })],
    error: InvalidContentError,
    code: "INVALID_CONTENT",
  },
];

for (const { name, digest = DIGEST, from = "base/image", answers, error, code } of BAD) {
  Deno.test(`end-11 POST ?mount: ${name} is ${code}`, async () => {
    const registry = fakeRegistry(steps(...answers));
    const thrown = await assertRejects(
      () => mountBlob(registry.channel, "app", digest, { from }),
      error,
    );
    assertEquals([thrown.code, registry.seen.length], [code, answers.length]);
    registry.assertClosed();
  });
}

/** Faults of the first POST: the mount's. */
function mounting(status: number) {
  return fakeUploads((server) => {
    server.faults.push(["POST", async (seen, serve) => {
      if (status === 202) return await serve();
      if (status === 201) server.blobs.set(seen.url.searchParams.get("mount")!, CONTENT);
      return new Response(null, { status });
    }]);
  });
}

const PUTS: [status: number, methods: string[]][] = [
  [201, ["HEAD", "POST"]],
  [202, ["HEAD", "POST", "PUT 100000"]],
  [401, ["HEAD", "POST", "POST", "PUT 100000"]],
  [403, ["HEAD", "POST", "POST", "PUT 100000"]],
  [404, ["HEAD", "POST", "POST", "PUT 100000"]],
  [500, ["HEAD", "POST", "POST", "PUT 100000"]],
  [405, ["HEAD", "POST", "POST", "PUT 100000"]],
];

for (const [status, methods] of PUTS) {
  Deno.test(`putBlob, mountFrom: ${status}`, async () => {
    const registry = mounting(status);
    const put = await putBlob(registry.channel, "app", CONTENT, { mountFrom: "base/image" });
    assertEquals([put.digest, put.size], [DIGEST, CONTENT.length]);
    assertEquals(registry.methods(), methods);
    assertEquals(registry.lines()[1], MOUNT);
    assertEquals(registry.server.blobs.get(DIGEST), CONTENT);
  });
}

for (const from of ["", "Base/Image", "base/image:v1", "../other", "https://base/image"]) {
  Deno.test(`putBlob, mountFrom ${JSON.stringify(from)}, which is no repository: an upload`, async () => {
    const registry = fakeUploads();
    await putBlob(registry.channel, "app", CONTENT, { mountFrom: from });
    assertEquals(registry.methods(), ["HEAD", "POST", "PUT 100000"]);
    const { mounted } = await mountBlob(registry.channel, "app", DIGEST, { from });
    assertEquals([mounted, registry.lines().at(-1)], [false, `POST ${UPLOADS}`]);
  });
}

Deno.test("putBlob, mountFrom: a stream of unknown size that was mounted: its size is asked", async () => {
  const registry = mounting(201);
  const options = { mountFrom: "base/image", digest: DIGEST };
  const put = await putBlob(registry.channel, "app", pieces(CONTENT), options);
  assertEquals(put.size, CONTENT.length);
  assertEquals(registry.methods(), ["HEAD", "POST", "HEAD"]);
});

Deno.test("putBlob, mountFrom: without a digest there is nothing to mount", async () => {
  const registry = fakeUploads();
  await putBlob(registry.channel, "app", pieces(CONTENT), { mountFrom: "base/image" });
  assertEquals(registry.lines()[0], `POST ${UPLOADS}`);
});
