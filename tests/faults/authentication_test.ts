/** Challenges and token services that misbehave: where credentials go, and how often is asked. */
import { assert, assertEquals } from "@std/assert";
import type { ErrorCode } from "@davit/registry-client";
import { SECRETS } from "./secrets.ts";
import {
  bodyOf,
  challenged,
  type Fault,
  faultTest,
  ORIGIN,
  runFault,
  utf8,
  World,
} from "./world.ts";

/** A registry that asks for a token of this realm, and takes one that was given there. */
function realm(challenge: string, token: (request: Request, url: URL) => Response): Fault {
  return (request, url) => {
    if (url.pathname.startsWith("/v2/")) {
      return request.headers.get("authorization")?.startsWith("Bearer good")
        ? Response.json({ name: "app", tags: ["a"] })
        : challenged(challenge);
    }
    return token(request, url);
  };
}

const GOOD = () => Response.json({ token: "good" });
const REFUSED = () => Response.json({ errors: [{ code: "DENIED" }] }, { status: 403 });

Deno.test("a realm at a foreign host gets no credentials: it is asked anonymously, and told", async () => {
  const challenge =
    `Bearer realm="https://auth.thief.test/token?key=${SECRETS.realmKey}",service="s"`;
  const world = new World({ fault: realm(challenge, GOOD) });
  assertEquals((await world.client.listTags()).tags, ["a"]);
  await world.client.listTags();
  const [token] = world.seen.filter(({ url }) => url.host === "auth.thief.test");
  assertEquals(token?.authorization, null);
  const [withheld, ...more] = world.told("credentials-withheld");
  assertEquals([withheld?.registry, withheld?.origin], [ORIGIN, "https://auth.thief.test"]);
  assert(withheld!.reason.includes("trustedRealms"), withheld!.reason);
  assertEquals(more, [], "it is told once");
  assertEquals(world.told("token")[0]?.anonymous, true);
  world.assertSecretsKept();
});

faultTest("a realm at a foreign host that refuses says why, and which option helps", {
  fault: realm('Bearer realm="https://auth.thief.test/token",service="s"', REFUSED),
  call: ({ client }) => client.listTags(),
  code: "AUTHENTICATION_FAILED",
  is: { statusCode: 403 },
  says: "trustedRealms",
});

Deno.test("a realm that trustedRealms names gets the credentials", async () => {
  const world = new World({
    fault: realm('Bearer realm="https://sso.corp.test/token",service="s"', GOOD),
    client: { trustedRealms: { "registry.test": "sso.corp.test" } },
  });
  await world.client.listTags();
  const [token] = world.seen.filter(({ url }) => url.host === "sso.corp.test");
  assert(token?.authorization?.startsWith("Basic "));
  assertEquals(world.told("credentials-withheld"), []);
});

const realms: [name: string, realm: string][] = [
  ["http on a host below the registry's", "http://auth.registry.test/token"],
  ["http on another host", "http://auth.test/token"],
  ["a file", "file:///etc/passwd"],
  ["what is no URL", "https://"],
];

for (const [name, value] of realms) {
  faultTest(`a realm that is ${name}`, {
    fault: realm(`Bearer realm="${value}",service="s"`, GOOD),
    call: ({ client }) => client.listTags(),
    code: "AUTHENTICATION_FAILED",
    after: ({ tokenRequests }) => assertEquals(tokenRequests, 0, "nobody is asked"),
  });
}

Deno.test("an https registry that calls its own realm http: it is asked by https", async () => {
  const world = new World({
    fault: realm('Bearer realm="http://registry.test:80/token",service="s"', GOOD),
  });
  assertEquals((await world.client.listTags()).tags, ["a"]);
  const [token] = world.seen.filter(({ url }) => url.pathname === "/token");
  assertEquals([token?.url.origin, token?.authorization?.startsWith("Basic ")], [ORIGIN, true]);
  world.assertSecretsKept();
  world.assertCredentialsStayed();
});

const redirects = [301, 302, 303, 307, 308];
for (const status of redirects) {
  faultTest(`a token service that redirects elsewhere by ${status}: credentials stay`, {
    fault: realm(
      `Bearer realm="${ORIGIN}/token",service="s"`,
      (_request, { host }) =>
        host === "thief.test"
          ? REFUSED()
          : new Response("", { status, headers: { location: "https://thief.test/token" } }),
    ),
    call: ({ client }) => client.listTags(),
    code: "AUTHENTICATION_FAILED",
    after: (world) => assertEquals(world.to("thief.test"), ["GET /token"]),
  });
}

const secret = SECRETS.token;
const answers: [name: string, answer: () => Response, code: ErrorCode][] = [
  ["nothing", () => new Response(""), "AUTHENTICATION_FAILED"],
  ["a web page", () => new Response("<html>Sign in</html>"), "AUTHENTICATION_FAILED"],
  ["JSON without a token", () => Response.json({ expires_in: 60 }), "AUTHENTICATION_FAILED"],
  ["an empty token", () => Response.json({ token: "" }), "AUTHENTICATION_FAILED"],
  [
    "a token that is no text",
    () => Response.json({ token: { a: secret } }),
    "AUTHENTICATION_FAILED",
  ],
  [
    "a token with a line break",
    () => Response.json({ token: `${secret}\r\nx: y` }),
    "AUTHENTICATION_FAILED",
  ],
  ["half an answer", () => new Response(`{"token":"${secret}`), "AUTHENTICATION_FAILED"],
  ["a list", () => Response.json([secret]), "AUTHENTICATION_FAILED"],
  [
    "an answer that breaks",
    () => new Response(bodyOf([utf8(`{"token":"${secret}`)], "breaks")),
    "NETWORK",
  ],
  [
    "an answer that stalls",
    () => new Response(bodyOf([utf8(`{"token":"${secret}`)], "stalls")),
    "TIMEOUT",
  ],
  ["5 MB", () => new Response(`{"token":"${"x".repeat(5_000_000)}"}`), "LIMIT_EXCEEDED"],
  ["401", () => new Response("", { status: 401 }), "UNAUTHORIZED"],
  ["404", () => new Response("", { status: 404 }), "AUTHENTICATION_FAILED"],
  ["500, again and again", () => new Response("", { status: 500 }), "AUTHENTICATION_FAILED"],
  [
    "a refusal that repeats the password",
    () => new Response(`wrong password ${SECRETS.password}`, { status: 401 }),
    "UNAUTHORIZED",
  ],
];

for (const [name, answer, code] of answers) {
  faultTest(`a token service that answers ${name}`, {
    impatient: name.includes("stalls"),
    fault: realm(`Bearer realm="${ORIGIN}/token?key=${SECRETS.realmKey}",service="s"`, answer),
    call: ({ client }) => client.listTags(),
    code,
    after: ({ tokenRequests }) => assert(tokenRequests <= 6, `${tokenRequests} token requests`),
  });
}

Deno.test("401 after a valid token: it is renewed once, counted, and the call goes on", async () => {
  let refusals = 0;
  const world = new World({
    fault: (request, url) => {
      const challenge = `Bearer realm="${ORIGIN}/token",service="davit",error="invalid_token"`;
      if (!url.pathname.includes("/tags/") || !request.headers.has("authorization")) {
        return undefined;
      }
      if (refusals++ > 0) return Response.json({ name: "app", tags: ["a"] });
      return challenged(challenge);
    },
  });
  await world.client.login();
  assertEquals(world.tokenRequests, 1);
  assertEquals((await world.client.listTags()).tags, ["a"]);
  assertEquals(world.tokenRequests, 2);
  assertEquals(world.to("registry.test").filter((line) => line.includes("/tags/")).length, 2);
  world.assertSecretsKept();
});

faultTest("401 after every token", {
  fault: (_request, url) => url.pathname.startsWith("/v2/") ? challenged() : undefined,
  call: async (world) => {
    await world.client.login();
    assertEquals(world.tokenRequests, 1);
    await world.client.listTags();
  },
  code: "UNAUTHORIZED",
  is: { statusCode: 401 },
  after: (world) => {
    assertEquals(world.tokenRequests, 2, "renewed once");
    const sent = world.to("registry.test").filter((line) => line.includes("/tags/")).length;
    assertEquals(sent, 2);
  },
});

faultTest("401 after a new token, and no other one to ask for", {
  fault: (_request, url) => url.pathname.includes("/tags/") ? challenged() : undefined,
  call: ({ client }) => client.listTags(),
  code: "UNAUTHORIZED",
  after: (world) => assertEquals(world.tokenRequests, 1),
});

faultTest("401 after a right password by Basic", {
  fault: (_request, url) =>
    url.pathname.startsWith("/v2/") ? challenged('Basic realm="r"') : undefined,
  call: ({ client }) => client.listTags(),
  code: "UNAUTHORIZED",
  after: ({ seen }) => assertEquals(seen.length, 2),
});

faultTest("401 without a challenge", {
  fault: () => new Response("", { status: 401 }),
  call: ({ client }) => client.listTags(),
  code: "UNAUTHORIZED",
});

faultTest("401 with a challenge that nobody knows", {
  fault: () => challenged("Negotiate"),
  call: ({ client }) => client.listTags(),
  code: "UNAUTHORIZED",
});

faultTest("401 after a token that the caller gave", {
  fault: (_request, url) => url.pathname.startsWith("/v2/") ? challenged() : undefined,
  client: { username: undefined, password: undefined, token: SECRETS.token } as never,
  call: ({ client }) => client.listTags(),
  code: "UNAUTHORIZED",
  after: ({ tokenRequests }) => assertEquals(tokenRequests, 0),
});

function insufficient(status: number): Response {
  const params = `realm="${ORIGIN}/token",service="davit",scope="repository:app:pull,push,delete"`;
  return challenged(`Bearer ${params},error="insufficient_scope"`, status);
}

for (const status of [401, 403]) {
  Deno.test(`${status} insufficient_scope: the wider scope is asked for, and the call goes on`, async () => {
    let refusals = 0;
    const world = new World({
      fault: (request, url) => {
        if (!url.pathname.includes("/tags/") || !request.headers.has("authorization")) {
          return undefined;
        }
        return refusals++ === 0
          ? insufficient(status)
          : Response.json({ name: "app", tags: ["a"] });
      },
    });
    assertEquals((await world.client.listTags()).tags, ["a"]);
    const scopes = world.told("token").map((event) => event.scopes.join(" "));
    assertEquals(scopes, ["repository:app:pull", "repository:app:pull,push,delete"]);
    world.assertSecretsKept();
  });

  const code = status === 401 ? "UNAUTHORIZED" : "FORBIDDEN";
  faultTest(`${status} insufficient_scope, whatever the token is for`, {
    fault: (request, url) =>
      url.pathname.includes("/tags/") && request.headers.has("authorization")
        ? insufficient(status)
        : undefined,
    call: ({ client }) => client.listTags(),
    code,
    is: { statusCode: status },
    after: ({ tokenRequests }) => assertEquals(tokenRequests, 2),
  });
}

faultTest("401 with another scope every time", {
  fault: (_request, url) =>
    url.pathname.startsWith("/v2/")
      ? challenged(
        `Bearer realm="${ORIGIN}/token",service="davit",scope="repository:r${Math.random()}:pull"`,
      )
      : undefined,
  call: ({ client }) => client.listTags(),
  code: "UNAUTHORIZED",
  after: (world) => {
    const sent = world.to("registry.test").filter((line) => line.includes("/tags/")).length;
    assertEquals([sent, world.tokenRequests], [3, 2], "it does not go on for ever");
  },
});

faultTest("403 without a challenge is the registry's last word", {
  fault: (request) =>
    request.headers.has("authorization")
      ? Response.json({ errors: [{ code: "DENIED", message: "no" }] }, { status: 403 })
      : undefined,
  auth: false,
  client: { username: undefined, password: undefined, token: SECRETS.token } as never,
  call: ({ client }) => client.listTags(),
  code: "FORBIDDEN",
  after: ({ seen }) => assertEquals(seen.length, 1),
});

Deno.test("many calls at once that are refused ask for one token together", async () => {
  const world = new World();
  await world.client.putBlob(utf8("x"));
  const calls = Array.from({ length: 20 }, () => world.client.withRepo("other").putBlob(utf8("x")));
  await Promise.all(calls);
  const tokens = world.told("token").filter(({ scopes }) => scopes.join().includes("other"));
  assert(tokens.length <= 2, `${tokens.length} tokens`);
});

faultTest("credentials from a function that fails", {
  client: {
    username: undefined,
    password: undefined,
    credentials: () => Promise.reject(new Error("the keychain is locked")),
  } as never,
  call: ({ client }) => client.listTags(),
  code: "UNAUTHORIZED",
  is: { codes: ["UNAUTHORIZED"] },
  says: "the credential source failed: the keychain is locked",
  after: (world) => {
    assertEquals(world.told("token").map(({ anonymous }) => anonymous), [true]);
    assertEquals(world.told("credentials-failed").length, 1);
  },
});

Deno.test("an identity token goes to the registry's own token service, and nowhere else", async () => {
  const client = {
    username: undefined,
    password: undefined,
    credentials: { refreshToken: SECRETS.refreshToken },
  } as never;
  for (const host of ["registry.test", "auth.thief.test"]) {
    let form = "";
    const world = new World({
      client,
      fault: async (request, url) => {
        if (url.pathname === "/token") {
          if (request.method === "POST") form = await request.text();
          return GOOD();
        }
        return realm(`Bearer realm="https://${host}/token",service="s"`, GOOD)(
          request,
          url,
          () => Promise.reject(),
        );
      },
    });
    await world.client.listTags();
    assertEquals(form.includes(SECRETS.refreshToken), host === "registry.test");
    world.assertSecretsKept();
    world.assertCredentialsStayed();
  }
});

Deno.test("an error's response and events hold no token, password or signature", async () => {
  const world = await runFault({
    fault: (request, url) =>
      url.pathname.includes("/tags/") && request.headers.has("authorization")
        ? new Response("{}", {
          status: 500,
          headers: { "set-cookie": `session=${SECRETS.cookie}` },
        })
        : undefined,
    call: ({ client }) => client.listTags(),
    code: "REGISTRY_RESPONSE",
  });
  assertEquals(world.told("retry").length, 2);
});
