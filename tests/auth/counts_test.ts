/** How many requests authentication costs: counted on the wire, through the client that users have. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { MEDIA_TYPES, NetworkError, RegistryClientV2 } from "@davit/registry-client";
import { createRegistry, serve } from "@davit/registry-client/server";
import type { RegistryClientOpts } from "@davit/registry-client/types";

const PASSWORD = "it is 5ecret";

function world(options: Partial<RegistryClientOpts> = {}) {
  const registry = createRegistry({ auth: { bearer: { users: { you: PASSWORD } } } });
  const seen: string[] = [];
  const client = new RegistryClientV2({
    name: "registry.test/app",
    username: "you",
    password: PASSWORD,
    fetch: (input, init) => {
      const request = new Request(input, init);
      seen.push(`${request.method} ${new URL(request.url).pathname}`);
      return registry.fetch(request);
    },
    ...options,
  });
  return {
    client,
    seen,
    tokens: () => seen.filter((line) => line === "GET /token").length,
    async count(call: () => Promise<unknown>): Promise<number> {
      const before = seen.length;
      await call();
      return seen.length - before;
    },
  };
}

async function tagged(client: RegistryClientV2, tag = "latest"): Promise<void> {
  const config = await client.putBlob(new TextEncoder().encode("{}"));
  await client.putManifest({
    ref: tag,
    mediaType: MEDIA_TYPES.ociManifest,
    manifestData: new TextEncoder().encode(JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: { mediaType: MEDIA_TYPES.ociConfig, digest: config.digest, size: config.size },
      layers: [],
    })),
  });
}

Deno.test("end-3 a warm client: 1,000 HEADs of manifests, 32 at once, are 1,000 requests", async () => {
  const { client, count, seen } = world();
  await tagged(client);
  await client.headManifest({ ref: "latest" });
  let left = 1_000;
  const work = async () => {
    while (left-- > 0) await client.headManifest({ ref: "latest" });
  };
  assertEquals(await count(() => Promise.all(Array.from({ length: 32 }, work))), 1_000);
  assertEquals(new Set(seen.slice(-1_000)), new Set(["HEAD /v2/app/manifests/latest"]));
});

Deno.test("100 calls at once of a client that knows nothing yet are one token request", async () => {
  const { client, tokens, seen } = world();
  await Promise.all(Array.from({ length: 100 }, () => client.startBlobUpload()));
  assertEquals(tokens(), 1);
  // As many as are let out at once, 64, meet the challenge; then each goes out with the token.
  assertEquals(seen.length, 64 + 1 + 100);
  await Promise.all(
    Array.from({ length: 100 }, () => client.withRepo("other").startBlobUpload()),
  );
  assertEquals([tokens(), seen.length], [2, 165 + 1 + 100]);
});

Deno.test("no login stands between a pull and a push, with the scopes of both asked up front", async () => {
  const { client, tokens, seen } = world({ scopes: ["pull", "push"] });
  await client.headBlob({ digest: `sha256:${"0".repeat(64)}` }).catch(() => {});
  await tagged(client);
  await client.listTags();
  assertEquals(tokens(), 1);
  assertEquals(seen.filter((line) => line === "GET /v2/"), []);
});

Deno.test("a pull after a push needs no other token, whatever the scopes", async () => {
  const { client, tokens, count } = world();
  await tagged(client);
  const before = tokens();
  assertEquals(await count(() => client.listTags()), 1);
  assertEquals(tokens(), before);
});

Deno.test("clients of one host share tokens and what was learned: withRepo asks for its token alone", async () => {
  const { client, count } = world();
  await tagged(client);
  const again = client.withRepo("app");
  assertEquals(await count(() => again.listTags()), 1);
  const other = client.withRepo("other");
  assertEquals(await count(() => other.startBlobUpload()), 2);
  assertEquals(await count(() => client.withRepo("other").startBlobUpload()), 1);
});

Deno.test("Harbor: no cookie is kept, on a real connection", async () => {
  const cookies: (string | null)[] = [];
  const server = await serve({
    fetch: ({ headers }) => {
      cookies.push(headers.get("cookie"));
      return Promise.resolve(
        Response.json({ name: "app", tags: [] }, {
          headers: { "set-cookie": "sid=cookie-5ecret; Path=/; HttpOnly" },
        }),
      );
    },
  });
  try {
    const client = new RegistryClientV2({ name: `${server.url}/app` });
    for (let time = 0; time < 3; time++) await client.listTags();
    assertEquals(cookies, [null, null, null]);
  } finally {
    await server.close();
  }
});

Deno.test("credentials of one host serve no other: two clients, one source", async () => {
  const asked: string[] = [];
  const seen: string[] = [];
  const fetch = (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(input, init);
    const authorization = request.headers.get("authorization");
    seen.push(`${new URL(request.url).host} ${authorization && atob(authorization.slice(6))}`);
    return Promise.resolve(
      authorization === null
        ? new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } })
        : Response.json({ name: "app", tags: [] }),
    );
  };
  const credentials = ({ host }: { host: string }) => {
    asked.push(host);
    return { username: "you", password: `5ecret of ${host}` };
  };
  for (const name of ["a.test/app", "b.test/app"]) {
    await new RegistryClientV2({ name, fetch, credentials }).listTags();
  }
  assertEquals(asked, ["a.test", "b.test"]);
  assertEquals(seen, [
    "a.test null",
    "a.test you:5ecret of a.test",
    "b.test null",
    "b.test you:5ecret of b.test",
  ]);
  assert(seen.every((line) => !line.includes("undefined")));
});

const DIGEST = `sha256:${"a".repeat(64)}`;

/** Each tries again in its own way: a request, a download, an upload, a manifest, a list of referrers. */
const CALLS: Record<string, (client: RegistryClientV2) => Promise<unknown>> = {
  listTags: (client) => client.listTags(),
  getManifest: (client) => client.getManifest("v1"),
  getBlob: (client) => client.getBlob(DIGEST),
  putBlob: (client) => client.putBlob(new Uint8Array(5)),
  "putBlob in chunks": (client) => client.putBlob(new Uint8Array(5), { chunkSize: 2 }),
  putManifest: (client) => tagged(client),
  listReferrers: (client) => client.listReferrers(DIGEST),
  login: (client) => client.login(),
};

for (const [name, call] of Object.entries(CALLS)) {
  Deno.test(`${name}: a token service that cannot be reached is tried as often as any host`, async () => {
    const { fetch } = createRegistry({ auth: { bearer: { users: { you: PASSWORD } } } });
    let tries = 0;
    const { client } = world({
      retry: { maxAttempts: 4, minDelay: 0 },
      fetch: (input, init) => {
        const request = new Request(input, init);
        if (new URL(request.url).pathname !== "/token") return fetch(request);
        tries++;
        return Promise.reject(new TypeError("it is down"));
      },
    });
    await assertRejects(() => call(client), NetworkError, "Cannot get a token from");
    assertEquals(tries, 4);
  });
}
