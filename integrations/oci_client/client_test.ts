import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { digestOf } from "../../content/digest_of.ts";
import { encodeText } from "../../content/bytes.ts";
import { AuthenticationError, NetworkError } from "../../errors.ts";
import { createRegistry } from "../../server/mod.ts";
import { createTestRegistry } from "../../testing/mod.ts";
import { HELLO, HELLO_DIGEST, manifestOf, MISSING, world } from "./fixture_test.ts";
import { cncf, oci } from "./media_types/mod.ts";
import { type ClientInit, ClientV2, ext, ResError } from "./mod.ts";

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

Deno.test("calls at once under one signal have a response each", async () => {
  const { repo } = world();
  const { signal } = new AbortController();
  const uploads = await Promise.all([1, 2, 3].map(() => repo.blobs.initUpload({ signal })));
  const locations = uploads.map(({ raw }) => raw.headers.get("location"));
  assertEquals(new Set(locations).size, 3);
  for (const [at, upload] of uploads.entries()) {
    const { location } = await upload.unwrap();
    assert(location.href.endsWith(locations[at]!));
  }
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
