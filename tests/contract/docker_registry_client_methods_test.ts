/** The contract of docker_registry_client: each method's options and answers. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  AuthenticationError,
  BadDigestError,
  ContentNotFoundError,
  InvalidManifestError,
  InvalidOptionError,
  ManifestVerificationError,
  NotFoundError,
  RegistryClientV2,
  RegistryResponseError,
} from "@davit/registry-client";
import { DockerResponse } from "@davit/registry-client/docker-json-client";
import {
  NAME,
  pair,
  pushImage,
  pushIndex,
  sampleImage,
  sha256,
  UNKNOWN,
  utf8,
  wire,
} from "./sample.ts";

const BEARER = { bearer: { users: { me: "a password" }, anonymous: [] } };

Deno.test("ping: GET /v2/ without credentials, its body read", async () => {
  const { client, registry } = pair({}, { token: "a-token" });
  const resp = await client.ping();
  assertInstanceOf(resp, DockerResponse);
  assertEquals(resp.status, 200);
  assertEquals(await resp.dockerJson(), {});
  const [{ method, path, headers }] = registry.requests as [(typeof registry.requests)[0]];
  assertEquals([method, path, headers.authorization], ["GET", "/v2/", undefined]);
});

for (const status of [200, 401, 404]) {
  Deno.test(`ping: ${status} is an answer`, async () => {
    const { fetch } = wire(() => new Response("{}", { status }));
    assertEquals((await new RegistryClientV2({ name: NAME, fetch }).ping()).status, status);
  });
}

Deno.test("ping: headers go along; expectStatus says what is an answer", async () => {
  const { fetch, seen } = wire(() => new Response("", { status: 418 }));
  const client = new RegistryClientV2({ name: NAME, fetch });
  const error = await assertRejects(() => client.ping(), RegistryResponseError);
  assertEquals(error.statusCode, 418);
  const resp = await client.ping({ headers: { "x-test": "1" }, expectStatus: [418] });
  assertEquals(resp.status, 418);
  assertEquals(seen[1]!.headers.get("x-test"), "1");
  await assertRejects(() => client.ping({ expectStatus: [200] }), RegistryResponseError);
});

const supported: [name: string, response: () => Response, answer: boolean][] = [
  ["200", () => new Response("{}"), true],
  ["401", () => new Response("", { status: 401 }), true],
  ["404", () => new Response("", { status: 404 }), false],
  ["500", () => new Response("", { status: 500 }), false],
];

for (const [name, response, answer] of supported) {
  Deno.test(`supportsV2: ${name} is ${answer}`, async () => {
    const { fetch } = wire(response);
    const client = new RegistryClientV2({ name: NAME, fetch, retry: { maxAttempts: 1 } });
    assertEquals(await client.supportsV2(), answer);
  });
}

Deno.test("supportsV2: what is not an HTTP error is thrown", async () => {
  const client = new RegistryClientV2({
    name: NAME,
    fetch: () => Promise.reject(new TypeError("no route")),
    retry: { maxAttempts: 1 },
  });
  await assertRejects(() => client.supportsV2(), Error, "no route");
});

Deno.test("performLogin: None, Basic or Bearer", async () => {
  const me = { username: "me", password: "a password" };
  const open = pair();
  assertEquals(await open.client.performLogin(), { type: "None" });
  const basic = pair({ auth: { basic: { users: { me: "a password" } } } }, me);
  assertEquals(await basic.client.performLogin(), { type: "Basic", ...me });
  const bearer = pair({ auth: BEARER }, me);
  const info = await bearer.client.performLogin();
  assert(info.type === "Bearer");
  assert(info.token.length > 20);
  assertEquals(bearer.taken().map((line) => line.replace(/\?.*?(?= )/, "")), [
    "GET /v2/ 401",
    "GET /token 200",
  ]);
});

Deno.test("performLogin: scope and pingRes", async () => {
  const { client, taken } = pair({ auth: BEARER }, { username: "me", password: "a password" });
  const pingRes = await client.ping();
  taken();
  await client.performLogin({ pingRes, scope: "repository:other:pull,push" });
  const [line, ...others] = taken();
  assertEquals(others, []);
  assertEquals(
    new URL(line!.split(" ")[1]!, "http://x").searchParams.getAll("scope"),
    ["repository:other:pull,push"],
  );
});

Deno.test("login: nothing; its outcome is remembered", async () => {
  const { client, taken } = pair({ auth: BEARER }, {
    username: "me",
    password: "a password",
    scopes: ["pull", "push"],
  });
  const nothing: void = await client.login();
  assertEquals(nothing, undefined);
  taken();
  await client.putBlob(utf8("hello"));
  assertEquals(taken().filter((line) => /token|\/v2\/ /.test(line)), []);
});

Deno.test("login: a wrong password is an AuthenticationError", async () => {
  const { client } = pair({ auth: BEARER }, { username: "me", password: "a wrong one" });
  const error = await assertRejects(() => client.login(), AuthenticationError);
  assertEquals(error.statusCode, 401);
});

Deno.test("end-8 listTags: name and tags, of all pages", async () => {
  const { client, taken } = pair({ tagPageSize: 2 });
  const image = await pushImage(client, "v1");
  for (const ref of ["v2", "v3", "v4", "v5"]) {
    await client.putManifest({ manifestData: image.manifest, ref });
  }
  taken();
  assertEquals(await client.listTags(), { name: "app", tags: ["v1", "v2", "v3", "v4", "v5"] });
  assertEquals(taken().length, 3);
});

Deno.test("end-8 listTags: child and manifest of Google's registries, of all pages", async () => {
  const manifest = (tag: string) => ({
    [`sha256:${tag.repeat(64)}`]: {
      imageSizeBytes: "5",
      layerId: "",
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      tag: [tag],
      timeCreatedMs: "1",
      timeUploadedMs: "2",
    },
  });
  const { fetch } = wire((_request, url) =>
    url.searchParams.has("last")
      ? Response.json({ name: "app", tags: ["b"], child: ["y"], manifest: manifest("b") })
      : Response.json({ name: "app", tags: ["a"], child: ["x"], manifest: manifest("a") }, {
        headers: { link: '</v2/app/tags/list?last=a>; rel="next"' },
      })
  );
  const list = await new RegistryClientV2({ name: NAME, fetch }).listTags();
  assertEquals(list, {
    name: "app",
    tags: ["a", "b"],
    child: ["x", "y"],
    manifest: { ...manifest("a"), ...manifest("b") },
  });
});

Deno.test("end-8 listTags: 404 NAME_UNKNOWN is a NotFoundError", async () => {
  const error = await assertRejects(() => pair().client.listTags(), NotFoundError);
  assertEquals(error.codes, ["NAME_UNKNOWN"]);
});

Deno.test("end-3 getManifest: resp, manifest, bytes, mediaType, digest", async () => {
  const { client } = pair();
  const image = await pushImage(client, "latest");
  for (const ref of ["latest", image.descriptor.digest]) {
    const { resp, manifest, bytes, mediaType, digest } = await client.getManifest({ ref });
    assertInstanceOf(resp, DockerResponse);
    assertEquals(resp.status, 200);
    assertEquals(resp.headers.get("docker-content-digest"), image.descriptor.digest);
    assertEquals(await resp.dockerBody(), image.manifest);
    assertEquals(bytes, image.manifest);
    assertEquals(mediaType, "application/vnd.oci.image.manifest.v1+json");
    assertEquals(digest, image.descriptor.digest);
    assertEquals(manifest, JSON.parse(new TextDecoder().decode(image.manifest)));
  }
});

Deno.test("end-3 getManifest: a multi-platform reference answers its index", async () => {
  const { client } = pair();
  const { digest, images } = await pushIndex(client, "latest");
  const found = await client.getManifest({ ref: "latest" });
  assertEquals([found.digest, "layers" in found.manifest], [digest, false]);
  for (const { descriptor, layerDescriptor } of images) {
    const platform = `linux/${descriptor.platform!.architecture}`;
    const image = await client.getManifest({ ref: "latest", platform });
    assertEquals(image.digest, descriptor.digest);
    assertEquals(image.manifest.layers, [layerDescriptor]);
  }
  await assertRejects(
    () => client.getManifest({ ref: "latest", platform: "windows/amd64" }),
    ContentNotFoundError,
    "linux/amd64",
  );
});

Deno.test("end-3 getManifest: platform asks for an index whatever the client accepts", async () => {
  const { client } = pair({}, { acceptManifestLists: false });
  const { images } = await pushIndex(client, "latest");
  const { digest } = await client.getManifest({ ref: "latest", platform: "linux/arm64" });
  assertEquals(digest, images[1]!.descriptor.digest);
});

Deno.test("end-3 getManifest: a call's accept options come before the client's", async () => {
  const { fetch, seen } = wire(() => new Response("", { status: 404 }));
  const client = new RegistryClientV2({
    name: NAME,
    fetch,
    acceptOCIManifests: false,
    acceptManifestLists: false,
  });
  const ref = "latest";
  for (
    const options of [{ ref }, { ref, acceptOCIManifests: true }, {
      ref,
      acceptManifestLists: true,
    }]
  ) {
    await client.getManifest(options).catch(() => {});
  }
  const accepted = seen.map(({ headers }) => headers.get("accept")!);
  assertEquals(accepted.map((accept) => accept.includes("oci")), [false, true, false]);
  assertEquals(accepted.map((accept) => accept.includes("list.v2")), [false, false, true]);
});

Deno.test("end-3 getManifest: an index where none is accepted is an error, not a guess", async () => {
  const { client } = pair();
  const { index } = await pushIndex(client, "latest");
  const { fetch } = wire(() =>
    new Response(index, { headers: { "content-type": "application/vnd.oci.image.index.v1+json" } })
  );
  const heedless = new RegistryClientV2({ name: NAME, fetch });
  const error = await assertRejects(
    () => heedless.getManifest({ ref: "latest", acceptManifestLists: false }),
    InvalidManifestError,
  );
  assertStringIncludes(error.message, "platform");
});

Deno.test("end-3 getManifest: followRedirects", async () => {
  const { manifest } = await sampleImage("x");
  const { fetch } = wire((_request, url) =>
    url.host === "localhost:5000"
      ? Response.redirect("http://mirror.test/manifest", 307)
      : new Response(manifest, {
        headers: { "content-type": "application/vnd.oci.image.manifest.v1+json" },
      })
  );
  const client = new RegistryClientV2({ name: NAME, fetch });
  const { resp } = await client.getManifest({ ref: "latest" });
  assertEquals(resp.url, "http://mirror.test/manifest");
  const error = await assertRejects(
    () => client.getManifest({ ref: "latest", followRedirects: false }),
    RegistryResponseError,
  );
  assertEquals(error.statusCode, 307);
});

Deno.test("end-3 getManifest: schema 1 is an error", async () => {
  const text = JSON.stringify({ schemaVersion: 1, name: "app", tag: "latest", fsLayers: [] });
  const types = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/json",
  ];
  for (const type of types) {
    const { fetch } = wire(() => new Response(text, { headers: { "content-type": type } }));
    const client = new RegistryClientV2({ name: NAME, fetch });
    await assertRejects(() => client.getManifest({ ref: "latest" }), InvalidManifestError);
  }
});

for (const [status, body] of [[200, null], [202, null], [202, "{}"], [200, "deleted"]] as const) {
  Deno.test(`end-9 deleteManifest: ${status} with ${body ?? "no"} body is done`, async () => {
    const { fetch, lines } = wire(({ method }) =>
      method === "DELETE" ? new Response(body, { status }) : new Response("", { status: 404 })
    );
    const client = new RegistryClientV2({ name: NAME, fetch });
    const nothing: void = await client.deleteManifest({ ref: "latest" });
    assertEquals(nothing, undefined);
    assertEquals(lines(), ["DELETE http://localhost:5000/v2/app/manifests/latest"]);
  });
}

Deno.test("end-9 deleteManifest: by tag and by digest", async () => {
  const { client } = pair();
  const { descriptor } = await pushImage(client, "v1");
  await client.deleteManifest({ ref: "v1" });
  assertEquals((await client.listTags()).tags, []);
  await client.deleteManifest({ ref: descriptor.digest });
  await assertRejects(() => client.getManifest({ ref: descriptor.digest }), NotFoundError);
});

function redirect(location: string, status: number): Response {
  return new Response(null, { status, headers: { location } });
}

/** A registry whose blobs are behind two redirects. */
function stored(content: string) {
  return wire((request, url) => {
    if (url.host === "localhost:5000") return Response.redirect("http://cdn.test/a", 307);
    if (url.pathname === "/a") return redirect("/b?signature=1", 302);
    return new Response(request.method === "HEAD" ? null : content, {
      headers: { "content-length": String(content.length), "x-storage": "yes" },
    });
  });
}

Deno.test("end-2 headBlob: one response a hop, the registry's first, the storage's last", async () => {
  const { fetch, seen } = stored("hello");
  const client = new RegistryClientV2({ name: NAME, fetch });
  const ress = await client.headBlob({ digest: UNKNOWN });
  assertEquals(ress.map(({ status }) => status), [307, 302, 200]);
  for (const resp of ress) assertInstanceOf(resp, DockerResponse);
  assertEquals(ress[0]!.headers.get("location"), "http://cdn.test/a");
  assertEquals(ress[2]!.headers.get("x-storage"), "yes");
  assertEquals(ress[2]!.headers.get("content-length"), "5");
  assertEquals(seen.map(({ method }) => method), ["HEAD", "HEAD", "HEAD"]);
});

Deno.test("end-2 headBlob: without redirects it is one response", async () => {
  const { client } = pair();
  const { digest } = await client.putBlob(utf8("hello"));
  const ress = await client.headBlob({ digest });
  assertEquals(ress.map(({ status }) => status), [200]);
  await assertRejects(() => client.headBlob({ digest: UNKNOWN }), NotFoundError);
});

Deno.test("end-2 createBlobReadStream: ress, and a stream that is verified", async () => {
  const { fetch } = stored("hello");
  const client = new RegistryClientV2({ name: NAME, fetch });
  const { ress, stream } = await client.createBlobReadStream({
    digest: await sha256(utf8("hello")),
  });
  assertEquals(ress.map(({ status }) => status), [307, 302, 200]);
  assertInstanceOf(stream, ReadableStream);
  assertEquals(await new Response(stream).text(), "hello");
  const wrong = await client.createBlobReadStream({ digest: UNKNOWN });
  await assertRejects(() => new Response(wrong.stream).text(), BadDigestError);
});

Deno.test("end-7 putManifest: digest and location, under its own media type", async () => {
  const { client, registry } = pair();
  const { manifest, descriptor } = await pushImage(client, "v1");
  const { digest, location } = await client.putManifest({ manifestData: manifest, ref: "v2" });
  assertEquals(digest, descriptor.digest);
  assertStringIncludes(location!, "/v2/app/manifests/");
  assertEquals(
    registry.requests.at(-1)!.headers["content-type"],
    "application/vnd.oci.image.manifest.v1+json",
  );
  const pulled = await client.getManifest({ ref: "v2" });
  assertEquals(pulled.bytes, manifest);
});

Deno.test("end-7 putManifest: Docker's manifest goes under Docker's media type", async () => {
  const { client, registry } = pair();
  const image = await pushImage(client, "v1");
  const docker = utf8(JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    config: {
      mediaType: "application/vnd.docker.container.image.v1+json",
      digest: await sha256(image.config),
      size: image.config.byteLength,
    },
    layers: [],
  }));
  await client.putManifest({ manifestData: docker, ref: "docker" });
  const type = "application/vnd.docker.distribution.manifest.v2+json";
  assertEquals(registry.requests.at(-1)!.headers["content-type"], type);
  await client.putManifest({ manifestData: docker, ref: "docker", mediaType: type });
  assertEquals((await client.getManifest({ ref: "docker" })).mediaType, type);
});

Deno.test("end-7 putManifest: schemaVersion 2, and the mediaType that is in it", async () => {
  const { client, taken } = pair();
  const { manifest } = await pushImage(client, "v1");
  taken();
  await client.putManifest({ manifestData: manifest, ref: "v1", schemaVersion: 2 });
  assertEquals(taken().length, 1);
  await assertRejects(
    () => client.putManifest({ manifestData: manifest, ref: "v1", schemaVersion: 1 }),
    InvalidOptionError,
    "current value is 1",
  );
  const mediaType = "application/vnd.oci.image.index.v1+json";
  await assertRejects(
    () => client.putManifest({ manifestData: manifest, ref: "v1", mediaType }),
    ManifestVerificationError,
  );
  await assertRejects(
    () => client.putManifest({ manifestData: manifest, ref: UNKNOWN }),
    BadDigestError,
  );
  assertEquals(taken(), [], "nothing is sent that is known to be wrong");
});

Deno.test("withRepo: another repository of the same registry, the login shared", async () => {
  const { client, taken } = pair({ auth: BEARER }, { username: "me", password: "a password" });
  await client.login();
  const other = client.withRepo("other/name");
  assertEquals(other.repo.canonicalName, "localhost:5000/other/name");
  taken();
  await other.putBlob(utf8("x"));
  assertEquals(taken().filter((line) => line.includes("/v2/ ")), []);
  await assertRejects(() => Promise.resolve().then(() => client.withRepo("quay.io/a/b")));
});
