import { assertEquals, assertRejects } from "@std/assert";
import { AuthenticationError } from "../errors.ts";
import type { AuthInfo } from "./auth_info.ts";
import type { Credential } from "./credential.ts";
import { fakeClient, FakeRegistry, intent } from "./fake_channel_test.ts";

const you: Credential = { username: "you", password: "x" };

function ping(status: number, challenge?: string): Response {
  const headers = challenge === undefined ? undefined : { "www-authenticate": challenge };
  return new Response(null, { status, ...(headers && { headers }) });
}

function from(url: string, response: Response): Response {
  return Object.defineProperty(response, "url", { value: url });
}

const BEARER = 'Bearer realm="/token",service="s",scope="repository:user/image:pull"';

const ROWS: [
  name: string,
  ping: Response,
  credential: Credential | undefined,
  info: AuthInfo,
][] = [
  ["200: None", ping(200), you, { type: "None" }],
  ["404 without a challenge: None", ping(404), you, { type: "None" }],
  ["Basic", ping(401, 'Basic realm="r"'), you, { type: "Basic", username: "you", password: "x" }],
  ["Basic without credentials", ping(401, "Basic"), undefined, {
    type: "Basic",
    username: "",
    password: "",
  }],
  ["401 without a challenge, and a password", ping(401), you, {
    type: "Basic",
    username: "you",
    password: "x",
  }],
  ["a ping that another host answered", from("https://evil.example/v2/", ping(401, BEARER)), you, {
    type: "None",
  }],
  [
    "a ping that the registry answered",
    from("https://registry.example/v2/", ping(401, BEARER)),
    you,
    {
      type: "Bearer",
      token: "t1",
    },
  ],
  ["Bearer", ping(401, BEARER), you, { type: "Bearer", token: "t1" }],
  ["Bearer, anonymous", ping(401, BEARER), undefined, { type: "Bearer", token: "t1" }],
  ["a challenge beside 200", ping(200, BEARER), you, { type: "Bearer", token: "t1" }],
  ["several challenges", ping(401, `Negotiate, Basic realm="r", ${BEARER}`), you, {
    type: "Bearer",
    token: "t1",
  }],
  ["a bearer token that was given", ping(401, BEARER), { accessToken: "mine" }, {
    type: "Bearer",
    token: "mine",
  }],
];

for (const [name, response, credential, info] of ROWS) {
  Deno.test(`end-1 GET /v2/ → authInfo: ${name}`, async () => {
    const registry = new FakeRegistry();
    const { authentication } = fakeClient(registry, credential);
    assertEquals(await authentication.info({ ping: response }), info);
  });
}

for (const challenge of [undefined, "Negotiate", "Bearer", 'Foo a="b"']) {
  Deno.test(`authInfo of 401 with ${challenge ?? "nothing"}: AUTHENTICATION_FAILED`, async () => {
    const { authentication } = fakeClient(
      new FakeRegistry(),
      challenge === undefined ? undefined : you,
    );
    await assertRejects(
      () => authentication.info({ ping: ping(401, challenge) }),
      AuthenticationError,
      "Cannot authenticate to registry.example: it asks neither for Basic nor for Bearer",
    );
  });
}

Deno.test("authInfo asks for the scope given, and not for the ping's placeholder", async () => {
  for (const scope of ["repository:app:pull,push", ""]) {
    const registry = new FakeRegistry();
    const { authentication } = fakeClient(registry, you);
    await authentication.info({ ping: ping(401, BEARER), scope });
    assertEquals(registry.asked, [scope === "" ? [] : [scope]]);
  }
});

Deno.test("authInfo asks the source for the repository's credentials", async () => {
  const asked: unknown[] = [];
  const { authentication } = fakeClient(new FakeRegistry(), (target) => void asked.push(target));
  await authentication.info({ ping: ping(401, BEARER), repository: "app" });
  assertEquals(asked, [{ host: "registry.example", scheme: "https", repository: "app" }]);
});

Deno.test("authInfo: a ping that another host answered teaches nothing", async () => {
  const registry = new FakeRegistry();
  const { authentication, call } = fakeClient(registry, you);
  const evil = 'Bearer realm="https://evil.example/token"';
  await authentication.info({ ping: from("https://evil.example/v2/", ping(401, evil)) });
  await call("GET", "/v2/app/tags/list", intent("app", "pull"));
  assertEquals(registry.lines.filter((line) => line.includes("evil")), []);
  assertEquals(registry.seen[0]?.authorization, null);
});

Deno.test("authInfo: what it learned and got serves the requests to come", async () => {
  const registry = new FakeRegistry();
  const { authentication, call } = fakeClient(registry, you);
  await authentication.info({ ping: ping(401, BEARER), scope: "repository:app:pull" });
  const { response } = await call("GET", "/v2/app/tags/list", intent("app", "pull"));
  assertEquals([response.status, registry.seen.length], [200, 2]);
});
