import { assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { AuthenticationError, LimitError } from "../errors.ts";
import type { DavitEvent } from "../events.ts";
import type { Credential } from "./credential.ts";
import { FakeClock, FakeWire, type Seen } from "./fake_channel_test.ts";
import { parseScopes } from "./scope.ts";
import type { Token } from "./token_store.ts";
import { requestToken, type TokenRequest } from "./token_request.ts";

const you: Credential = { username: "you", password: "hunter2" };
const identity: Credential = { refreshToken: "refresh-1" };
const BASIC = "Basic eW91Omh1bnRlcjI=";

/** An identity token where a password is expected. */
const token: Credential = { username: "<token>", password: "refresh-1" };
const TOKEN_BASIC = `Basic ${btoa("<token>:refresh-1")}`;

interface Asked {
  wire: FakeWire;
  events: DavitEvent[];
  token: Promise<Token>;
}

function ask(
  answer: (seen: Seen) => Response | Promise<Response>,
  request: Partial<Omit<TokenRequest, "scopes">> & { scopes?: string } = {},
): Asked {
  const wire = new FakeWire(answer);
  const events: DavitEvent[] = [];
  const context = {
    send: wire.send,
    clock: new FakeClock(),
    limits: { ...DEFAULT_LIMITS, tokenBytes: 1_000 },
    emit: (event: DavitEvent) => void events.push(event),
  };
  const token = requestToken(context, {
    realm: new URL("https://auth.example/token"),
    service: "registry",
    registry: "https://r.example",
    ...request,
    scopes: parseScopes(request.scopes ?? "repository:a:pull"),
  });
  return { wire, events, token };
}

const good = () => Response.json({ token: "T", expires_in: 300 });

const REQUESTS: [
  name: string,
  request: Parameters<typeof ask>[1],
  url: string,
  authorization: string | null,
][] = [
  [
    "anonymous",
    {},
    "https://auth.example/token?service=registry&scope=repository%3Aa%3Apull",
    null,
  ],
  [
    "with Basic",
    { identity: you },
    "https://auth.example/token?service=registry&scope=repository%3Aa%3Apull",
    BASIC,
  ],
  [
    "one scope a resource, in the order given",
    { scopes: "repository:b:pull,push repository:a:pull" },
    "https://auth.example/token?service=registry&scope=repository%3Ab%3Apull%2Cpush" +
    "&scope=repository%3Aa%3Apull",
    null,
  ],
  ["without scopes", { scopes: "" }, "https://auth.example/token?service=registry", null],
  [
    "the realm's own parameters, byte for byte",
    { realm: new URL("https://auth.example/token?x=%20y&z"), scopes: "" },
    "https://auth.example/token?x=%20y&z&service=registry",
    null,
  ],
  [
    "a service that needs escaping",
    { service: "a b&c", scopes: "" },
    "https://auth.example/token?service=a+b%26c",
    null,
  ],
];

for (const [name, request, url, authorization] of REQUESTS) {
  Deno.test(`requestToken by GET: ${name}`, async () => {
    const { wire, token } = ask(good, request);
    assertEquals(await token, { value: "T", lifetime: 300_000 });
    assertEquals(wire.seen.length, 1);
    const [seen] = wire.seen;
    assertEquals([seen?.method, seen?.url.href], ["GET", url]);
    assertEquals(seen?.authorization, authorization);
    assertEquals(seen?.request.purpose, "realm");
    assertEquals(seen?.request.intent, undefined);
  });
}

Deno.test("requestToken leaves out a service that the challenge did not name", async () => {
  const wire = new FakeWire(good);
  await requestToken(
    { send: wire.send, clock: new FakeClock(), limits: DEFAULT_LIMITS, emit: () => {} },
    { realm: new URL("https://auth.example/"), scopes: [], registry: "https://r.example" },
  );
  assertEquals(wire.seen[0]?.url.href, "https://auth.example/");
});

Deno.test("requestToken by POST: an identity token as a form, one scope joined by spaces", async () => {
  const { wire, token } = ask(() => Response.json({ access_token: "T" }), {
    identity,
    scopes: "repository:b:pull,push repository:a:pull",
  });
  assertEquals(await token, { value: "T", lifetime: 60_000 });
  const [seen] = wire.seen;
  assertEquals(seen?.line, "POST auth.example/token");
  assertEquals(seen?.url.search, "");
  assertEquals(seen?.authorization, null);
  assertEquals(
    seen?.request.headers.get("content-type"),
    "application/x-www-form-urlencoded",
  );
  assertEquals(Object.fromEntries(new URLSearchParams(seen?.body)), {
    grant_type: "refresh_token",
    refresh_token: "refresh-1",
    client_id: "davit",
    service: "registry",
    scope: "repository:b:pull,push repository:a:pull",
  });
});

type Fallback = [name: string, credential: Credential, statuses: number[], lines: string[]];

const FALLBACKS: Fallback[] = [
  ["POST 404 → GET", identity, [404, 200], ["POST", "GET"]],
  ["POST 405 → GET", identity, [405, 200], ["POST", "GET"]],
  ["POST 404 → GET with Basic", { ...identity, ...you }, [404, 200], ["POST", `GET ${BASIC}`]],
  ["GET 405 → POST with the password", you, [405, 200], [`GET ${BASIC}`, "POST password"]],
  ["GET 404 → POST with the password", you, [404, 200], [`GET ${BASIC}`, "POST password"]],
  ["an identity token as the password: POST", token, [200], ["POST password"]],
  ["an identity token as the password: POST 404 → GET", token, [404, 200], [
    "POST password",
    `GET ${TOKEN_BASIC}`,
  ]],
  ["a password POST that takes no identity token → POST", { ...token, ...identity }, [401, 200], [
    "POST password",
    "POST",
  ]],
  ["all three", { ...identity, ...you }, [405, 405, 200], [
    "POST",
    `GET ${BASIC}`,
    "POST password",
  ]],
];

for (const [name, credential, statuses, lines] of FALLBACKS) {
  Deno.test(`requestToken: ${name}`, async () => {
    const left = [...statuses];
    const answer = () => {
      const status = left.shift()!;
      return status === 200 ? good() : new Response("no such page", { status });
    };
    const { wire, token } = ask(answer, { identity: credential });
    assertEquals((await token).value, "T");
    assertEquals(
      wire.seen.map(({ method, authorization, body }) => {
        const password = new URLSearchParams(body).get("grant_type") === "password";
        return [method, authorization, password && "password"].filter(Boolean).join(" ");
      }),
      lines,
    );
    assertEquals(wire.open, 0);
  });
}

Deno.test("requestToken: the password grant carries user and password in the form", async () => {
  const { wire, token } = ask(
    ({ method }) => method === "GET" ? new Response(null, { status: 405 }) : good(),
    { identity: you },
  );
  await token;
  const form = new URLSearchParams(wire.seen[1]?.body);
  assertEquals([form.get("grant_type"), form.get("username"), form.get("password")], [
    "password",
    "you",
    "hunter2",
  ]);
});

type Bad = [name: string, answer: () => Response, message: string, statusCode: number | undefined];

const json = (value: unknown, status: number) =>
  new Response(JSON.stringify(value), { status, statusText: "Status Text" });

const BAD: Bad[] = [
  [
    "Docker Hub's 401",
    () => json({ details: "incorrect username or password" }, 401),
    "401 incorrect username or password",
    401,
  ],
  [
    "GitLab's 403",
    () => json({ errors: [{ code: "DENIED", message: "access forbidden" }] }, 403),
    "403 DENIED: access forbidden",
    403,
  ],
  [
    "several errors",
    () => json({ errors: [{ code: "A" }, { message: "b" }] }, 400),
    "400 A; b",
    400,
  ],
  ["plain text", () => new Response("go away\n", { status: 403 }), "403 go away", 403],
  [
    "a web page",
    () => new Response("<html>", { status: 502, statusText: "Bad Gateway" }),
    "502 Bad Gateway (answered by auth.example with a web page, text/plain)",
    502,
  ],
  [
    "a web page that is called by its status",
    () => new Response("<html><title>404 Not Found</title></html>", { status: 404 }),
    "(repository:a:pull): 404 Not Found (answered by auth.example with a web page, text/plain)",
    404,
  ],
  ["several lines", () => new Response("go\r\n  away\n", { status: 403 }), "403 go away", 403],
  ["an empty 404", () => new Response(null, { status: 404 }), "(repository:a:pull): 404", 404],
  ["429", () => json({ errors: [{ code: "TOOMANYREQUESTS" }] }, 429), "429 TOOMANYREQUESTS", 429],
  [
    "10 MB of error text",
    () => new Response("x".repeat(10_000_000), { status: 500 }),
    `500 ${"x".repeat(300)}…`,
    500,
  ],
  ["a 307 to nowhere", () => new Response(null, { status: 307 }), "(repository:a:pull): 307", 307],
  ["a body that is not JSON", () => new Response("T"), "the answer is not JSON", undefined],
  ["no token", () => json({}, 200), "the answer holds no token", undefined],
  ["an empty 204", () => new Response(null, { status: 204 }), "the answer is not JSON", undefined],
];

for (const [name, answer, message, statusCode] of BAD) {
  const code = [400, 401, 403].includes(statusCode ?? 0) ? "UNAUTHORIZED" : "AUTHENTICATION_FAILED";
  Deno.test(`requestToken: ${name}: ${code}`, async () => {
    const { wire, token } = ask(answer);
    const error = await assertRejects(() => token, AuthenticationError, message);
    assertEquals(error.code, code);
    assertEquals(error.statusCode, statusCode);
    assertEquals(error.registry, statusCode && "https://r.example");
    assertEquals(error.retryable, [429, 500, 502].includes(statusCode ?? 0));
    assertStringIncludes(
      error.message,
      "Cannot get a token from https://auth.example/token for r.example (repository:a:pull): ",
    );
    assertEquals(wire.seen.length, 1);
    assertEquals(wire.open, 0);
  });
}

Deno.test("requestToken: an answer over tokenBytes: LIMIT_EXCEEDED", async () => {
  const { wire, token } = ask(() => Response.json({ token: "x".repeat(1_000) }));
  const error = await assertRejects(() => token, LimitError, "the token from auth.example");
  assertEquals([error.limit, error.maximum], ["tokenBytes", 1_000]);
  assertEquals(wire.open, 0);
});

const DELETE = "repository:a:pull,delete";

for (const status of [400, 401, 403]) {
  Deno.test(`requestToken: ${status} for delete → once more with *`, async () => {
    const { wire, token } = ask(
      ({ url }) =>
        url.search.includes("delete") ? json({ error: "Unable to decode" }, status) : good(),
      { scopes: `${DELETE} repository:b:pull` },
    );
    assertEquals((await token).value, "T");
    assertEquals(wire.seen.map(({ url }) => url.searchParams.getAll("scope")), [
      [DELETE, "repository:b:pull"],
      ["repository:a:*", "repository:b:pull"],
    ]);
  });
}

Deno.test("requestToken: delete refused both ways is the second refusal", async () => {
  let count = 0;
  const { wire, token } = ask(() => json({ message: `no ${++count}` }, 401), { scopes: DELETE });
  await assertRejects(() => token, AuthenticationError, "401 no 2");
  assertEquals(wire.seen.length, 2);
});

Deno.test("requestToken: other failures of a delete, and refusals of others, are final", async () => {
  const failing = ask(() => json({}, 500), { scopes: DELETE });
  await assertRejects(() => failing.token, AuthenticationError, "500");
  assertEquals(failing.wire.seen.length, 1);
  const pull = ask(() => json({}, 401));
  await assertRejects(() => pull.token, AuthenticationError, "401");
  assertEquals(pull.wire.seen.length, 1);
});

Deno.test("requestToken tells each request, without the realm's secrets", async () => {
  const { events, token } = ask(
    ({ method }) => method === "POST" ? new Response(null, { status: 404 }) : good(),
    { identity, realm: new URL("https://auth.example/token?key=hunter2") },
  );
  await token;
  const event = {
    type: "token",
    realm: "https://auth.example/token?key=…",
    scopes: ["repository:a:pull"],
  };
  assertEquals(events as unknown[], [
    { ...event, anonymous: false },
    { ...event, anonymous: true },
  ]);
});

Deno.test("requestToken says what was not sent, and why", async () => {
  const none = ask(() => json({}, 401));
  await assertRejects(() => none.token, AuthenticationError, "(no credentials were sent)");
  const withheld = ask(() => json({}, 401), { withheld: "because" });
  await assertRejects(() => withheld.token, AuthenticationError, "(because)");
  const sent = ask(() => json({}, 401), { identity: you });
  const error = await assertRejects(() => sent.token, AuthenticationError);
  assertInstanceOf(error, AuthenticationError);
  assertStringIncludes(error.message, "401 Status Text (the password of you was refused)");
  const failing = ask(() => json({}, 500), { identity: you });
  const failure = await assertRejects(() => failing.token, AuthenticationError);
  assertEquals(failure.message.endsWith("500 Status Text"), true, failure.message);
});

Deno.test("requestToken holds issued_at against the answer's Date", async () => {
  const { token } = ask(() =>
    Response.json({ token: "T", expires_in: 300, issued_at: "2020-05-01T10:00:00Z" }, {
      headers: { date: "Fri, 01 May 2020 10:04:00 GMT" },
    })
  );
  assertEquals((await token).lifetime, 60_000);
});

Deno.test("requestToken hands its signal to the wire", async () => {
  const wire = new FakeWire(good);
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(
    () =>
      requestToken(
        { send: wire.send, clock: new FakeClock(), limits: DEFAULT_LIMITS, emit: () => {} },
        { realm: new URL("https://auth.example/"), scopes: [], registry: "https://r.example" },
        signal,
      ),
    Error,
    "enough",
  );
});
