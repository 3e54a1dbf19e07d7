/**
 * Everything that is told of many faults in a row, searched for every secret at once; and the proof
 * that the search finds one. Each fault test searches its own too.
 */
import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import {
  ApiError,
  connect,
  type DavitEvent,
  NetworkError,
  RegistryClientV2,
} from "@davit/registry-client";
import { harborCredentials } from "@davit/registry-client/auth";
import { createRegistry, serve } from "@davit/registry-client/server";
import { leaks, SECRETS, shown, USERNAME } from "./secrets.ts";
import { challenged, type Fault, ORIGIN, sha256, UNKNOWN, utf8, World } from "./world.ts";

const CONTENT = utf8("x".repeat(100_000));
const DIGEST = await sha256(CONTENT);

const calls: [name: string, call: (world: World) => Promise<unknown>][] = [
  ["ping", ({ client }) => client.ping()],
  ["login", ({ client }) => client.login()],
  ["listTags", ({ client }) => client.listTags()],
  ["getManifest", ({ client }) => client.getManifest({ ref: "latest" })],
  [
    "getManifest, redirects shown",
    ({ client }) => client.getManifest({ ref: "latest", followRedirects: false }),
  ],
  ["headManifest", ({ client }) => client.headManifest({ ref: "latest" })],
  ["getBlob", async ({ client }) => await (await client.getBlob(DIGEST)).bytes()],
  ["headBlob", ({ client }) => client.headBlob({ digest: DIGEST })],
  ["putBlob", ({ client }) => client.putBlob(CONTENT)],
  [
    "putBlob of a stream",
    ({ client }) => client.putBlob(new Blob([CONTENT]).stream(), { size: CONTENT.byteLength }),
  ],
  ["putBlob in chunks", ({ client }) => client.putBlob(CONTENT, { chunkSize: 40_000 })],
  ["mountBlob", ({ client }) => client.mountBlob({ digest: UNKNOWN, from: "other" })],
  ["deleteBlob", ({ client }) => client.deleteBlob({ digest: UNKNOWN })],
  ["listReferrers", ({ client }) => client.listReferrers({ digest: UNKNOWN })],
  ["an upload's session", async ({ client }) => {
    let session = await client.startBlobUpload();
    session = await client.uploadBlobChunk({ session, data: utf8("x") });
    return await client.completeBlobUpload({ session, digest: UNKNOWN });
  }],
];

const signed = `https://storage.test/blob?X-Amz-Signature=${SECRETS.signature}`;
const headers = { "set-cookie": `session=${SECRETS.cookie}`, location: signed };

const json = (status: number, value: unknown) => Response.json(value, { status });

/** Where a registry, or a proxy in front of it, may repeat what it was sent. */
const REPEATS: [place: string, repeat: (sent: string) => Response][] = [
  ["a message", (sent) => json(403, { errors: [{ code: "DENIED", message: sent }] })],
  ["a code", (sent) => json(400, { errors: [{ code: sent, message: "no" }] })],
  ["a detail", (sent) => json(404, { errors: [{ code: "X", detail: { headers: [sent] } }] })],
  ["a detail's name", (sent) => json(404, { errors: [{ code: "X", detail: { [sent]: 1 } }] })],
  ["text", (sent) => new Response(`denied: ${sent}`, { status: 403 })],
  ["long text", (sent) => new Response(`${"x".repeat(1_990)}${sent}`, { status: 403 })],
  [
    "a proxy's page",
    (sent) => new Response(`<html><title>502 ${sent}</title></html>`, { status: 502 }),
  ],
  ["its status text", (sent) => new Response(null, { status: 403, statusText: sent })],
  [
    "a header of an error",
    (sent) => new Response("", { status: 500, headers: { "x-sent": sent } }),
  ],
  [
    "a warning",
    (sent) => new Response("{}", { status: 400, headers: { warning: `299 - "you sent ${sent}"` } }),
  ],
  [
    "a redirect's path",
    (sent) => new Response(null, { status: 307, headers: { location: `https://x.test/${sent}` } }),
  ],
  [
    "a redirect to something else",
    (sent) => new Response(null, { status: 302, headers: { location: `ftp://x.test/${sent}` } }),
  ],
  ["a challenge", (sent) =>
    new Response(null, {
      status: 401,
      headers: {
        "www-authenticate": `Bearer realm="${ORIGIN}/token/${
          encodeURIComponent(sent)
        }",scope="a:${sent}"`,
      },
    })],
];

/** Faults with secrets in every place where real services have some. */
const faults: [name: string, fault: Fault][] = [
  ["nothing", () => undefined],
  [
    "500 with a cookie and a location",
    ({ headers: sent }, url) =>
      sent.has("authorization") && url.pathname.startsWith("/v2/")
        ? new Response("oops", { status: 500, headers })
        : undefined,
  ],
  ["storage that breaks", ({ headers: sent }, url) => {
    if (url.host === "storage.test") throw new TypeError(`error sending request for url (${url})`);
    return sent.has("authorization") && /blobs\/sha|manifests/.test(url.pathname)
      ? new Response("", { status: 307, headers })
      : undefined;
  }],
  ["storage that refuses", ({ headers: sent }, url) => {
    if (url.host === "storage.test") {
      return new Response(`<Error><StringToSign>${url.pathname}</StringToSign></Error>`, {
        status: 403,
      });
    }
    return sent.has("authorization") && /blobs\/sha|manifests/.test(url.pathname)
      ? new Response("", { status: 307, headers })
      : undefined;
  }],
  ["storage that redirects in a circle", ({ headers: sent }, url) =>
    url.host === "storage.test" ||
      (sent.has("authorization") && /blobs\/sha|manifests/.test(url.pathname))
      ? new Response("", { status: 307, headers })
      : undefined],
  [
    "uploads that fail",
    ({ method, headers: sent }) =>
      ["PATCH", "PUT"].includes(method) && sent.has("authorization")
        ? new Response("", {
          status: 416,
          headers: { location: `/v2/app/blobs/uploads/1?_state=${SECRETS.state}` },
        })
        : undefined,
  ],
  ["uploads whose connection breaks", ({ method }, url) => {
    if (["PATCH", "PUT"].includes(method)) throw new TypeError(`reset (${url.href})`);
    return undefined;
  }],
  ["a token service that breaks", (_request, url) => {
    if (url.pathname === "/token") throw new TypeError(`no route to ${url}`);
    return undefined;
  }],
  ["a token service that repeats what it was sent", async (request, url) => {
    if (url.pathname !== "/token") return undefined;
    const text = `bad: ${url} ${request.headers.get("authorization")} ${await request.text()}`;
    return new Response(text, { status: 401 });
  }],
  [
    "a token service that answers nonsense around a token",
    (_request, url) =>
      url.pathname === "/token" ? new Response(`{"token":"${SECRETS.token}"`) : undefined,
  ],
  ["a token that the registry refuses", ({ headers: sent }, url) => {
    if (url.pathname === "/token") return Response.json({ token: SECRETS.token });
    return sent.has("authorization")
      ? challenged(`Bearer realm="${ORIGIN}/token?key=${SECRETS.realmKey}",error="x"`)
      : undefined;
  }],
  [
    "a realm elsewhere with a user in its URL",
    (_request, url) =>
      url.pathname.startsWith("/v2/")
        ? challenged(
          `Bearer realm="https://u:${SECRETS.realmKey}@auth.test/token?k=${SECRETS.realmKey}"`,
        )
        : new Response("", { status: 403 }),
  ],
  ...REPEATS.map(([place, repeat]): [string, Fault] => [
    `a registry that repeats what it was sent in ${place}`,
    (request, url) => {
      const sent = request.headers.get("authorization");
      if (sent === null || !url.pathname.startsWith("/v2/")) return undefined;
      return repeat(`${sent} ${SECRETS.password} ${encodeURIComponent(sent)}`);
    },
  ]),
  ["storage that repeats its signed URL", ({ headers: sent }, url) => {
    if (url.host === "storage.test") {
      return new Response(`SignatureDoesNotMatch: ${url.search} of ${url}`, { status: 403 });
    }
    return sent.has("authorization") && /blobs\/sha|manifests/.test(url.pathname)
      ? new Response("", { status: 307, headers })
      : undefined;
  }],
  [
    "a link that leads away",
    ({ headers: sent }, url) =>
      url.pathname.includes("tags") && sent.has("authorization")
        ? Response.json({ tags: [] }, {
          headers: { link: `<https://u:${SECRETS.state}@x.test/?t=${SECRETS.state}>; rel="next"` },
        })
        : undefined,
  ],
  [
    "a location with a user in it",
    ({ method, headers: sent }) =>
      method === "POST" && sent.has("authorization")
        ? new Response("", {
          status: 202,
          headers: { location: `http://u:${SECRETS.state}@x.test/?t=${SECRETS.state}` },
        })
        : undefined,
  ],
];

Deno.test("no error, event, JSON or printed object of all these runs shows a secret", async () => {
  let errors = 0;
  let events = 0;
  for (const [fault, answer] of faults) {
    for (const [name, call] of calls) {
      const world = new World({ fault: answer });
      await world.caught(() => call(world)).catch(() => {});
      for (const value of [...world.errors, world.events, world.client]) {
        assertEquals(leaks(value, world.tokens), [], `${fault}: ${name}: ${shown(value)}`);
      }
      errors += world.errors.length;
      events += world.events.length;
      for (const error of world.errors) {
        assert(error instanceof ApiError, `${fault}: ${name}: ${Deno.inspect(error)}`);
      }
    }
  }
  assertGreater(errors, 90);
  assertGreater(events, 500);
});

Deno.test("what is answered shows no signed URL when it is printed", async () => {
  const blob = utf8("hello");
  const digest = await sha256(blob);
  const world = new World({
    fault: ({ headers: sent }, url) =>
      url.host === "storage.test"
        ? new Response(blob, { headers: { "x-sent": SECRETS.state, "content-length": "5" } })
        : sent.has("authorization") && url.pathname.includes("/blobs/")
        ? new Response("", { status: 307, headers })
        : undefined,
  });
  const { client } = world;
  const answers: unknown[] = [
    await client.getBlob(digest),
    await client.createBlobReadStream({ digest }),
    await client.headBlob({ digest }),
    await client.ping({ expectStatus: [200, 401] }),
    client,
    client.withRepo("other"),
  ];
  for (const answer of answers) assertEquals(leaks(answer, world.tokens), [], shown(answer));
  for (const answer of answers.slice(0, 2)) {
    const { stream } = answer as { stream: ReadableStream };
    await stream.cancel();
  }
  assertEquals(client.password, SECRETS.password);
});

const { password } = SECRETS;
const OPTIONS: [name: string, make: () => unknown][] = [
  [
    "a reference",
    () => new RegistryClientV2({ name: `https://u:${password}@host/name@${UNKNOWN}` }),
  ],
  ["a registry", () => new RegistryClientV2({ name: `https://u:${password}@host:5000` })],
  [
    "trustedRealms",
    () =>
      new RegistryClientV2({
        name: "r.test/a",
        trustedRealms: { "r.test": `u:${password}@sso.test` },
      }),
  ],
  [
    "a host",
    () => new RegistryClientV2({ name: "r.test/a", hosts: { [`u:${password}@r.test`]: {} } }),
  ],
  ...["u:$@mirror.test", "https://u:$@mirror.test/A", "u:$@mirror.test:5000/cache"].map((
    url,
  ): [string, () => unknown] => [
    `a mirror ${url}`,
    () =>
      new RegistryClientV2({
        name: "r.test/a",
        hosts: { "r.test": { mirrors: [{ url: url.replace("$", password) }] } },
      }),
  ]),
  ...["ftp://u:$@proxy.test", "http://u:$@pro xy", "http://u:$%zz@proxy.test"].map((
    url,
  ): [string, () => unknown] => [
    `a proxy ${url}`,
    () => new RegistryClientV2({ name: "r.test/a", proxy: url.replace("$", password) }),
  ]),
  ["connect", () => connect(`https://u:${password}@host`)],
  ["connect, without a scheme", () => connect(`u:${password}@host`)],
  [
    "a provider's host",
    () =>
      harborCredentials({ host: `u:${password}@h.test`, robot: "robot$a", token: "t" } as never),
  ],
];

for (const [name, make] of OPTIONS) {
  Deno.test(`an option that cannot be used shows no password: ${name}`, () => {
    const error = assertThrows(make);
    assert(error instanceof ApiError, String(error));
    assertEquals(leaks(error), [], shown(error));
  });
}

Deno.test("the search finds each secret where it is", () => {
  const encoded = btoa(`${USERNAME}:${SECRETS.password}`);
  for (const [name, secret] of Object.entries(SECRETS)) {
    const places: unknown[] = [
      new Error(`message ${secret}`),
      new Error("cause", { cause: new Error(secret) }),
      Object.assign(new Error("field"), { url: `https://x/?${secret}` }),
      Object.assign(new Error("response"), { resp: new Response("", { headers: { x: secret } }) }),
      { type: "request", url: `https://x/?y=${secret}` },
      { deep: { er: [{ than: secret }] } },
      new Map([["key", secret]]),
    ];
    for (const place of places) assertEquals(leaks(place), [name], Deno.inspect(place));
  }
  assertEquals(leaks({ header: `Basic ${encoded}` }).includes("basic"), true);
  assertEquals(leaks(new Error("t0k3n"), ["t0k3n"]), ["a token of the token service"]);
  assertEquals(leaks(new Error("nothing")), []);
});

Deno.test("the runtime's own errors do not show a signed URL: connections that are refused", async () => {
  const registry = createRegistry();
  const events: DavitEvent[] = [];
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const storage = `http://127.0.0.1:${port}/blob?X-Amz-Signature=${SECRETS.signature}`;
  const server = await serve({
    fetch: (request) =>
      request.url.includes("/blobs/")
        ? Promise.resolve(new Response("", { status: 307, headers: { location: storage } }))
        : registry.fetch(request),
  });
  try {
    for (const insecure of [false, true]) {
      const client = new RegistryClientV2({
        name: `${server.url}/app`,
        insecure,
        token: SECRETS.token,
        retry: { maxAttempts: 2, minDelay: 0 },
        onEvent: (event) => events.push(event),
      });
      const error = await client.getBlob(DIGEST).then(() => undefined, (error) => error);
      assert(error instanceof NetworkError, Deno.inspect(error));
      assertEquals(leaks(error), [], shown(error));
    }
    assertEquals(leaks(events), []);
  } finally {
    await server.close();
  }
});
