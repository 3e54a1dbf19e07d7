import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { encodeText } from "../../content/bytes.ts";
import { InvalidOptionError } from "../../errors.ts";
import { EMPTY_DIGEST, memoryWire, specTest, TestClock, type Wire } from "../fixture_test.ts";
import { createRegistry } from "../registry.ts";
import type { RegistryAuth } from "./options.ts";
import { tokenService } from "./token_service.ts";

const users = {
  admin: "secret",
  reader: { password: "r", actions: ["pull"], repositories: ["app"] },
} as const;
const auth: RegistryAuth = { bearer: { users, anonymous: ["pull"] } };

function basic(user: string, password: string): { authorization: string } {
  return { authorization: `Basic ${btoa(`${user}:${password}`)}` };
}

function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

async function tokenFor(wire: Wire, query: string, headers?: HeadersInit): Promise<string> {
  const { status, json } = await wire.send("GET", `/token?service=davit&${query}`, {
    ...(headers && { headers }),
  });
  assertEquals(status, 200);
  return json.token;
}

function post(wire: Wire, form: Record<string, string>) {
  return wire.send("POST", "/token", {
    body: new URLSearchParams({ service: "davit", client_id: "test", ...form }),
  });
}

specTest("Bearer: every endpoint challenges with its scope", async (wire) => {
  const cases: [method: string, path: string, scope: string | undefined][] = [
    ["GET", "/v2/", undefined],
    ["GET", "/v2/_catalog", "registry:catalog:*"],
    ["GET", "/v2/a/b/tags/list", "repository:a/b:pull"],
    ["GET", "/v2/app/manifests/v1", "repository:app:pull"],
    ["PUT", "/v2/app/manifests/v1", "repository:app:pull,push"],
    ["DELETE", "/v2/app/manifests/v1", "repository:app:delete"],
    ["GET", `/v2/app/blobs/${EMPTY_DIGEST}`, "repository:app:pull"],
    ["DELETE", `/v2/app/blobs/${EMPTY_DIGEST}`, "repository:app:delete"],
    ["POST", "/v2/app/blobs/uploads/", "repository:app:pull,push"],
    ["GET", "/v2/app/blobs/uploads/x", "repository:app:pull,push"],
    ["GET", `/v2/app/referrers/${EMPTY_DIGEST}`, "repository:app:pull"],
    [
      "POST",
      `/v2/app/blobs/uploads/?mount=${EMPTY_DIGEST}&from=src`,
      "repository:app:pull,push repository:src:pull",
    ],
  ];
  for (const [method, path, scope] of cases) {
    const { status, code, headers } = await wire.send(method, path);
    assertEquals([status, code], [401, "UNAUTHORIZED"], path);
    assertEquals(
      headers.get("www-authenticate"),
      `Bearer realm="${wire.origin}/token",service="davit"` +
        (scope === undefined ? "" : `,scope="${scope}"`),
      path,
    );
  }
}, { auth });

specTest("Bearer: a token opens what it is for, and nothing else", async (wire) => {
  const token = await tokenFor(wire, "scope=repository:app:pull,push", basic("admin", "secret"));
  const headers = bearer(token);
  const push = `/v2/app/blobs/uploads/?digest=${EMPTY_DIGEST}`;
  assertEquals((await wire.send("POST", push, { headers })).status, 201);
  assertEquals((await wire.send("GET", "/v2/", { headers })).status, 200);
  assertEquals((await wire.send("GET", "/v2/app/tags/list", { headers })).status, 200);
  const refused: [method: string, path: string, scope: string][] = [
    ["DELETE", `/v2/app/blobs/${EMPTY_DIGEST}`, "repository:app:delete"],
    ["GET", "/v2/other/tags/list", "repository:other:pull"],
    ["GET", "/v2/app/x/tags/list", "repository:app/x:pull"],
    ["GET", "/v2/_catalog", "registry:catalog:*"],
  ];
  for (const [method, path, scope] of refused) {
    const { status, code, headers: got } = await wire.send(method, path, { headers });
    assertEquals([status, code], [401, "DENIED"], path);
    assert(
      got.get("www-authenticate")?.endsWith(`,scope="${scope}",error="insufficient_scope"`),
      got.get("www-authenticate")!,
    );
  }
}, { auth });

specTest("Bearer: an anonymous token is no authentication: UNAUTHORIZED", async (wire) => {
  const token = await tokenFor(wire, "scope=repository:app:pull,push");
  for (const headers of [{}, bearer(token)]) {
    const { status, code } = await wire.send("POST", "/v2/app/blobs/uploads/", { headers });
    assertEquals([status, code], [401, "UNAUTHORIZED"]);
  }
}, { auth });

specTest("Bearer: a token that is none is answered with invalid_token", async (wire) => {
  const authorizations = [
    "Bearer abc",
    "Bearer",
    "Bearer ",
    basic("admin", "secret").authorization,
  ];
  for (const authorization of authorizations) {
    const { status, code, headers } = await wire.send("GET", "/v2/", {
      headers: { authorization },
    });
    assertEquals([status, code], [401, "UNAUTHORIZED"], authorization);
    assert(headers.get("www-authenticate")?.endsWith(',error="invalid_token"'), authorization);
  }
}, { auth });

specTest("GET token: what was asked for, cut to what the user may do", async (wire) => {
  const cases: [query: string, headers: HeadersInit | undefined, scope: string][] = [
    ["scope=repository:app:pull,push", basic("reader", "r"), "repository:app:pull"],
    ["scope=repository:other:pull", basic("reader", "r"), ""],
    ["scope=repository:app:*", basic("admin", "secret"), "repository:app:pull,push,delete"],
    [
      "scope=repository:a:pull&scope=repository:b:push",
      basic("admin", "secret"),
      "repository:a:pull repository:b:push",
    ],
    ["scope=repository:app:pull,push", undefined, "repository:app:pull"],
    ["scope=repository:app:pull,push", basic("", ""), "repository:app:pull"],
    ["scope=registry:catalog:*", basic("admin", "secret"), "registry:catalog:*"],
    ["scope=registry:catalog:*", basic("reader", "r"), ""],
    ["scope=registry:catalog:*", undefined, ""],
    ["", undefined, ""],
  ];
  for (const [query, headers, scope] of cases) {
    const { status, json, headers: got } = await wire.send("GET", `/token?service=davit&${query}`, {
      ...(headers && { headers }),
    });
    assertEquals([status, json.scope], [200, scope], query);
    assertEquals([json.token, json.expires_in], [json.access_token, 300]);
    assertEquals(json.refresh_token, undefined);
    assert(Number.isFinite(Date.parse(json.issued_at)), json.issued_at);
    assertEquals(got.get("cache-control"), "no-store");
  }
}, { auth });

specTest("GET token: 401 for wrong credentials, 400 for another service", async (wire) => {
  for (const headers of [basic("admin", "x"), basic("nobody", "x"), bearer("x")]) {
    const { status, json } = await wire.send("GET", "/token?service=davit", { headers });
    assertEquals([status, json.error, json.errors[0].code], [
      401,
      "invalid_client",
      "UNAUTHORIZED",
    ]);
  }
  const other = await wire.send("GET", "/token?service=other");
  assertEquals([other.status, other.json.error], [400, "invalid_request"]);
  const none = await wire.send("GET", "/token");
  assertEquals(none.status, 200);
}, { auth });

specTest("POST token with a password: a token, and a refresh token when asked", async (wire) => {
  const form = {
    grant_type: "password",
    username: "admin",
    password: "secret",
    scope: "repository:a:pull repository:b:push",
  };
  const first = await post(wire, form);
  assertEquals([first.status, first.json.scope], [200, form.scope]);
  assertEquals(first.json.refresh_token, undefined);
  const second = await post(wire, { ...form, access_type: "offline" });
  assertEquals(typeof second.json.refresh_token, "string");
  assertNotEquals(second.json.access_token, first.json.access_token);
}, { auth });

specTest("POST token with a refresh token: a token for what the user may do", async (wire) => {
  const query = "/token?service=davit&offline_token=true";
  const login = await wire.send("GET", query, { headers: basic("reader", "r") });
  const refresh: string = login.json.refresh_token;
  const { status, json } = await post(wire, {
    grant_type: "refresh_token",
    refresh_token: refresh,
    scope: "repository:app:pull,push",
  });
  assertEquals([status, json.scope, json.refresh_token], [200, "repository:app:pull", refresh]);
  const headers = bearer(json.access_token);
  assertEquals((await wire.send("GET", "/v2/app/tags/list", { headers })).code, "NAME_UNKNOWN");
}, { auth });

specTest("GET token without a login: no refresh token", async (wire) => {
  const { json } = await wire.send("GET", "/token?offline_token=true");
  assertEquals(json.refresh_token, undefined);
}, { auth });

specTest("POST token: 401 for wrong credentials, 400 for what is no request", async (wire) => {
  const cases: [form: Record<string, string>, status: number, error: string][] = [
    [{ grant_type: "password", username: "admin", password: "x" }, 401, "invalid_grant"],
    [{ grant_type: "password" }, 400, "invalid_request"],
    [{ grant_type: "password", username: "admin" }, 400, "invalid_request"],
    [{ grant_type: "password", username: "", password: "secret" }, 400, "invalid_request"],
    [{ grant_type: "refresh_token", refresh_token: "x" }, 401, "invalid_grant"],
    [{ grant_type: "refresh_token" }, 400, "invalid_request"],
    [{ grant_type: "authorization_code" }, 400, "unsupported_grant_type"],
    [{}, 400, "unsupported_grant_type"],
    [{ grant_type: "password", padding: "x".repeat(70_000) }, 400, "invalid_request"],
    [
      { grant_type: "password", username: "admin", password: "secret", service: "other" },
      400,
      "invalid_request",
    ],
  ];
  for (const [form, status, error] of cases) {
    const got = await post(wire, form);
    assertEquals([got.status, got.json.error], [status, error], JSON.stringify(form).slice(0, 80));
    const challenge = status === 401 ? 'Basic realm="davit", charset="UTF-8"' : null;
    assertEquals(got.headers.get("www-authenticate"), challenge);
  }
  const login = "grant_type=password&username=admin&password=secret";
  const bodies: [
    body: string | Uint8Array<ArrayBuffer>,
    type: string | undefined,
    status: number,
  ][] = [
    [login, "application/x-www-form-urlencoded; charset=utf-8", 200],
    [encodeText(login), undefined, 200],
    [JSON.stringify({ grant_type: "password" }), "application/json", 400],
    [login, "text/plain", 400],
    [`${login}&password=other`, undefined, 400],
    [`${login}&grant_type=refresh_token`, undefined, 400],
    [new Uint8Array([0xff, 0xfe]), undefined, 400],
  ];
  for (const [body, type, status] of bodies) {
    const headers: Record<string, string> = type === undefined ? {} : { "content-type": type };
    const bytes = typeof body === "string" ? encodeText(body) : body;
    const got = await wire.send("POST", "/token", { body: bytes, headers });
    assertEquals(got.status, status, `${body} ${type}`);
  }
  const twice = await wire.send("GET", "/token?service=davit&service=davit");
  assertEquals([twice.status, twice.json.error], [400, "invalid_request"]);
  const put = await wire.send("PUT", "/token");
  assertEquals([put.status, put.code, put.headers.get("allow")], [405, "UNSUPPORTED", "GET, POST"]);
}, { auth });

Deno.test("Bearer: a token ends after its time, not before", async () => {
  let time = 1_000_000;
  const wire = memoryWire({ auth: { bearer: { users, expiresIn: 60 } }, now: () => time });
  const token = await tokenFor(wire, "scope=repository:app:pull", basic("admin", "secret"));
  const ask = () => wire.send("GET", "/v2/", { headers: bearer(token) });
  time += 59_999;
  assertEquals((await ask()).status, 200);
  time += 1;
  const late = await ask();
  assertEquals(late.status, 401);
  assert(late.headers.get("www-authenticate")?.includes('error="invalid_token"'));
});

Deno.test("Bearer: realm as a path, as a URL, and the service", async () => {
  const cases: [realm: string, href: string, path: string][] = [
    ["/auth/token", "http://registry.test/auth/token", "/auth/token"],
    ["https://auth.test/t?x=1", "https://auth.test/t?x=1", "/t"],
  ];
  for (const [realm, href, path] of cases) {
    const wire = memoryWire({ auth: { bearer: { users, realm, service: 'a "b"' } } });
    const { headers } = await wire.send("GET", "/v2/");
    assertEquals(
      headers.get("www-authenticate"),
      `Bearer realm="${href}",service="a \\"b\\""`,
    );
    assertEquals((await wire.send("GET", `${path}?service=a "b"`)).status, 200);
    assertEquals((await wire.send("GET", "/token")).status, 404);
  }
});

Deno.test("Bearer: options that cannot be used: InvalidOptionError", () => {
  for (const bearer of [{ realm: "http://" }, { expiresIn: 0 }, { expiresIn: 1.5 }]) {
    assertThrows(() => createRegistry({ auth: { bearer } }), InvalidOptionError);
  }
});

specTest("Bearer: a mount needs pull on the source; without it a session", async (wire) => {
  const admin = basic("admin", "secret");
  const push = bearer(await tokenFor(wire, "scope=repository:src:pull,push", admin));
  const path = `/v2/src/blobs/uploads/?digest=${EMPTY_DIGEST}`;
  assertEquals((await wire.send("POST", path, { headers: push })).status, 201);
  const target = "scope=repository:dst:pull,push";
  const narrow = bearer(await tokenFor(wire, target, admin));
  const wide = bearer(await tokenFor(wire, `${target}&scope=repository:src:pull`, admin));
  for (const query of [`mount=${EMPTY_DIGEST}&from=src`, `mount=${EMPTY_DIGEST}`]) {
    const mount = `/v2/dst/blobs/uploads/?${query}`;
    assertEquals((await wire.send("POST", mount, { headers: narrow })).status, 202, query);
  }
  const mount = `/v2/dst/blobs/uploads/?mount=${EMPTY_DIGEST}&from=src`;
  assertEquals((await wire.send("POST", mount, { headers: wide })).status, 201);
}, { auth });

Deno.test("tokenService: a form that stands still: 408 after its time; one that is too long: 400", async () => {
  const { now, later, pass } = new TestClock();
  const service = tokenService({ users, now, later, stallTimeout: 1_000 });
  const ask = (body: BodyInit) =>
    service(
      new Request("http://auth.test/", { method: "POST", body, duplex: "half" } as RequestInit),
    );
  let cancelled = false;
  const stalled = ask(new ReadableStream({ cancel: () => void (cancelled = true) }));
  await pass(999);
  assertEquals(cancelled, false);
  await pass(1);
  const { status, headers } = await stalled;
  assertEquals([status, headers.get("connection"), cancelled], [408, "close", true]);
  assertEquals((await ask("x".repeat(70_000))).status, 400);
  assertThrows(() => tokenService({ users, stallTimeout: 0 }), InvalidOptionError, "stallTimeout");
});
