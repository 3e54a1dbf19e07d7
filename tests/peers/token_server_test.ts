import { assert, assertEquals } from "@std/assert";
import { decodeJwt, importX509, jwtVerify } from "jose";
import {
  parseScope,
  startTokenServer,
  type TokenServer,
  type TokenServerOptions,
} from "./token_server.ts";

const USERS = { me: "pass" };

async function withServer(
  options: Partial<TokenServerOptions>,
  fn: (server: TokenServer) => Promise<void>,
): Promise<void> {
  const server = await startTokenServer({ users: USERS, ...options });
  try {
    await fn(server);
  } finally {
    await server.stop();
  }
}

async function get(server: TokenServer, query: Record<string, string>, user?: string) {
  const url = new URL(server.realm);
  url.search = new URLSearchParams({ service: server.service, ...query }).toString();
  const headers = new Headers(user === undefined ? {} : { authorization: `Basic ${btoa(user)}` });
  const response = await fetch(url, { headers });
  return { status: response.status, body: await response.json() };
}

async function post(server: TokenServer, form: Record<string, string>) {
  const body = new URLSearchParams({ service: server.service, client_id: "davit", ...form });
  const response = await fetch(server.realm, { method: "POST", body });
  return { status: response.status, body: await response.json() };
}

Deno.test("parseScope: type, name with colons, actions", () => {
  assertEquals(parseScope("repository:a/b:pull,push"), {
    type: "repository",
    name: "a/b",
    actions: ["pull", "push"],
  });
  assertEquals(parseScope("repository:host:5000/a:pull").name, "host:5000/a");
  assertEquals(parseScope("registry:catalog:*").actions, ["*"]);
});

Deno.test("token server: a token verifies against the certificate and holds what was granted", () =>
  withServer({}, async (server) => {
    const { body } = await get(server, { scope: "repository:a/b:pull,push" }, "me:pass");
    assertEquals(body.token, body.access_token);
    assertEquals(body.expires_in, 300);
    const key = await importX509(server.certificate, "ES256");
    const { issuer, service: audience } = server;
    const { payload } = await jwtVerify(body.token, key, { issuer, audience });
    assertEquals(payload.sub, "me");
    assertEquals(payload.access, [
      { type: "repository", name: "a/b", actions: ["pull", "push"] },
    ]);
  }));

Deno.test("token server: nobody gets nothing, unless granted", async () => {
  const query = { scope: "repository:a/b:pull,push" };
  const actions = (token: string) =>
    (decodeJwt(token).access as { actions: string[] }[]).map((access) => access.actions);
  await withServer({}, async (server) => {
    assertEquals(actions((await get(server, query)).body.token), [[]]);
  });
  await withServer({ grant: () => ["pull"] }, async (server) => {
    assertEquals(actions((await get(server, query)).body.token), [["pull"]]);
  });
});

Deno.test("token server: several scopes, repeated and in one parameter", () =>
  withServer({}, async (server) => {
    const url = new URL(server.realm);
    url.searchParams.set("service", server.service);
    url.searchParams.append("scope", "repository:a:pull repository:b:pull");
    url.searchParams.append("scope", "registry:catalog:*");
    const { token } = await (await fetch(url)).json();
    assertEquals((decodeJwt(token).access as unknown[]).length, 3);
    assertEquals(server.requests[0]?.scopes.length, 3);
  }));

Deno.test("token server: OAuth2 by password, then by the refresh token", () =>
  withServer({ expiresIn: 60 }, async (server) => {
    const scope = "repository:a/b:pull";
    const grant = { grant_type: "password", username: "me", password: "pass", scope };
    const first = await post(server, { ...grant, access_type: "offline" });
    assertEquals([first.status, first.body.scope, first.body.expires_in], [200, scope, 60]);
    const { refresh_token } = first.body;
    assert(typeof refresh_token === "string");
    const second = await post(server, { grant_type: "refresh_token", refresh_token, scope });
    assertEquals([second.status, decodeJwt(second.body.access_token).sub], [200, "me"]);
    assertEquals(second.body.refresh_token, undefined);
    const third = await get(server, { offline_token: "true", scope }, "me:pass");
    assert(typeof third.body.refresh_token === "string");
  }));

Deno.test("token server: fields and OAuth2 as told", async () => {
  await withServer({ field: "token", oauth2: false }, async (server) => {
    const { body } = await get(server, {}, "me:pass");
    assertEquals([typeof body.token, typeof body.access_token], ["string", "undefined"]);
    const grant = { grant_type: "password", username: "me", password: "pass" };
    assertEquals((await post(server, grant)).status, 404);
  });
  await withServer({ field: "access_token" }, async (server) => {
    const { body } = await get(server, {}, "me:pass");
    assertEquals([typeof body.token, typeof body.access_token], ["undefined", "string"]);
  });
});

const refused: [string, (server: TokenServer) => Promise<{ status: number }>, number][] = [
  ["wrong password", (server) => get(server, {}, "me:no"), 401],
  ["unknown user", (server) => get(server, {}, "you:pass"), 401],
  ["another service", (server) => get(server, { service: "other" }), 400],
  ["another path", (server) => fetch(new URL("/no", server.realm)).then(drained), 404],
  ["no client_id", (server) => post(server, { client_id: "", grant_type: "password" }), 400],
  ["unknown grant", (server) => post(server, { grant_type: "x" }), 400],
  [
    "wrong password by POST",
    (server) => post(server, { grant_type: "password", username: "me", password: "no" }),
    401,
  ],
  [
    "unknown user by POST, without a password",
    (server) => post(server, { grant_type: "password", username: "you" }),
    401,
  ],
  [
    "unknown refresh token",
    (server) => post(server, { grant_type: "refresh_token", refresh_token: "no" }),
    401,
  ],
];

async function drained(response: Response): Promise<Response> {
  await response.body?.cancel();
  return response;
}

for (const [name, ask, status] of refused) {
  Deno.test(`token server: ${name}: ${status}`, () =>
    withServer({}, async (server) => {
      assertEquals((await ask(server)).status, status);
      const seen = server.requests.map((request) => request.status);
      assertEquals(seen, status === 404 ? [] : [status]);
    }));
}
