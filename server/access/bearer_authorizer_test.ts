import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { decodeJwt } from "jose";
import { InvalidOptionError } from "../../errors.ts";
import { memoryWire, type Wire } from "../fixture_test.ts";
import type { BearerAuthOptions, TokenServiceOptions } from "./options.ts";
import { createTokenKey, tokenKeySet } from "./token_keys.ts";
import { tokenService } from "./token_service.ts";

const KEY = await createTokenKey();
const KEYS = await tokenKeySet(KEY);
const users = { me: "secret", reader: { password: "r", actions: ["pull"] } } as const;
const REALM = "https://auth.test/token";

function basic(text: string): { authorization: string } {
  return { authorization: `Basic ${btoa(text)}` };
}

function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

function registry(options: BearerAuthOptions, now?: () => number): Wire {
  return memoryWire({ auth: { bearer: options }, ...(now && { now }) });
}

async function answerOf(
  service: (request: Request) => Promise<Response>,
  query: string,
  headers: HeadersInit = basic("me:secret"),
  // deno-lint-ignore no-explicit-any
): Promise<any> {
  return await (await service(new Request(`${REALM}?${query}`, { headers }))).json();
}

async function form(
  service: (request: Request) => Promise<Response>,
  fields: Record<string, string>,
): Promise<Response> {
  const body = new URLSearchParams(fields);
  return await service(new Request(REALM, { method: "POST", body }));
}

async function statusWith(wire: Wire, token: string, path = "/v2/"): Promise<number> {
  return (await wire.send("GET", path, { headers: bearer(token) })).status;
}

Deno.test("a token says what the specification of tokens asks for", async () => {
  const now = 1_700_000_000_500;
  const service = tokenService({ key: KEY, users, service: "here", issuer: "us", now: () => now });
  const scopes = "scope=repository:a:pull,push&scope=registry:catalog:*";
  const { token } = await answerOf(service, `service=here&${scopes}`);
  const { jti, ...claims } = decodeJwt(token);
  assertEquals(claims, {
    iss: "us",
    aud: "here",
    sub: "me",
    iat: 1_700_000_000,
    nbf: 1_699_999_990,
    exp: 1_700_000_300,
    access: [
      { type: "repository", name: "a", actions: ["pull", "push"] },
      { type: "registry", name: "catalog", actions: ["*"] },
    ],
  });
  assertMatch(jti!, /^[0-9a-f-]{36}$/);
  const anonymous = decodeJwt((await answerOf(service, "scope=repository:a:pull", {})).token);
  assertEquals([anonymous.sub, anonymous["access"]], ["", []]);
});

Deno.test("a token service alone, and a registry that knows its public key", async () => {
  const service = tokenService({ key: KEY, users });
  const wire = registry({ realm: REALM, keys: KEYS });
  const asked = await wire.send("GET", "/v2/app/tags/list");
  assertEquals(
    asked.headers.get("www-authenticate"),
    `Bearer realm="${REALM}",service="davit",scope="repository:app:pull"`,
  );
  const { token } = await answerOf(service, "service=davit&scope=repository:app:pull");
  assertEquals(await statusWith(wire, token, "/v2/app/tags/list"), 404);
  assertEquals(await statusWith(wire, token, "/v2/other/tags/list"), 401);
  assertEquals((await wire.send("GET", "/token")).status, 404, "the registry gives no tokens");
});

Deno.test("registries that share a key take each other's tokens and refresh tokens", async () => {
  const first = tokenService({ key: KEY, users });
  const second = tokenService({ key: KEY, users });
  const { token, refresh_token } = await answerOf(first, "offline_token=true");
  assertEquals(await statusWith(registry({ key: KEY, users }), token), 200);
  const response = await form(second, { grant_type: "refresh_token", refresh_token });
  assertEquals([response.status, (await response.json()).refresh_token], [200, refresh_token]);
});

Deno.test("a token opens no registry but those it is for", async () => {
  const { token } = await answerOf(tokenService({ key: KEY, users }), "scope=repository:a:pull");
  const cases: [title: string, options: BearerAuthOptions, status: number][] = [
    ["the same", { key: KEY, users }, 200],
    ["one that trusts more keys", { keys: KEYS, users }, 200],
    ["one of another service", { key: KEY, users, service: "other" }, 401],
    ["one of another issuer", { key: KEY, users, issuer: "other" }, 401],
    ["one with another key", { key: await createTokenKey(), users }, 401],
    ["one with a key of its own", { users }, 401],
  ];
  for (const [title, options, status] of cases) {
    const wire = registry({ ...options, realm: REALM });
    assertEquals(await statusWith(wire, token), status, title);
  }
});

Deno.test("a refresh token opens nothing, and a token gives no other", async () => {
  const service = tokenService({ key: KEY, users });
  const { token, refresh_token } = await answerOf(service, "offline_token=true");
  for (const options of [{ service: "davit" }, { service: "davit refresh" }]) {
    const wire = registry({ key: KEY, users, issuer: "davit", ...options });
    assertEquals(await statusWith(wire, refresh_token), 401, options.service);
  }
  const response = await form(service, { grant_type: "refresh_token", refresh_token: token });
  assertEquals([response.status, (await response.json()).error], [401, "invalid_grant"]);
});

Deno.test("a refresh token ends with its time, and with its user", async () => {
  let time = 1_000_000_000_000;
  const options: TokenServiceOptions = { key: KEY, refreshExpiresIn: 600, now: () => time };
  const service = tokenService({ ...options, users });
  const { refresh_token } = await answerOf(service, "offline_token=true");
  const refresh = async (at: typeof service) =>
    (await form(at, { grant_type: "refresh_token", refresh_token })).status;
  assertEquals(await refresh(service), 200);
  assertEquals(await refresh(tokenService({ ...options, users: { other: "x" } })), 401);
  const { reader } = users;
  const less = tokenService({ ...options, users: { me: { ...reader } } });
  const narrowed = await form(less, {
    ...{ grant_type: "refresh_token", refresh_token },
    scope: "repository:a:pull,push",
  });
  assertEquals((await narrowed.json()).scope, "repository:a:pull", "what the user may do now");
  time += 599_999;
  assertEquals(await refresh(service), 200);
  time += 1;
  assertEquals(await refresh(service), 401);
});

Deno.test("tokens that end in a second, and in a year", async () => {
  let time = 1_000_000_000_000;
  for (const expiresIn of [1, 365 * 24 * 60 * 60]) {
    const service = tokenService({ key: KEY, users, expiresIn, now: () => time });
    const wire = registry({ key: KEY, users }, () => time);
    const { token, expires_in } = await answerOf(service, "");
    assertEquals(expires_in, expiresIn);
    time += expiresIn * 1_000 - 1;
    assertEquals(await statusWith(wire, token), 200);
    time += 1;
    assertEquals(await statusWith(wire, token), 401);
  }
});

Deno.test("anonymous pull in some repositories", async () => {
  const wire = registry({ users, anonymous: { actions: ["pull"], repositories: ["public/*"] } });
  const query = "scope=repository:public/a:pull,push&scope=repository:private:pull";
  const { json } = await wire.send("GET", `/token?${query}`);
  assertEquals(json.scope, "repository:public/a:pull");
  assertEquals(await statusWith(wire, json.token, "/v2/public/a/tags/list"), 404);
  assertEquals(await statusWith(wire, json.token, "/v2/private/tags/list"), 401);
});

Deno.test("a token service's failures are reported to its owner alone", async () => {
  const errors: unknown[] = [];
  const service = tokenService({
    key: { ...KEY, x: undefined },
    users,
    onError: (error) => void errors.push(error),
  });
  const response = await service(new Request(REALM));
  const text = await response.text();
  assertEquals([response.status, JSON.parse(text).errors[0].code], [500, "UNKNOWN"]);
  assertEquals(text.includes("key"), false);
  assert(errors[0] instanceof InvalidOptionError);
  const put = await tokenService({ users })(new Request(REALM, { method: "PUT" }));
  assertEquals([put.status, put.headers.get("allow")], [405, "GET, POST"]);
  await put.body?.cancel();
});

Deno.test("a body that breaks off or is too long is no request", async () => {
  const service = tokenService({ users });
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("a=".repeat(5_000))),
  });
  for (const body of [broken, endless]) {
    const init = { method: "POST", body, duplex: "half" } as RequestInit;
    const response = await service(new Request(REALM, init));
    assertEquals([response.status, (await response.json()).error], [400, "invalid_request"]);
  }
});

for (
  const [title, options] of [
    ["a realm that is a path, where the service is elsewhere", { keys: KEYS, realm: "/token" }],
    ["no realm, where the service is elsewhere", { keys: KEYS }],
    ["a key that is none", { key: "secret" }],
    ["a refresh token that ends at once", { refreshExpiresIn: 0 }],
    ["htpasswd that is none", { htpasswd: "secret" }],
  ] as [string, BearerAuthOptions][]
) {
  Deno.test(`Bearer: ${title}: InvalidOptionError`, () => {
    const error = assertThrows(() => registry(options), InvalidOptionError);
    assertEquals(error.message.includes("secret"), false);
  });
}
