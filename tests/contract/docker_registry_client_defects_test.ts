/** The contract of docker_registry_client: the defects of the original that must not come back. */
import {
  assertEquals,
  assertInstanceOf,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  AuthenticationError,
  BadDigestError,
  type DavitEvent,
  NotFoundError,
  RegistryClientV2,
  UnauthorizedError,
} from "@davit/registry-client";
import type { RegistryAuth } from "@davit/registry-client/server";
import {
  type ErrorClass,
  NAME,
  pair,
  pushImage,
  sampleImage,
  sha256,
  utf8,
  wire,
} from "./sample.ts";

const ORIGIN = "http://localhost:5000";

/** A registry that takes one token, and a token service that gives it. */
function tokenRegistry(answer: () => Response, token = "good") {
  return wire(({ headers }, url) => {
    if (url.pathname === "/token") return answer();
    if (headers.get("authorization") === `Bearer ${token}`) {
      return Response.json({ name: "app", tags: ["a"] });
    }
    return new Response("", {
      status: 401,
      headers: { "www-authenticate": `Bearer realm="${ORIGIN}/token",service="s"` },
    });
  });
}

Deno.test("the option token is sent, unasked, with every request about the repository", async () => {
  const { fetch, seen } = wire(() => Response.json({ name: "app", tags: [] }));
  const client = new RegistryClientV2({ name: NAME, fetch, token: "my-token" });
  await client.listTags();
  await client.headBlob({ digest: `sha256:${"0".repeat(64)}` });
  assertEquals(seen.map(({ headers }) => headers.get("authorization")), [
    "Bearer my-token",
    "Bearer my-token",
  ]);
});

Deno.test("end-9 deleteManifest: an empty 202 is done", async () => {
  const { client } = pair();
  const { descriptor } = await pushImage(client, "latest");
  await client.deleteManifest({ ref: descriptor.digest });
  await assertRejects(() => client.headManifest({ ref: "latest" }), NotFoundError);
});

Deno.test("end-2: a blob is verified without a digest header", async () => {
  const digest = await sha256(utf8("hello"));
  for (const headers of [new Headers(), new Headers({ "docker-content-digest": digest })]) {
    const { fetch } = wire(() => new Response("hullo", { headers }));
    const client = new RegistryClientV2({ name: NAME, fetch });
    await assertRejects(async () => await (await client.getBlob(digest)).bytes(), BadDigestError);
    const { stream } = await client.createBlobReadStream({ digest });
    await assertRejects(() => new Response(stream).bytes(), BadDigestError);
  }
});

Deno.test("end-3: a manifest by digest is verified without a digest header", async () => {
  const { manifest, descriptor } = await sampleImage("x");
  const other = (await sampleImage("y")).manifest;
  const { digest } = descriptor;
  for (const headers of [new Headers(), new Headers({ "docker-content-digest": digest })]) {
    const { fetch } = wire(() => new Response(other, { headers }));
    const client = new RegistryClientV2({ name: NAME, fetch });
    await assertRejects(() => client.getManifest({ ref: digest }), BadDigestError);
  }
  const { fetch } = wire(() => new Response(manifest));
  const found = await new RegistryClientV2({ name: NAME, fetch }).getManifest({ ref: "a" });
  assertEquals(found.digest, digest);
});

const tokenAnswers: [name: string, answer: Record<string, unknown>][] = [
  ["access_token alone", { access_token: "good" }],
  ["token alone", { token: "good" }],
  ["both", { token: "good", access_token: "good", expires_in: 300 }],
  ["an empty token beside access_token", { token: "", access_token: "good" }],
];

for (const [name, answer] of tokenAnswers) {
  Deno.test(`a token service that answers ${name}`, async () => {
    const { fetch } = tokenRegistry(() => Response.json(answer));
    const client = new RegistryClientV2({ name: NAME, fetch });
    assertEquals((await client.listTags()).tags, ["a"]);
  });
}

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`end-2: ${status} on a blob is followed, by GET and by HEAD`, async () => {
    const { fetch, lines } = wire(({ method }, url) =>
      url.host === "localhost:5000"
        ? Response.redirect("http://storage.test/blob", status)
        : new Response(method === "HEAD" ? null : "hello")
    );
    const client = new RegistryClientV2({ name: NAME, fetch });
    const digest = await sha256(utf8("hello"));
    assertEquals(await (await client.getBlob(digest)).text(), "hello");
    const ress = await client.headBlob({ digest });
    assertEquals(ress.map((resp) => resp.status), [status, 200]);
    assertEquals(lines().filter((line) => line.includes("storage")), [
      "GET http://storage.test/blob",
      "HEAD http://storage.test/blob",
    ]);
  });
}

const OUTSIDE_LATIN_1 = { username: "üser-Ω", password: "пароль 😀" };
const users = { [OUTSIDE_LATIN_1.username]: OUTSIDE_LATIN_1.password };
const auths: [name: string, auth: RegistryAuth][] = [
  ["Basic", { basic: { users } }],
  ["Bearer", { bearer: { users } }],
];

for (const [name, auth] of auths) {
  Deno.test(`credentials outside Latin-1, by ${name}`, async () => {
    const { client } = pair({ auth }, OUTSIDE_LATIN_1);
    assertEquals((await client.putBlob(utf8("hello"))).size, 5);
  });
}

Deno.test("no bearer token goes to an upload Location on another origin", async () => {
  const other: Request[] = [];
  const { fetch } = wire(({ method, headers }, url) => {
    if (url.host !== "localhost:5000") {
      other.push(new Request(url, { method, headers }));
      const location = `http://uploads.test/next?state=${other.length}`;
      return new Response("", { status: method === "PUT" ? 201 : 202, headers: { location } });
    }
    if (method === "HEAD") return new Response("", { status: 404 });
    return new Response("", { status: 202, headers: { location: "http://uploads.test/first" } });
  });
  const client = new RegistryClientV2({ name: NAME, fetch, token: "my-token" });
  await client.putBlob(new Blob(["x".repeat(200_000)]), { chunkSize: 100_000 });
  let session = await client.startBlobUpload();
  session = await client.uploadBlobChunk({ session, data: utf8("hello") });
  session = await client.getBlobUploadStatus({ session });
  await client.cancelBlobUpload({ session });
  assertEquals(other.map(({ method }) => method), ["PATCH", "PUT", "PATCH", "GET", "DELETE"]);
  for (const { headers } of other) assertEquals(headers.get("authorization"), null);
});

for (const scopes of [["pull"], ["pull", "push"]]) {
  Deno.test(`scopes ${scopes}: from pull to push and back without ping or login`, async () => {
    const auth = { bearer: { users: { me: "a password" } } };
    const { client, taken } = pair({ auth }, { username: "me", password: "a password", scopes });
    await client.listTags().catch(() => {}); // a pull first: a push asks for both at once
    for (let round = 0; round < 5; round++) {
      const { digest } = await client.putBlob(utf8(`round ${round}`));
      await client.getBlob(digest).then((blob) => blob.bytes());
      await pushImage(client, `round-${round}`);
      await client.getManifest({ ref: `round-${round}` });
      await client.listTags();
    }
    const lines = taken();
    assertEquals(lines.filter((line) => line.startsWith("GET /v2/ ")).length, 0);
    // The first pull is refused, for the challenge; with scopes for both, its token does for all.
    assertEquals(lines.filter((line) => line.endsWith(" 401")).length, 1);
    assertEquals(
      lines.filter((line) => line.includes("/token")).length,
      scopes.length === 2 ? 1 : 2,
    );
  });
}

Deno.test("tokens are renewed: before they end, and when the registry ends them early", async () => {
  let now = Date.now();
  const auth = { bearer: { users: { me: "a password" }, expiresIn: 300 } };
  const { client, taken } = pair({ auth, now: () => now }, {
    username: "me",
    password: "a password",
    scopes: ["pull", "push"],
  });
  const { digest } = await client.putBlob(utf8("hello"));
  taken();
  now += 301_000; // the registry's clock: this token has ended
  assertEquals(await (await client.getBlob(digest)).text(), "hello");
  assertEquals(taken().map((line) => line.replace(/\?\S+/, "")), [
    `GET /v2/app/blobs/${digest} 401`,
    "GET /token 200",
    `GET /v2/app/blobs/${digest} 200`,
  ]);
});

const challenges: [name: string, headers: [string, string][], authorization: string][] = [
  ["Negotiate, then Basic", [["www-authenticate", "Negotiate"], [
    "www-authenticate",
    'Basic realm="r"',
  ]], "Basic"],
  ["Basic and Bearer in one header", [[
    "www-authenticate",
    `Basic realm="r, with a comma", Bearer realm="${ORIGIN}/token",service="s"`,
  ]], "Bearer"],
  ["Bearer, then Basic, in two headers", [
    ["www-authenticate", `Bearer realm="${ORIGIN}/token",service="s"`],
    ["www-authenticate", 'Basic realm="r"'],
  ], "Bearer"],
];

for (const [name, headers, authorization] of challenges) {
  Deno.test(`several challenges: ${name}`, async () => {
    const { fetch, seen } = wire((request, url) => {
      if (url.pathname === "/token") return Response.json({ token: "good" });
      return request.headers.has("authorization")
        ? Response.json({ name: "app", tags: [] })
        : new Response("", { status: 401, headers });
    });
    await new RegistryClientV2({ name: NAME, fetch, username: "me", password: "p" }).listTags();
    assertStringIncludes(seen.at(-1)!.headers.get("authorization")!, authorization);
  });
}

/** Runs with every way to print watched; answers what was printed. */
async function printed(run: () => Promise<unknown>): Promise<unknown[][]> {
  const calls: unknown[][] = [];
  const methods = ["debug", "error", "info", "log", "trace", "warn", "dir", "table"] as const;
  const before = methods.map((method) => console[method]);
  for (const method of methods) console[method] = (...args: unknown[]) => void calls.push(args);
  try {
    await run();
  } finally {
    methods.forEach((method, at) => console[method] = before[at]!);
  }
  return calls;
}

const SECRET = "eyJhbGciOiJub25lIn0.c2VjcmV0.c2ln";
const brokenAnswers: [name: string, answer: () => Response][] = [
  ["a refusal that holds a token", () => Response.json({ token: SECRET }, { status: 500 })],
  ["what is not JSON", () => new Response(`token=${SECRET}`)],
  ["half a JSON text", () => new Response(`{"token":"${SECRET}`)],
  ["a token that no header can carry", () => Response.json({ token: `${SECRET}\n` })],
];

for (const [name, answer] of brokenAnswers) {
  Deno.test(`a token service that answers ${name}: nothing of it is shown`, async () => {
    const { fetch } = tokenRegistry(answer);
    const events: DavitEvent[] = [];
    const client = new RegistryClientV2({
      name: NAME,
      fetch,
      onEvent: (event) => events.push(event),
      retry: { maxAttempts: 2, minDelay: 0 },
    });
    const calls = await printed(async () => {
      const error = await assertRejects(() => client.listTags(), AuthenticationError);
      assertNotMatch(Deno.inspect(error), /eyJ|c2VjcmV0/);
      assertNotMatch(JSON.stringify(events), /eyJ|c2VjcmV0/);
    });
    assertEquals(calls, []);
  });
}

Deno.test("nothing is printed by calls that succeed and calls that fail", async () => {
  const calls = await printed(async () => {
    const auth = { bearer: { users: { me: "a password" } } };
    const { client } = pair({ auth }, { username: "me", password: "a password" });
    await pushImage(client, "latest");
    await client.getManifest({ ref: "latest" });
    await client.getManifest({ ref: "missing" }).catch(() => {});
    const stranger = pair({ auth }, { username: "me", password: "a wrong one" }).client;
    await stranger.listTags().catch(() => {});
    await stranger.ping();
  });
  assertEquals(calls, []);
});

Deno.test("401 is UnauthorizedError, 404 is NotFoundError, and neither is the other", async () => {
  const types: [number, ErrorClass][] = [[401, UnauthorizedError], [404, NotFoundError]];
  for (const [status, type] of types) {
    const { fetch } = wire(() => new Response("", { status }));
    const client = new RegistryClientV2({ name: NAME, fetch });
    for (
      const call of [
        () => client.listTags(),
        () => client.getManifest({ ref: "latest" }),
        () => client.headBlob({ digest: `sha256:${"0".repeat(64)}` }),
        () => client.getBlob(`sha256:${"0".repeat(64)}`),
      ]
    ) {
      const error = await assertRejects(call);
      assertInstanceOf(error, type);
      assertNotMatch((error as Error).message, status === 401 ? /not found/i : /unauthorized/i);
    }
  }
});

Deno.test("concurrent calls with different accept options do not leak into each other", async () => {
  const { manifest } = await sampleImage("x");
  const { fetch, seen } = wire(async () => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    return new Response(manifest);
  });
  const client = new RegistryClientV2({ name: NAME, fetch });
  const options = [true, false].flatMap((acceptOCIManifests) =>
    [true, false].map((acceptManifestLists) => ({ acceptOCIManifests, acceptManifestLists }))
  );
  const all = [...options, ...options.toReversed(), ...options];
  await Promise.allSettled(all.map((each, at) => client.getManifest({ ref: `t${at}`, ...each })));
  for (const { url, headers } of seen) {
    const at = Number(/t(\d+)$/.exec(url)![1]);
    const accept = headers.get("accept")!;
    assertEquals(accept.includes("oci.image.manifest"), all[at]!.acceptOCIManifests);
    assertEquals(accept.includes("manifest.list"), all[at]!.acceptManifestLists);
  }
  assertEquals(seen.length, all.length);
  await client.listTags().catch(() => {});
  assertEquals(seen.at(-1)!.headers.get("accept")?.includes("manifest") ?? false, false);
});
