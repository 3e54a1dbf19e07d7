import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AuthenticationError } from "../errors.ts";
import type { CredentialsWithheldEvent } from "../events.ts";
import type { AuthorizeOptions } from "./authorizer.ts";
import type { Credential } from "./credential.ts";
import {
  type FakeClient,
  fakeClient,
  FakeRegistry,
  FakeWire,
  intent,
} from "./fake_channel_test.ts";

const you: Credential = { username: "you", password: "x" };
const BASIC = `Basic ${btoa("you:x")}`;
const PULL = intent("app", "pull");
const TAGS = "/v2/app/tags/list";

/** A registry that names a token service; the service gives every request a token. */
function registryWith(challenge: string): FakeWire {
  return new FakeWire(({ url, authorization }) => {
    if (!url.pathname.startsWith("/v2/")) return Response.json({ token: "T" });
    if (authorization === "Bearer T" || authorization === BASIC) return new Response("ok");
    return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
  });
}

function withheld({ events }: FakeClient): CredentialsWithheldEvent[] {
  return events.filter((event) => event.type === "credentials-withheld");
}

type Row = [
  name: string,
  origin: string,
  realm: string,
  credential: Credential,
  sent: boolean,
  trustedRealms?: AuthorizeOptions["trustedRealms"],
];

const identity: Credential = { refreshToken: "r" };

const ROWS: Row[] = [
  ["its own realm", "https://r.example", "https://r.example/token", you, true],
  ["a relative realm", "https://r.example", "/token", you, true],
  ["an internal registry", "http://registry:5000", "http://registry:5000/token", you, true],
  ["Docker Hub", "https://registry-1.docker.io", "https://auth.docker.io/token", you, true],
  ["GitLab.com", "https://registry.gitlab.com", "https://gitlab.com/jwt/auth", you, true],
  ["the same host, other port", "https://r.example", "https://r.example:8443/token", you, true],
  ["a stranger", "https://r.example", "https://evil.example/token", you, false],
  [
    "a stranger, identity token",
    "https://r.example",
    "https://evil.example/token",
    identity,
    false,
  ],
  ["loopback, other port", "http://localhost:5000", "http://localhost:5001/token", you, false],
  [
    "Docker Hub's service, from a stranger",
    "https://r.example",
    "https://auth.docker.io/",
    you,
    false,
  ],
  ["a pair that is trusted", "https://r.example", "https://sso.example/token", you, true, {
    "r.example": "sso.example",
  }],
  ["loopback, other port, trusted", "http://localhost:5000", "http://localhost:5001/t", you, true, {
    "localhost:5000": "localhost:5001",
  }],
];

for (const [name, origin, realm, credential, sent, trustedRealms] of ROWS) {
  Deno.test(`credentials ${sent ? "go" : "do not go"} to the token service: ${name}`, async () => {
    const wire = registryWith(`Bearer realm="${realm}",service="s"`);
    const client = fakeClient(wire, credential, {
      origin,
      ...(trustedRealms && { trustedRealms }),
    });
    assertEquals((await client.call("GET", TAGS, PULL)).response.status, 200);
    const [request] = wire.seen.filter(({ url }) => !url.pathname.startsWith("/v2/"));
    assertEquals(request?.authorization, sent && credential === you ? BASIC : null);
    assertEquals(request?.body, "");
    assertEquals(withheld(client).length, sent ? 0 : 1);
    const [token] = client.events.filter((event) => event.type === "token");
    assertEquals(token?.anonymous, !sent);
  });
}

Deno.test("credentials-withheld says once why, and which option allows it", async () => {
  const wire = registryWith('Bearer realm="https://sso.example/token?key=1"');
  const client = fakeClient(wire, you);
  await client.call("GET", TAGS, PULL);
  await client.call("POST", "/v2/app/blobs/uploads/", intent("app", "pull", "push"));
  assertEquals(withheld(client), [{
    type: "credentials-withheld",
    registry: "https://registry.example",
    origin: "https://sso.example",
    reason: "the token service https://sso.example does not belong to registry.example, so the " +
      "token is asked for anonymously; the option trustedRealms: " +
      '{"registry.example": "sso.example"} allows it',
  }]);
});

Deno.test("a refusal after credentials were withheld says so too", async () => {
  const wire = new FakeWire(({ url }) =>
    new Response("", {
      status: 401,
      headers: url.pathname.startsWith("/v2/")
        ? { "www-authenticate": 'Bearer realm="https://sso.example/token"' }
        : {},
    })
  );
  const error = await assertRejects(
    () => fakeClient(wire, you).call("GET", TAGS, PULL),
    AuthenticationError,
  );
  assertStringIncludes(error.message, 'trustedRealms: {"registry.example": "sso.example"}');
});

Deno.test("credentials that are not there are not withheld", async () => {
  const wire = registryWith('Bearer realm="https://sso.example/token"');
  const client = fakeClient(wire);
  await client.call("GET", TAGS, PULL);
  assertEquals(withheld(client), []);
});

Deno.test("where Bearer leads elsewhere and Basic is there, the registry itself gets Basic", async () => {
  const wire = registryWith('Bearer realm="https://evil.example/token", Basic realm="r"');
  const client = fakeClient(wire, you);
  assertEquals((await client.call("GET", TAGS, PULL)).response.status, 200);
  assertEquals(wire.lines.filter((line) => line.includes("evil")), []);
  assertEquals(wire.seen.at(-1)?.authorization, BASIC);
});

for (
  const realm of [
    "http://registry.example.evil.example/",
    "http://evil.example/",
    "file:///x",
    "::",
  ]
) {
  Deno.test(`an https registry with the realm ${realm}: AUTHENTICATION_FAILED, unasked`, async () => {
    const wire = registryWith(`Bearer realm="${realm === "::" ? "https://" : realm}"`);
    const error = await assertRejects(
      () => fakeClient(wire, you).call("GET", TAGS, PULL),
      AuthenticationError,
      "Cannot authenticate to registry.example",
    );
    assertEquals(error.statusCode, undefined);
    assertEquals([wire.seen.length, wire.open], [1, 0]);
  });
}

Deno.test("one repository with credentials and one without, on one registry", async () => {
  const wire = registryWith('Bearer realm="https://evil.example/token", Basic realm="r"');
  const client = fakeClient(wire, ({ repository }) => repository === "app" ? you : undefined);
  await client.call("GET", TAGS, PULL);
  const other = await client.call("GET", "/v2/other/tags/list", intent("other", "pull"));
  assertEquals(other.response.status, 200);
  await client.call("GET", TAGS, PULL);
  assertEquals(wire.seen.map(({ url, authorization }) => [url.host, authorization]), [
    ["registry.example", null],
    ["registry.example", BASIC],
    ["evil.example", null],
    ["registry.example", "Bearer T"],
    ["registry.example", BASIC],
  ]);
});

/** What a login for some repositories asks a token service, each with the identity that `of` makes. */
async function logins(
  of: (repository: string) => Credential | undefined,
  realm = "/token",
): Promise<number> {
  const registry = new FakeRegistry();
  const { authentication } = fakeClient(registry, ({ repository }) => of(repository!));
  const headers = { "www-authenticate": `Bearer realm="${realm}"` };
  for (const repository of ["a", "b", "c"]) {
    const ping = new Response(null, { status: 401, headers });
    await authentication.info({ ping, repository, scope: "repository:shared:pull" });
  }
  return registry.tokenCalls.length;
}

Deno.test("equal credentials share tokens, in whichever objects they come", async () => {
  assertEquals(await logins(() => ({ username: "you", password: "x" })), 1);
  assertEquals(await logins(() => undefined), 1);
});

Deno.test("different credentials never share tokens", async () => {
  assertEquals(await logins((repository) => ({ username: "you", password: repository })), 3);
  assertEquals(await logins((repository) => ({ username: repository, password: "x" })), 3);
  assertEquals(await logins((repository) => repository === "a" ? undefined : you), 2);
});

Deno.test("tokens that are anonymous, as credentials are withheld, are shared", async () => {
  const realm = "https://sso.example/token";
  assertEquals(await logins((repository) => ({ username: repository }), realm), 1);
});

Deno.test("credentials that are refused, and come again in another object, are not tried again", async () => {
  const registry = new FakeRegistry({ users: { you: "right" } });
  const client = fakeClient(registry, () => ({ username: "you", password: "wrong" }));
  const push = intent("app", "pull", "push");
  await assertRejects(() => client.call("GET", TAGS, push), AuthenticationError, "401");
  assertEquals(registry.tokenCalls.length, 1);
});
