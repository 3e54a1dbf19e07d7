import { assert, assertEquals } from "@std/assert";
import { memoryWire, specTest, type Wire } from "../fixture_test.ts";
import type { QuirkOptions } from "./options.ts";

async function pushTags(wire: Wire, ...tags: string[]): Promise<void> {
  for (const tag of tags) await wire.pushManifest("app", tag);
}

const PAGES: [
  name: string,
  quirks: QuirkOptions["pages"],
  query: string,
  tags: unknown,
  link?: string,
][] = [
  ["unsorted", { unsorted: true }, "", ["c", "b", "a"]],
  [
    "unsorted, a page at a time",
    { unsorted: true },
    "?n=2",
    ["b", "a"],
    '</v2/app/tags/list?n=2&last=b>; rel="next"',
  ],
  ["short", { size: 2 }, "?n=3", ["a", "b"], '</v2/app/tags/list?n=2&last=b>; rel="next"'],
  ["short, without n", { size: 2 }, "", ["a", "b"], '</v2/app/tags/list?n=2&last=b>; rel="next"'],
  ["with nulls", { nulls: true }, "?last=b", [null, "c"]],
  ["null instead of nothing", { nulls: true }, "?last=c", null],
  [
    "unquoted rel",
    { unquotedRel: true },
    "?n=1",
    ["a"],
    "</v2/app/tags/list?n=1&last=a>; rel=next",
  ],
  [
    "all of it",
    { unsorted: true, size: 2, nulls: true, unquotedRel: true },
    "?n=9",
    [null, "b", null, "a"],
    "</v2/app/tags/list?n=2&last=b>; rel=next",
  ],
];
for (const [name, pages, query, tags, link] of PAGES) {
  specTest(`quirk: end-8 GET tags/list: ${name}`, async (wire) => {
    await pushTags(wire, "a", "b", "c");
    const { json, headers } = await wire.send("GET", `/v2/app/tags/list${query}`);
    assertEquals([json, headers.get("link")], [{ name: "app", tags }, link ?? null]);
  }, { ...(pages && { quirks: { pages } }) });
}

specTest("quirk: end-8 GET tags/list: an n that is too large", async (wire) => {
  await pushTags(wire, "a");
  const { status, code } = await wire.send("GET", "/v2/app/tags/list?n=1001");
  assertEquals([status, code], [400, "PAGINATION_NUMBER_INVALID"]);
  assertEquals((await wire.send("GET", "/v2/app/tags/list?n=1000")).status, 200);
}, { quirks: { pages: { most: 1_000 } } });

const BODIES: [how: QuirkOptions["errorBodies"], type: string | null, bytes: number][] = [
  ["text", "text/plain; charset=utf-8", 25],
  ["empty", null, 0],
  ["huge", "text/plain; charset=utf-8", 10 * 1024 * 1024],
];
for (const [errorBodies, type, size] of BODIES) {
  specTest(`quirk: errors: ${errorBodies}`, async (wire) => {
    const { status, headers, bytes } = await wire.send("GET", "/v2/none/tags/list");
    assertEquals(status, 404);
    assertEquals([headers.get("content-type"), bytes.byteLength], [type, size]);
    assertEquals(wire.registry.requests[0]!.bytesOut, size);
    assertEquals((await wire.send("GET", "/v2/")).json, {});
  }, { ...(errorBodies && { quirks: { errorBodies } }) });
}

specTest("quirk: warnings, quoted", async (wire) => {
  const { headers } = await wire.send("GET", "/v2/");
  assertEquals(headers.get("warning"), '299 - "say \\"no\\"", 299 - "twice"');
}, { quirks: { warnings: ['say "no"', "twice"] } });

specTest("quirk: 20 KB of headers", async (wire) => {
  const { headers } = await wire.send("GET", "/v2/");
  assertEquals(headers.get("x-padding")?.length, 20_480);
}, { quirks: { padding: 20_480 }, memoryOnly: true });

specTest("quirk: cookies", async (wire) => {
  const { headers } = await wire.send("GET", "/v2/");
  const cookie = headers.get("set-cookie")!.split(";")[0]!;
  assert(cookie.startsWith("sid="), cookie);
  assertEquals((await wire.send("GET", "/v2/", { headers: { cookie } })).status, 403);
}, { quirks: { cookies: true } });

Deno.test("quirk: Docker Hub's quota counts GET of a manifest, and comes again", async () => {
  let now = 1_000_000;
  const wire = memoryWire({
    now: () => now,
    quirks: { rateLimit: { limit: 2, window: 60 } },
  });
  await wire.pushManifest("app", "v1");
  const got: unknown[] = [];
  for (const method of ["HEAD", "GET", "HEAD", "GET", "GET", "HEAD"]) {
    const { status, headers } = await wire.send(method, "/v2/app/manifests/v1");
    got.push([method, status, headers.get("ratelimit-remaining"), headers.get("retry-after")]);
    now += 1_000;
  }
  assertEquals(got, [
    ["HEAD", 200, "2;w=60", null],
    ["GET", 200, "1;w=60", null],
    ["HEAD", 200, "1;w=60", null],
    ["GET", 200, "0;w=60", null],
    ["GET", 429, "0;w=60", "56"],
    ["HEAD", 200, "0;w=60", null],
  ]);
  now += 60_000;
  const { status, headers } = await wire.send("GET", "/v2/app/manifests/v1");
  assertEquals([status, headers.get("ratelimit-limit")], [200, "2;w=60"]);
});

const BEARER = {
  auth: { bearer: { users: { me: { password: "secret", repositories: ["app"] } } } },
};
const BASIC = `Basic ${btoa("me:secret")}`;

async function token(wire: Wire, scope: string): Promise<string> {
  const path = `/token?service=davit&scope=${encodeURIComponent(scope)}`;
  const { json } = await wire.send("GET", path, { headers: { authorization: BASIC } });
  return `Bearer ${json.token ?? json.access_token}`;
}

const ANSWERS: [name: string, quirks: QuirkOptions["tokens"], keys: string[]][] = [
  ["no expires_in", { noExpiry: true }, ["access_token", "token"]],
  ["token alone", { only: "token" }, ["expires_in", "token"]],
  ["access_token alone", { only: "access_token" }, ["access_token", "expires_in"]],
];
for (const [name, tokens, keys] of ANSWERS) {
  Deno.test(`quirk: tokens: ${name}`, async () => {
    const wire = memoryWire({ ...BEARER, ...(tokens && { quirks: { tokens } }) });
    const { json } = await wire.send("GET", "/token", { headers: { authorization: BASIC } });
    const known = ["access_token", "expires_in", "token"];
    assertEquals(Object.keys(json).filter((key) => known.includes(key)).sort(), keys);
  });
}

Deno.test("quirk: tokens: an action that is refused, a method that is not taken", async () => {
  const quirks = { tokens: { refusedActions: ["delete"], postStatus: 405 } };
  const wire = memoryWire({ ...BEARER, quirks });
  const asked = ["pull", "pull,delete", "*"].map(async (actions) =>
    (await wire.send("GET", `/token?scope=repository:app:${actions}`, {
      headers: { authorization: BASIC },
    })).status
  );
  assertEquals(await Promise.all(asked), [200, 400, 200]);
  assertEquals((await wire.send("POST", "/token", { body: "grant_type=password" })).status, 405);
});

Deno.test("quirk: tokens: an exchange for a refresh token, which is a password too", async () => {
  const user = "00000000-0000-0000-0000-000000000000";
  const users = { [user]: "a token of Entra" };
  const wire = memoryWire({
    auth: { bearer: { realm: "/oauth2/token", service: "me.azurecr.io", users } },
    quirks: { tokens: { exchangeFor: user, only: "access_token" } },
  });
  const exchange = (fields: Record<string, string>) =>
    wire.send("POST", "/oauth2/exchange", { body: new URLSearchParams(fields) });
  const fields = { grant_type: "access_token", service: "me.azurecr.io", tenant: "t" };
  assertEquals((await exchange({ ...fields, access_token: "another" })).status, 401);
  assertEquals((await exchange(fields)).status, 400);
  assertEquals((await exchange({ ...fields, grant_type: "password" })).status, 400);
  const long = await exchange({ ...fields, access_token: "x".repeat(70_000) });
  assertEquals([long.status, long.code], [400, "UNSUPPORTED"]);
  const { status, json } = await exchange({ ...fields, access_token: users[user]! });
  assertEquals([status, Object.keys(json)], [200, ["refresh_token"]]);

  const scope = "repository:app:pull,push";
  const service = "me.azurecr.io";
  const form = { grant_type: "refresh_token", refresh_token: json.refresh_token, service, scope };
  const byForm = await wire.send("POST", "/oauth2/token", { body: new URLSearchParams(form) });
  const login = (password: string) =>
    wire.send("GET", `/oauth2/token?service=${service}&scope=${scope}`, {
      headers: { authorization: `Basic ${btoa(`${user}:${password}`)}` },
    });
  assertEquals((await login("wrong")).status, 401);
  for (const answer of [byForm, await login(json.refresh_token)]) {
    assertEquals([answer.status, "token" in answer.json], [200, false]);
    const headers = { authorization: `Bearer ${answer.json.access_token}` };
    assertEquals((await wire.send("POST", "/v2/app/blobs/uploads/", { headers })).status, 202);
  }
});

Deno.test("quirk: challenges: only at end-1, with a scope, and a realm elsewhere", async () => {
  const wire = memoryWire({
    ...BEARER,
    quirks: {
      challengeOnPing: true,
      pingScope: "repository:user/image:pull",
      realmOrigin: { host: "registry.test", origin: "https://auth.test" },
    },
  });
  const tags = await wire.send("GET", "/v2/app/tags/list");
  assertEquals([tags.status, tags.headers.get("www-authenticate")], [401, null]);
  assertEquals(
    (await wire.send("GET", "/v2/")).headers.get("www-authenticate"),
    'Bearer realm="https://auth.test/token",service="davit",scope="repository:user/image:pull"',
  );
  assertEquals(
    (await wire.send("GET", "http://127.0.0.1:5000/v2/")).headers.get("www-authenticate"),
    'Bearer realm="http://127.0.0.1:5000/token",service="davit",scope="repository:user/image:pull"',
  );
});

Deno.test("quirk: 403 for a token that is not for this, 400 for one that has ended", async () => {
  let now = Date.now();
  const wire = memoryWire({
    ...BEARER,
    now: () => now,
    quirks: { deniedStatus: 403, endedTokenStatus: 400 },
  });
  const authorization = await token(wire, "repository:app:pull");
  const denied = await wire.send("GET", "/v2/other/tags/list", { headers: { authorization } });
  assertEquals([denied.status, denied.headers.get("www-authenticate")], [403, null]);
  now += 24 * 60 * 60 * 1_000;
  const ended = await wire.send("GET", "/v2/app/tags/list", { headers: { authorization } });
  assertEquals(ended.status, 400);
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).status, 401);
});
