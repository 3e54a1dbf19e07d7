/** The contract of docker_registry_client: what version 0.7.0 and its own suites ask beside the rest. */
import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  AuthenticationError,
  BadDigestError,
  type Bytes,
  InvalidDigestError,
  InvalidManifestError,
  InvalidOptionError,
  InvalidReferenceError,
  NotFoundError,
  parseIndex,
  parseRepo,
  parseRepoAndRef,
  RegistryClientV2,
  RegistryHttpError,
} from "@davit/registry-client";
import { DockerJsonClient, DockerResponse } from "@davit/registry-client/docker-json-client";
import { connect, postBlob } from "@davit/registry-client/endpoints";
import type { ByteArray } from "@davit/registry-client/types";
import { NAME, pair, pushImage, sampleImage, sha256, utf8, wire } from "./sample.ts";

/** A repository with the tags a to e, two a page. */
async function taggedFive(): Promise<RegistryClientV2> {
  const { client } = pair();
  for (const tag of ["a", "b", "c", "d", "e"]) await pushImage(client, tag);
  return client;
}

Deno.test("listAllTags: every page's tags", async () => {
  const list = await (await taggedFive()).listAllTags({ pageSize: 2 });
  assertEquals(list, { name: "app", tags: ["a", "b", "c", "d", "e"] });
});

Deno.test("listTagsPaginated: the pages as they come", async () => {
  const pages: string[][] = [];
  for await (const { name, tags } of (await taggedFive()).listTagsPaginated({ pageSize: 2 })) {
    assertEquals(name, "app");
    pages.push(tags);
  }
  assertEquals(pages, [["a", "b"], ["c", "d"], ["e"]]);
});

Deno.test("listTags: startingAfter, and last", async () => {
  const client = await taggedFive();
  assertEquals((await client.listTags({ startingAfter: "c" })).tags, ["d", "e"]);
  assertEquals((await client.listTags({ last: "d" })).tags, ["e"]);
});

Deno.test('"./types": ByteArray is Bytes', () => {
  const bytes: Bytes = utf8("a");
  const array: ByteArray = bytes;
  const back: Bytes = array;
  assertEquals(back, bytes);
});

Deno.test('"./docker-json-client": DockerJsonClient sends one request as it is', async () => {
  const { fetch, seen } = wire(({ method }) =>
    Response.json({ a: 1 }, { status: method === "GET" ? 200 : 201 })
  );
  const client = new DockerJsonClient({ url: "https://registry.test", userAgent: "me/1", fetch });
  assertEquals([client.name, client.accept, client.contentType, client.url, client.userAgent], [
    "DockerJsonClient",
    ...["application/json", "application/json", "https://registry.test", "me/1"],
  ]);
  const searchParams = new URLSearchParams({ n: "2" });
  const resp = await client.request({ method: "GET", path: "/v2/_catalog", searchParams });
  assertInstanceOf(resp, DockerResponse);
  assertEquals(await resp.dockerJson<{ a: number }>(), { a: 1 });
  await client.request({
    ...{ method: "POST", path: "/v2/x", body: "hello", expectStatus: [201] },
    headers: { accept: "text/plain" },
  });
  const sent = seen.map(({ method, url, headers, redirect }) =>
    [method, url, headers.get("accept"), headers.get("user-agent"), redirect].join(" ")
  );
  assertEquals(sent, [
    "GET https://registry.test/v2/_catalog?n=2 application/json me/1 manual",
    "POST https://registry.test/v2/x text/plain me/1 manual",
  ]);
  assertEquals(await seen[1]!.text(), "hello");
});

Deno.test("DockerJsonClient: another status is an HttpError", async () => {
  const body = { errors: [{ code: "NAME_UNKNOWN", message: "no such" }] };
  const { fetch } = wire(() => Response.json(body, { status: 404 }));
  const client = new DockerJsonClient({ url: "https://registry.test", userAgent: "me/1", fetch });
  const error = await assertRejects(
    () => client.request({ method: "GET", path: "/v2/x?state=secret" }),
    NotFoundError,
  );
  assertInstanceOf(error, RegistryHttpError);
  assertEquals([error.method, error.codes], ["GET", ["NAME_UNKNOWN"]]);
  assertEquals(error.message.includes("secret"), false);
});

/** A registry whose token service takes no password. */
function refusing(): typeof globalThis.fetch {
  const challenge = 'Bearer realm="https://registry.test/token",service="registry.test"';
  return wire((_request, { pathname }) =>
    pathname === "/token"
      ? Response.json({ details: "incorrect username or password" }, { status: 401 })
      : new Response("", { status: 401, headers: { "www-authenticate": challenge } })
  ).fetch;
}

Deno.test("a wrong password: an AuthenticationError, and a RegistryHttpError with resp", async () => {
  const credentials = { username: "me", password: "not-the-password" };
  const client = new RegistryClientV2({
    name: "registry.test/app",
    fetch: refusing(),
    ...credentials,
  });
  for (const call of [() => client.listTags(), () => client.login()]) {
    const error = await assertRejects(call, AuthenticationError);
    assertInstanceOf(error, RegistryHttpError);
    const { resp, errors, statusCode, code } = error;
    assertInstanceOf(resp, DockerResponse);
    assertEquals([resp.status, statusCode, code], [401, 401, "UNAUTHORIZED"]);
    assertEquals(errors, [{ message: "incorrect username or password" }]);
    assertEquals(await resp.dockerErrors(), errors);
  }
});

Deno.test("an AuthenticationError without an answer is no RegistryHttpError", () => {
  const error = new AuthenticationError("Cannot authenticate");
  assertEquals([error instanceof RegistryHttpError, error.resp, error.errors], [
    false,
    undefined,
    [],
  ]);
});

Deno.test("putManifest: location is null where the registry tells none", async () => {
  const { fetch } = wire(() => new Response("", { status: 201 }));
  const { manifest } = await sampleImage("a layer");
  const client = new RegistryClientV2({ name: NAME, fetch });
  const { location } = await client.putManifest({ manifestData: manifest, ref: "v1" });
  assertEquals(location, null);
});

Deno.test("acceptOCIManifests, acceptManifestLists: are written to, and count from the next call on", async () => {
  const { client } = pair();
  await pushImage(client, "v1");
  client.acceptOCIManifests = false;
  await assertRejects(() => client.getManifest({ ref: "v1" }), InvalidManifestError);
  client.acceptOCIManifests = true;
  assertEquals((await client.getManifest({ ref: "v1" })).resp.status, 200);

  const { fetch, seen } = wire(() => new Response("", { status: 404 }));
  const other = new RegistryClientV2({ name: NAME, fetch });
  for (const accepted of [true, false]) {
    other.acceptManifestLists = accepted;
    await assertRejects(() => other.getManifest({ ref: "v1" }), NotFoundError);
    assertEquals(seen.at(-1)!.headers.get("accept")!.includes("index"), accepted);
  }
});

Deno.test("repo, insecure, username, password, scopes: one client is one connection", () => {
  const write = (client: RegistryClientV2) => {
    // @ts-expect-error it is read-only: withRepo makes a client of another repository
    client.repo = parseRepo("busybox");
    // @ts-expect-error it is read-only
    client.insecure = true;
    // @ts-expect-error it is read-only
    client.username = "me";
    // @ts-expect-error it is read-only
    client.password = "x";
    // @ts-expect-error it is read-only
    client.scopes = ["push"];
  };
  assertEquals(write.length, 1);
});

const invalid: [name: string, parse: () => unknown, message: RegExp][] = [
  [
    "a namespace",
    () => parseRepo("registry.gitlab.com/user@name/repo-a/repo-b"),
    /^invalid repository namespace/,
  ],
  ["a name", () => parseRepo("Busybox"), /^invalid repository name/],
  ["a reference", () => parseRepoAndRef("busybox:!"), /^invalid /],
  ["plain HTTP to Docker Hub", () => parseIndex("http://docker.io"), /^invalid index.*disallowed/],
  ["an empty host", () => parseIndex("https://"), /^invalid index.*empty/],
  ["no host", () => parseIndex("https://foo"), /^invalid index.*look/],
  ["a path", () => parseIndex("docker.io/foo"), /^invalid index/],
];

for (const [name, parse, message] of invalid) {
  Deno.test(`parse errors begin with "invalid": ${name}`, () => {
    const error = assertThrows(parse, InvalidReferenceError);
    assertMatch(error.message, message);
  });
}

const shown: [text: string, message: string][] = [
  ["http://name/repo-a/repo-b", '"http://name/repo-a/repo-b"'],
  ["registry.gitlab.com/user@name/repo-a/repo-b", '"registry.gitlab.com/***@name/repo-a/repo-b"'],
  ["http://user:a-password@name/repo-a/repo-b", '"http://***@name/repo-a/repo-b"'],
];

for (const [text, message] of shown) {
  Deno.test(`a parse error's message keeps the host: ${text}`, () => {
    const error = assertThrows(() => parseRepo(text), InvalidReferenceError);
    assertStringIncludes(error.message, message);
  });
}

Deno.test("a digest that is a placeholder is refused", async () => {
  const { client } = pair();
  assertThrows(() => parseRepoAndRef("busybox@sha256:cafebabe"), InvalidReferenceError);
  await assertRejects(() => client.headBlob({ digest: "sha256:cafebabe" }), InvalidDigestError);
  await assertRejects(() => client.getBlob("cafebabe"), InvalidDigestError);
});

Deno.test("end-4b startBlobUpload({digest, data}): one request, and the upload is complete", async () => {
  const { client, taken } = pair();
  const data = utf8("hello");
  const digest = await sha256(data);
  const session = await client.startBlobUpload({ digest, data });
  const location = `http://localhost:5000/v2/app/blobs/${digest}`;
  assertEquals(session, { location, offset: 5, completed: true });
  assertEquals(taken(), [
    `POST /v2/app/blobs/uploads/?digest=${encodeURIComponent(digest)} 201`,
  ]);
  assertEquals(await (await client.getBlob(digest)).text(), "hello");
});

Deno.test("end-4b: a registry that answers 202 is gone on with; one without a Location is understood", async () => {
  const data = utf8("hello");
  const digest = await sha256(data);
  const answers = [
    new Response("", { status: 202, headers: { location: "/v2/app/blobs/uploads/1" } }),
    new Response("", { status: 201 }),
  ];
  const { fetch, seen } = wire(() => answers.shift()!);
  const channel = connect("https://registry.test", { fetch });
  assertEquals(await postBlob(channel, "app", digest, data), {
    location: "https://registry.test/v2/app/blobs/uploads/1",
    offset: 0,
  });
  assertEquals(await postBlob(channel, "app", digest, data), {
    location: `https://registry.test/v2/app/blobs/${digest}`,
    ...{ offset: 5, completed: true },
  });
  assertEquals(seen.map(({ url }) => new URL(url).searchParams.get("digest")), [digest, digest]);
  assertEquals(seen[0]!.headers.get("content-length"), "5");
});

Deno.test("end-4b: what is not both, or not those bytes, is not sent", async () => {
  const { client, taken } = pair();
  const data = utf8("hello");
  const digest = await sha256(utf8("other"));
  await assertRejects(() => client.startBlobUpload({ digest, data }), BadDigestError);
  await assertRejects(() => client.startBlobUpload({ digest }), InvalidOptionError);
  await assertRejects(() => client.startBlobUpload({ data }), InvalidOptionError);
  await assertRejects(
    () => client.startBlobUpload({ digest, data, mount: { digest } }),
    InvalidOptionError,
  );
  assertEquals(taken(), []);
});

Deno.test("inputs are any Uint8Array, one over shared memory too", async () => {
  const { client } = pair();
  const hello = utf8("hello");
  const data: Uint8Array = new Uint8Array(new SharedArrayBuffer(5));
  data.set(hello);
  const digest = await sha256(hello);
  assertEquals((await client.putBlob(data)).digest, digest);
  await client.startBlobUpload({ digest, data });
  const started = await client.startBlobUpload();
  const session = await client.uploadBlobChunk({ session: started, data });
  const twice = await sha256(utf8("hellohello"));
  assertEquals((await client.completeBlobUpload({ session, digest: twice, data })).digest, twice);
  const { manifest, layer, config } = await sampleImage("x");
  for (const blob of [layer, config]) await client.putBlob(blob);
  const manifestData: Uint8Array = new Uint8Array(new SharedArrayBuffer(manifest.byteLength));
  manifestData.set(manifest);
  const put = await client.putManifest({ manifestData, ref: "v1" });
  assertEquals(put.digest, await sha256(manifest));
});

const registries: [name: string, origin: string][] = [
  ["https://index.docker.io/v1/", "https://registry-1.docker.io"],
  ["docker.io", "https://registry-1.docker.io"],
  ["ghcr.io", "https://ghcr.io"],
  ["https://ghcr.io", "https://ghcr.io"],
  ["registry.test:5000", "https://registry.test:5000"],
  ["localhost:5000", "http://localhost:5000"],
  ["http://registry.test/", "http://registry.test"],
];

for (const [name, origin] of registries) {
  Deno.test(`ping, login: ${name} is a registry`, async () => {
    const { fetch, seen } = wire((_request, { pathname }) =>
      pathname === "/token" ? Response.json({ token: "the-token" }) : new Response("{}", {
        status: 401,
        headers: { "www-authenticate": `Bearer realm="${origin}/token",service="s"` },
      })
    );
    const client = new RegistryClientV2({ name, fetch, username: undefined, password: undefined });
    assertEquals(client.origin, origin);
    assertEquals((await client.ping()).status, 401);
    await client.login();
    assertEquals(seen.map(({ url }) => url), [
      `${origin}/v2/`,
      `${origin}/v2/`,
      `${origin}/token?service=s`,
    ]);
    // Neither a user name nor a password: nobody asks.
    assertEquals(seen.map(({ headers }) => headers.get("authorization")), [null, null, null]);
    await assertRejects(() => client.listTags(), InvalidReferenceError);
  });
}

Deno.test("a registry alone is no repository: the option repo, and the parsers refuse it", () => {
  assertThrows(() => new RegistryClientV2({ repo: "https://quay.io" }), InvalidReferenceError);
  for (const parse of [parseRepo, parseRepoAndRef]) {
    assertThrows(() => parse("https://quay.io"), InvalidReferenceError);
  }
});

for (const name of ["busybox", "a/b", "localhost:5000/a", "ghcr.io/a"]) {
  Deno.test(`${name} is a repository`, () => {
    assertEquals(new RegistryClientV2({ name }).repo, parseRepo(name));
  });
}
