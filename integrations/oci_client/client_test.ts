import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { digestOf } from "../../content/digest.ts";
import { encodeText } from "../../content/bytes.ts";
import { createHasher } from "../../content/hasher.ts";
import { encodeHex } from "../../content/hex.ts";
import {
  AuthenticationError,
  BadDigestError,
  InvalidManifestError,
  NetworkError,
} from "../../errors.ts";
import { fallbackTag } from "../../manifest/referrers_index.ts";
import { createRegistry, type RegistryOptions } from "../../server/mod.ts";
import { createTestRegistry } from "../../testing/mod.ts";
import {
  Chunk,
  type ClientInit,
  ClientV2,
  Codes,
  Digest,
  ext,
  type Hasher,
  Ref,
  ResError,
} from "./mod.ts";
import { cncf, mediaType, oci } from "./media_types/mod.ts";

const HELLO = encodeText("hello");
const HELLO_DIGEST = await digestOf(HELLO);
const MISSING = `sha256:${"0".repeat(64)}`;

/** A registry, and a client of it. */
function world(options: RegistryOptions = {}, init: ClientInit = {}) {
  const registry = createRegistry(options);
  const client = new ClientV2("registry.test", { transport: registry, ...init });
  return { registry, client, repo: client.repo("test/app") };
}

/** An artifact's manifest; its config is pushed already. */
function manifestOf(more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: oci.image.manifestV1,
    artifactType: "application/vnd.example",
    config: oci.empty,
    layers: [],
    ...more,
  });
}

/** A repository with a manifest under a tag. */
async function pushed(options: RegistryOptions = {}, init: ClientInit = {}) {
  const made = world(options, init);
  await made.repo.blobs.upload(oci.empty.digest, encodeText("{}")).unwrap();
  await made.repo.manifests.put("v1", oci.image.manifestV1, manifestOf()).unwrap();
  return { ...made, digest: await digestOf(encodeText(manifestOf())) };
}

/** SHA-256 as a `Hasher` answers it. */
async function sha256(): Promise<Hasher> {
  const hasher = await createHasher("sha256");
  return {
    name: "sha256",
    update: (data) => void hasher.update(data),
    digest: () => encodeHex(hasher.digest()),
  };
}

Deno.test("end-1 GET /v2/: 200, and 200 alone", async () => {
  const { client } = world();
  assertEquals((await client.ping()).raw.status, 200);
  assertEquals({ ...await client.ping().unwrap() }, {});
  for (
    const [status, message] of [
      [401, "unauthorized"],
      [404, "v2 API not supported"],
      [418, "unknown server response"],
    ] as [number, string][]
  ) {
    const transport = () => Promise.resolve(new Response(null, { status }));
    const error = await assertRejects(
      () => new ClientV2("registry.test", { transport }).ping(),
      ResError,
      message,
    );
    assertEquals(error.res.status, status);
  }
});

Deno.test("end-1 GET /v2/: with authentication, an anonymous token too", async () => {
  const bearer = { users: { you: "secret" } };
  const anonymous = world({ auth: { bearer: { ...bearer, anonymous: ["pull"] } } });
  assertEquals((await anonymous.client.ping()).raw.status, 200);
  const { registry, client } = world({ auth: { bearer } }, { username: "you", password: "secret" });
  await client.ping();
  assertEquals(registry.requests.map(({ status }) => status), [401, 200, 200]);
  const wrong = world({ auth: { bearer } }, { username: "you", password: "wrong" });
  await assertRejects(() => wrong.client.ping(), AuthenticationError);
});

Deno.test("end-2 HEAD blobs: 200, 404, and ResError beyond", async () => {
  const { repo } = world();
  await repo.blobs.upload(HELLO_DIGEST, HELLO).unwrap();
  const found = await repo.blobs.exists(HELLO_DIGEST);
  assertEquals([found.ok, found.raw.status, found.raw.headers.get("content-length")], [
    true,
    200,
    "5",
  ]);
  const missing = await repo.blobs.exists(Digest.parse(MISSING));
  assertEquals([missing.ok, missing.raw.status], [false, 404]);
  const { repo: closed } = world({ auth: { basic: { users: { you: "secret" } } } });
  const error = await assertRejects(() => closed.blobs.exists(MISSING), ResError);
  assertEquals(error.res.status, 401);
});

Deno.test("end-2 GET blobs: 200 and its bytes, verified; 404", async () => {
  const { repo } = world();
  await repo.blobs.upload(HELLO_DIGEST, HELLO).unwrap();
  const { raw } = await repo.blobs.get(HELLO_DIGEST).unwrap();
  assertEquals([raw.status, await raw.text()], [200, "hello"]);
  const missing = repo.blobs.get(MISSING);
  assertEquals((await missing).raw.status, 404);
  assertEquals(await missing.unwrapOr((_res, errors) => errors.map(({ code }) => code)), [
    Codes.BlobUnknown,
  ]);
  const error = await assertRejects(() => missing.unwrap(), ResError, "BLOB_UNKNOWN");
  assertEquals((error.cause as Error).name, "NotFoundError");
  const wrong = new ClientV2("registry.test", {
    transport: () => Promise.resolve(new Response("other")),
  });
  const blob = await wrong.repo("app").blobs.get(HELLO_DIGEST).unwrap();
  await assertRejects(() => blob.raw.text(), BadDigestError);
});

Deno.test("end-3 HEAD manifests: 200 and 404; the Ref's own, else latest", async () => {
  const { client, registry, digest } = await pushed();
  const repo = client.repo("test/app:v1");
  assertEquals((await repo.manifests.exists()).ok, true);
  assertEquals((await repo.manifests.exists(Digest.parse(digest))).ok, true);
  const missing = await repo.manifests.exists("v2");
  assertEquals([missing.ok, missing.raw.status], [false, 404]);
  assertEquals((await client.repo("test/app").manifests.exists()).ok, false);
  assertEquals(registry.requests.at(-1)!.path, "/v2/test/app/manifests/latest");
  assertEquals((await client.repo(Ref.parse(`test/app@${digest}`)).manifests.exists()).ok, true);
});

Deno.test("end-3 GET manifests: the JSON, its response, and as()", async () => {
  const { repo, digest } = await pushed();
  const opaque = await repo.manifests.get("v1").unwrap();
  assertEquals({ ...opaque }, JSON.parse(manifestOf()));
  assertEquals(opaque.as(oci.image.manifestV1)?.config.digest, oci.empty.digest);
  assertEquals(opaque.as(oci.image.indexV1), undefined);
  assertEquals(opaque.as(mediaType({ name: "" }, "application/vnd.other")), undefined);
  assertEquals(await digestOf(encodeText(await opaque.raw.text())), digest, "to the byte");
  const missing = repo.manifests.get("v2");
  assertEquals((await missing).raw.status, 404);
  assertEquals(await missing.unwrapOr((_res, errors) => errors[0]?.code), Codes.ManifestUnknown);
});

Deno.test("end-3 GET manifests: every manifest type is accepted, after a challenge too", async () => {
  const bearer = { users: { you: "secret" }, anonymous: ["pull"] } as const;
  const accepted: (string | null)[] = [];
  const { registry } = world({ auth: { bearer: { ...bearer, anonymous: ["pull"] } } });
  const client = new ClientV2("registry.test", {
    transport(input, init) {
      const request = new Request(input, init);
      if (request.url.includes("/manifests/")) accepted.push(request.headers.get("accept"));
      return registry.fetch(request);
    },
  });
  assertEquals((await client.repo("app").manifests.get("v1")).raw.status, 404);
  assertEquals(accepted.length > 1, true);
  for (const accept of accepted) {
    for (const type of ["oci.image.manifest.v1", "oci.image.index.v1", "manifest.list.v2"]) {
      assert(accept?.includes(type), String(accept));
    }
  }
});

Deno.test("end-4a, 5, 13, 6: an upload in chunks", async () => {
  const { repo } = world({ chunkMinLength: 2 });
  const started = repo.blobs.initUpload();
  assertEquals((await started).raw.status, 202);
  const { location, chunkMinLength } = await started.unwrap();
  assertInstanceOf(location, URL);
  assertEquals(chunkMinLength, 2);
  const first = repo.blobs.uploadChunk(location, new Chunk(HELLO.subarray(0, 3)));
  assertEquals((await first).raw.status, 202);
  const { location: next, range } = await first.unwrap();
  assertEquals([range?.pos, range?.length], [0, 3]);
  const status = repo.blobs.getUploadStatus(next);
  assertEquals((await status).raw.status, 204);
  const known = await status.unwrap();
  assertEquals([known.range.pos, known.range.length], [0, 3]);
  assertInstanceOf(known.location, URL);
  const href = next.href;
  const rest = new Chunk(HELLO.subarray(3), 3);
  const closed = repo.blobs.closeUpload(next, Digest.parse(HELLO_DIGEST), rest);
  assertEquals((await closed).raw.status, 201);
  assertEquals((await closed.unwrap()).location.pathname, `/v2/test/app/blobs/${HELLO_DIGEST}`);
  assertEquals(next.href, href);
});

Deno.test("end-5 PATCH blobs/uploads: 416 for a chunk out of place", async () => {
  const { repo } = world();
  const { location } = await repo.blobs.initUpload().unwrap();
  const refused = repo.blobs.uploadChunk(location, new Chunk(HELLO, 1));
  assertEquals((await refused).raw.status, 416);
  assert(await refused.unwrapOr((_res, errors) => errors.length > 0));
});

Deno.test("end-6 PUT blobs/uploads: with data of every kind; a wrong digest is refused", async () => {
  const { repo } = world();
  const datas = [
    HELLO,
    HELLO.slice().buffer,
    new DataView(HELLO.slice().buffer),
    new Blob([HELLO]),
  ];
  for (
    const data of [...datas, new Blob([HELLO]).stream(), new Chunk(new Blob([HELLO]).stream(), 5)]
  ) {
    const { location } = await repo.blobs.initUpload().unwrap();
    await repo.blobs.closeUpload(location.href, HELLO_DIGEST, data).unwrap();
  }
  const { location } = await repo.blobs.initUpload().unwrap();
  const wrong = repo.blobs.closeUpload(location, MISSING, HELLO);
  assertEquals(await wrong.unwrapOr((res, [error]) => [res.status, error?.code]), [
    400,
    Codes.DigestInvalid,
  ]);
});

Deno.test("end-4b POST blobs/uploads?digest: one request", async () => {
  const { registry, repo } = world();
  const stored = repo.blobs.upload(HELLO_DIGEST, HELLO);
  assertEquals((await stored).raw.status, 201);
  assertEquals((await stored.unwrap()).location?.pathname, `/v2/test/app/blobs/${HELLO_DIGEST}`);
  await repo.blobs.upload(HELLO_DIGEST, new Blob([HELLO]), 0).unwrap();
  await repo.blobs.upload(HELLO_DIGEST, new Chunk(HELLO)).unwrap();
  assertEquals(registry.requests.map(({ method }) => method), ["POST", "POST", "POST"]);
});

Deno.test("end-4b: a stream goes out once authentication is settled", async () => {
  const auth = { bearer: { users: { you: "secret" } } };
  const { repo } = world({ auth }, { username: "you", password: "secret" });
  const chunk = new Chunk(new Blob([HELLO]).stream(), 5);
  await repo.blobs.upload(HELLO_DIGEST, chunk).unwrap();
  assertEquals((await repo.blobs.exists(HELLO_DIGEST)).ok, true);
});

Deno.test("end-4b: 202 stores nothing, and says where to go on", async () => {
  const registry = createTestRegistry({ quirks: { singlePost: 202 } });
  const { blobs } = new ClientV2("registry.test", { transport: registry }).repo("app");
  const posted = blobs.upload(HELLO_DIGEST, HELLO);
  assertEquals((await posted).raw.status, 202);
  const { location } = await posted.unwrap();
  await blobs.closeUpload(location!, HELLO_DIGEST, HELLO).unwrap();
  assertEquals((await blobs.exists(HELLO_DIGEST)).ok, true);
});

Deno.test("end-4a, 5, 6 in one: startUpload sends chunks as large as the registry wants", async () => {
  const MiB = 1024 * 1024;
  for (const [chunkMinLength, sizes] of [[8 * MiB, [8, 2]], [1, [4, 4, 2]]] as const) {
    const { registry, repo } = world({ chunkMinLength });
    const bytes = new Uint8Array(10 * MiB).map((_, at) => at * 7 + (at >> 12));
    const upload = repo.blobs.startUpload(await sha256());
    void upload.write(bytes.subarray(0, 3)); // in order, though nobody waits for it
    await upload.write(new Blob([bytes.subarray(3, 5 * MiB)]).stream());
    await upload.write(bytes.subarray(5 * MiB));
    const location = await upload.close();
    assertEquals(await upload.close(), location, "once");
    assertEquals(location.pathname, `/v2/test/app/blobs/${await digestOf(bytes)}`);
    await assertRejects(() => upload.write(bytes), TypeError);
    const sent = registry.requests.filter(({ method }) => method === "PATCH" || method === "PUT");
    assertEquals(sent.map(({ bytesIn }) => bytesIn), sizes.map((size) => size * MiB));
  }
});

Deno.test("end-4a, 6: startUpload of nothing", async () => {
  const { repo } = world();
  const location = await repo.blobs.startUpload(await sha256()).close();
  assert(location.pathname.endsWith(await digestOf(new Uint8Array(0))));
});

Deno.test("end-7 PUT manifests: to the byte, and its location", async () => {
  const { repo, digest } = await pushed();
  const spaced = `${manifestOf()}\n`;
  const put = repo.manifests.put("v2", oci.image.manifestV1, spaced);
  assertEquals((await put).raw.status, 201);
  assert((await put.unwrap()).location?.includes("/v2/test/app/manifests/"));
  const { raw } = await repo.manifests.get("v2").unwrap();
  assertEquals(await raw.text(), spaced);
  for (const body of [encodeText(manifestOf()), new Blob([manifestOf()])]) {
    await repo.manifests.put(Digest.parse(digest), oci.image.manifestV1, body).unwrap();
  }
  await assertRejects(
    () => repo.manifests.put("v3", oci.image.manifestV1, "{}").unwrap(),
    InvalidManifestError,
  );
  const layers = [{ mediaType: "text/plain", digest: MISSING, size: 1 }];
  const refused = repo.manifests.put("v3", oci.image.manifestV1, manifestOf({ layers }));
  assertEquals(await refused.unwrapOr((_res, [error]) => error?.code), Codes.ManifestBlobUnknown);
});

Deno.test("end-8a GET tags/list: all pages; 404", async () => {
  const { client, registry, repo } = await pushed({ tagPageSize: 2 });
  for (const tag of ["v2", "v3", "v4", "v5"]) {
    await repo.manifests.put(tag, oci.image.manifestV1, manifestOf()).unwrap();
  }
  const asked = registry.requests.length;
  const list = repo.tags.list();
  assertEquals((await list).raw.status, 200);
  const value = await list.unwrap();
  assertEquals({ ...value }, { name: "test/app", tags: ["v1", "v2", "v3", "v4", "v5"] });
  assertEquals(registry.requests.length - asked, 3);
  const missing = client.repo("none").tags.list();
  assertEquals(await missing.unwrapOr((res, [error]) => [res.status, error?.code]), [
    404,
    Codes.NameUnknown,
  ]);
});

Deno.test("end-8b GET tags/list?n&last: one page", async () => {
  const { registry, repo } = await pushed();
  for (const tag of ["v2", "v3"]) {
    await repo.manifests.put(tag, oci.image.manifestV1, manifestOf()).unwrap();
  }
  assertEquals((await repo.tags.list({ n: 1, last: "v1" }).unwrap()).tags, ["v2"]);
  assertEquals(registry.requests.at(-1)!.path, "/v2/test/app/tags/list?n=1&last=v1");
  assertEquals((await repo.tags.list({ n: 0 }).unwrap()).tags, []);
  assertEquals((await repo.tags.list({ last: "v1" }).unwrap()).tags, ["v2", "v3"]);
  assert((await repo.tags.list({ n: 2 })).raw.headers.get("link")?.includes('rel="next"'));
  assertThrows(() => repo.tags.list({ n: -1 }), Error, "'n'");
});

Deno.test("end-9 DELETE manifests: 202, 404", async () => {
  const { repo, digest } = await pushed();
  const deleted = repo.manifests.delete(digest);
  assertEquals((await deleted).raw.status, 202);
  await deleted.unwrap();
  assertEquals((await repo.manifests.delete(Digest.parse(digest))).raw.status, 404);
});

Deno.test("end-10 DELETE blobs: 202, 404", async () => {
  const { repo } = world();
  await repo.blobs.upload(HELLO_DIGEST, HELLO).unwrap();
  const deleted = repo.blobs.delete(HELLO_DIGEST);
  assertEquals((await deleted).raw.status, 202);
  await deleted.unwrap();
  assertEquals((await repo.blobs.delete(Digest.parse(HELLO_DIGEST))).raw.status, 404);
});

Deno.test("end-11 POST blobs/uploads?mount&from: 201; 202 is no success", async () => {
  const { client, registry, repo } = world();
  await repo.blobs.upload(HELLO_DIGEST, HELLO).unwrap();
  for (const from of ["test/app", Ref.parse("other.test/test/app:v1")]) {
    const mounted = client.repo("other").blobs.mount(HELLO_DIGEST, from);
    assertEquals((await mounted).raw.status, 201);
    assertEquals((await mounted.unwrap()).location.pathname, `/v2/other/blobs/${HELLO_DIGEST}`);
    assert(registry.requests.at(-1)!.path.endsWith("&from=test%2Fapp"));
  }
  const missing = repo.blobs.mount(MISSING, "other");
  assertEquals((await missing).raw.status, 202);
  const error = await assertRejects(() => missing.unwrap(), ResError);
  assert(error.res.headers.has("location"));
});

for (const referrersApi of [true, false]) {
  const from = referrersApi ? "the API" : "the fallback tag";
  Deno.test(`end-12a, 12b GET referrers: from ${from}`, async () => {
    const { repo, digest } = await pushed({ referrersApi, referrersPageSize: 1 });
    const subject = { mediaType: oci.image.manifestV1, digest, size: manifestOf().length };
    const types = ["application/a", "application/b"];
    await Promise.all(types.map(async (artifactType) => {
      const put = repo.manifests.put(
        await digestOf(encodeText(manifestOf({ artifactType, subject }))),
        oci.image.manifestV1,
        manifestOf({ artifactType, subject }),
      );
      assertEquals((await put).raw.headers.get("oci-subject"), referrersApi ? digest : null);
    }));
    const all = repo.referrers.get(digest);
    assertEquals((await all).raw.status, 200);
    const { manifests, mediaType } = await all.unwrap();
    assertEquals(manifests.map(({ artifactType }) => artifactType).sort(), types);
    assertEquals(mediaType, oci.image.indexV1 as string);
    assertEquals((await (await all).raw.json()).manifests, manifests);
    const some = await repo.referrers.get(Digest.parse(digest), { artifactType: types[1]! })
      .unwrap();
    assertEquals(some.manifests.map(({ artifactType }) => artifactType), [types[1]]);
    assertEquals((await repo.manifests.exists(fallbackTag(digest))).ok, !referrersApi);
  });
}

Deno.test("the catalog extension: all pages", async () => {
  const { fetch: transport } = createRegistry({ tagPageSize: 1 });
  const client = new (ClientV2.with(ext.Catalog()))("registry.test", { transport });
  assertInstanceOf(client, ClientV2);
  for (const name of ["a", "b/c"]) {
    await client.repo(name).blobs.upload(HELLO_DIGEST, HELLO).unwrap();
    const manifest = manifestOf({ config: { ...oci.empty, digest: HELLO_DIGEST, size: 5 } });
    await client.repo(name).manifests.put("v1", oci.image.manifestV1, manifest).unwrap();
  }
  const { raw, repositories } = await client.catalog().unwrap();
  assertEquals([raw.status, repositories], [200, ["a", "b/c"]]);
});

Deno.test("ClientV2: its domain, and repositories of it alone", () => {
  const client = new ClientV2("index.docker.io");
  assertEquals(client.domain, "index.docker.io");
  assertEquals(client.repo("node").ref.toString(), "index.docker.io/node", "nothing is added");
  assertEquals(client.repo("docker.io/library/node").ref.domain, "docker.io");
  assertThrows(() => client.repo("ghcr.io/you/app"), Error, "ghcr.io/you/app");
  for (const domain of ["", "http://x.com", "x .com", "x.com/a", "you@x.com"]) {
    assertThrows(() => new ClientV2(domain), Error, "invalid domain");
  }
});

Deno.test("ClientV2: where a domain's requests go", async () => {
  for (
    const [domain, origin, init] of [
      ["index.docker.io", "https://registry-1.docker.io"],
      ["ghcr.io", "https://ghcr.io"],
      ["registry", "https://registry"],
      ["localhost:5000", "http://localhost:5000"],
      ["x.test:5000", "http://x.test:5000", { hosts: { "x.test:5000": { plainHttp: true } } }],
    ] as [string, string, ClientInit?][]
  ) {
    const asked: string[] = [];
    const transport = (input: string | URL | Request) => {
      asked.push(new Request(input).url);
      return Promise.resolve(new Response("{}"));
    };
    await new ClientV2(domain, { ...init, transport }).ping();
    assertEquals(asked, [`${origin}/v2/`]);
  }
});

Deno.test("a call: 5xx rejects it, and so do davit's errors and a signal's reason", async () => {
  const retry = { maxAttempts: 1 };
  const failing = createTestRegistry({ faults: { status: 503 } });
  const broken = new ClientV2("registry.test", { transport: failing, retry }).repo("app");
  const error = await assertRejects(() => broken.tags.list(), ResError);
  assertEquals(error.res.status, 503);
  await assertRejects(() => broken.blobs.exists(MISSING), ResError);
  const transport = () => Promise.reject(new TypeError("no network"));
  const offline = new ClientV2("registry.test", { transport, retry }).repo("app");
  await assertRejects(() => offline.tags.list().unwrap(), NetworkError);
  const { repo } = world();
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => repo.tags.list({ signal }).unwrap(), Error, "enough");
  await assertRejects(() => repo.blobs.initUpload({ signal }).unwrap(), Error, "enough");
  const { repo: ended } = world({}, { signal });
  await assertRejects(() => ended.blobs.get(MISSING), Error, "enough");
});

Deno.test("media types: a chart is pushed with them and read again", async () => {
  const { repo } = world();
  const config: cncf.helm.ConfigV1 = { apiVersion: "v2", name: "app", version: "1.0.0" };
  const bytes = encodeText(JSON.stringify(config));
  const digest = await digestOf(bytes);
  for (const data of [bytes, HELLO]) await repo.blobs.upload(await digestOf(data), data).unwrap();
  const manifest: oci.image.ManifestV1 = {
    schemaVersion: 2,
    config: { mediaType: cncf.helm.configV1, digest, size: bytes.byteLength },
    layers: [
      { mediaType: cncf.helm.contentV1, digest: HELLO_DIGEST, size: 5 },
      { mediaType: cncf.helm.provenanceV1, digest: HELLO_DIGEST, size: 5 },
    ],
  };
  await repo.manifests.put("1.0.0", oci.image.manifestV1, JSON.stringify(manifest)).unwrap();
  // It does not say its own media type: the response does.
  const read = (await repo.manifests.get("1.0.0").unwrap()).as(oci.image.manifestV1);
  assertEquals(read, manifest);
  const descriptor: oci.DescriptorV1 = oci.empty;
  assertEquals(atob(descriptor.data!), "{}");
});
