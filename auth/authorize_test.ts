import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AuthenticationError, InvalidOptionError } from "../errors.ts";
import type { Intent } from "../transport/channel.ts";
import { Authentication } from "./authorize.ts";
import type { AuthorizeOptions } from "./authorizer.ts";
import {
  answerFrom,
  counted,
  fakeClient,
  FakeRegistry,
  FakeWire,
  intent,
  ORIGIN,
} from "./fake_channel_test.ts";
import { RENEW_BEFORE_MS } from "./token_store.ts";

const you = { username: "you", password: "x" };
const PULL = intent("app", "pull");
const PUSH = intent("app", "pull", "push");
const TAGS = "/v2/app/tags/list";
const UPLOADS = "/v2/app/blobs/uploads/";
const MINUTE = 60_000;

Deno.test("end-8: a cold call is three requests, a warm one is one", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, you);
  const call = () => client.call("GET", TAGS, PULL);
  assertEquals(await counted(registry, call), [200, 3]);
  assertEquals(registry.lines, [
    "GET registry.example/v2/app/tags/list",
    "GET registry.example/token",
    "GET registry.example/v2/app/tags/list",
  ]);
  assertEquals(registry.seen.map(({ authorization }) => authorization), [
    null,
    `Basic ${btoa("you:x")}`,
    "Bearer t1",
  ]);
  assertEquals(await counted(registry, call), [200, 1]);
});

Deno.test("tokens are asked for before the request once the challenge is known", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry);
  await client.call("GET", TAGS, PULL);
  assertEquals(await counted(registry, () => client.call("POST", UPLOADS, PUSH)), [200, 2]);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 1]);
  assertEquals(registry.asked, [["repository:app:pull"], ["repository:app:pull,push"]]);
});

Deno.test("a token for pull,push serves a pull", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry);
  await client.call("POST", UPLOADS, PUSH);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 1]);
});

Deno.test("the client's own actions are asked for at the first request", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, you, { scopes: ["pull", "push"] });
  await client.call("GET", TAGS, PULL);
  assertEquals(await counted(registry, () => client.call("POST", UPLOADS, PUSH)), [200, 1]);
  assertEquals(registry.asked, [["repository:app:pull,push"]]);
});

Deno.test("1,000 warm calls, 32 at once, are 1,000 requests", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, you);
  await client.call("HEAD", "/v2/app/manifests/1", PULL);
  const before = registry.seen.length;
  for (let round = 0; round < 1_000; round += 32) {
    const size = Math.min(32, 1_000 - round);
    await Promise.all(
      Array.from({ length: size }, () => client.call("HEAD", "/v2/app/manifests/1", PULL)),
    );
  }
  assertEquals(registry.seen.length - before, 1_000);
});

Deno.test("100 cold calls at once are one token request", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, you);
  const calls = Array.from({ length: 100 }, () => client.call("GET", TAGS, PULL));
  assert((await Promise.all(calls)).every(({ response }) => response.status === 200));
  assertEquals(registry.tokenCalls.length, 1);
});

Deno.test("a token is renewed before it ends, by one request for 100 calls", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, you);
  const call = () => client.call("GET", TAGS, PULL);
  await call();
  client.clock.time += MINUTE - RENEW_BEFORE_MS - 1;
  assertEquals(await counted(registry, call), [200, 1]);
  client.clock.time += 1;
  const before = registry.seen.length;
  await Promise.all(Array.from({ length: 100 }, call));
  assertEquals(registry.seen.length - before, 101);
  assertEquals(registry.seen.at(-1)?.authorization, "Bearer t2");
});

Deno.test("401 after a valid token: it is dropped and renewed once", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, you);
  const call = () => client.call("GET", TAGS, PULL);
  await call();
  registry.tokens.clear();
  assertEquals(await counted(registry, call), [200, 3]);
  assertEquals(registry.calls.map(({ authorization }) => authorization), [
    null,
    "Bearer t1",
    "Bearer t1",
    "Bearer t2",
  ]);
  assertEquals(await counted(registry, call), [200, 1]);
});

Deno.test("a second 401 is the answer, with its body, cold and warm", async () => {
  const wire = new FakeWire(({ line }) =>
    line.endsWith("/token") ? Response.json({ token: "T" }) : new Response("mine", {
      status: 401,
      headers: { "www-authenticate": `Bearer realm="${ORIGIN}/token"` },
    })
  );
  const client = fakeClient(wire, you);
  const { response } = await client.call("GET", TAGS, PULL);
  assertEquals([response.status, await response.text()], [401, "mine"]);
  assertEquals(wire.seen.length, 3);
  assertEquals(await counted(wire, () => client.call("GET", TAGS, PULL)), [401, 2]);
});

Deno.test("403 without insufficient_scope is the answer", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, you);
  await client.call("GET", TAGS, PULL);
  const { answer } = registry;
  registry.answer = (seen) =>
    seen.line.endsWith("/token") ? answer(seen) : new Response("no", { status: 403 });
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [403, 1]);
});

for (const status of [401, 403]) {
  Deno.test(`insufficient_scope with ${status}: once with the challenge's scope, first`, async () => {
    const good: Record<string, string[]> = {};
    const asked: string[][] = [];
    const wire = new FakeWire(({ line, url, authorization }) => {
      if (line.endsWith("/token")) {
        asked.push(url.searchParams.getAll("scope"));
        const token = `t${asked.length}`;
        good[token] = asked.at(-1)!;
        return Response.json({ token });
      }
      const scopes = good[authorization?.slice("Bearer ".length) ?? ""];
      if (scopes?.includes("repository:base:pull")) return new Response("ok");
      const error = scopes === undefined
        ? 'scope="repository:app:pull"'
        : 'error="insufficient_scope",scope="repository:base:pull"';
      return new Response(null, {
        status: scopes === undefined ? 401 : status,
        headers: { "www-authenticate": `Bearer realm="/token",${error}` },
      });
    });
    const client = fakeClient(wire, you);
    assertEquals(await counted(wire, () => client.call("GET", TAGS, PULL)), [200, 5]);
    assertEquals(asked, [
      ["repository:app:pull"],
      ["repository:base:pull", "repository:app:pull"],
    ]);
    assertEquals(await counted(wire, () => client.call("GET", TAGS, PULL)), [200, 1]);
  });
}

Deno.test("insufficient_scope for what was asked already is the answer", async () => {
  const wire = new FakeWire(({ line, authorization }) =>
    line.endsWith("/token") ? Response.json({ token: "T" }) : new Response(null, {
      status: authorization === null ? 401 : 403,
      headers: {
        "www-authenticate":
          'Bearer realm="/token",error="insufficient_scope",scope="repository:app:pull"',
      },
    })
  );
  const client = fakeClient(wire, you);
  assertEquals(await counted(wire, () => client.call("GET", TAGS, PULL)), [403, 3]);
});

Deno.test("a registry that names another scope each time ends after three sends", async () => {
  let count = 0;
  const wire = new FakeWire(({ line }) =>
    line.endsWith("/token") ? Response.json({ token: `t${++count}` }) : new Response(null, {
      status: 401,
      headers: {
        "www-authenticate": `Bearer realm="/token",error="insufficient_scope",scope="r:${count}:a"`,
      },
    })
  );
  const client = fakeClient(wire, you);
  assertEquals(await counted(wire, () => client.call("GET", TAGS, PULL)), [401, 5]);
});

Deno.test("Basic: two requests cold, one warm, on every request", async () => {
  const registry = new FakeRegistry({ challenge: () => 'Basic realm="r"', users: { you: "x" } });
  const client = fakeClient(registry, you);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 2]);
  assertEquals(await counted(registry, () => client.call("POST", UPLOADS, PUSH)), [200, 1]);
  assertEquals(
    await counted(
      registry,
      () => client.call("GET", "/v2/_catalog", { actions: [], catalog: true }),
    ),
    [200, 1],
  );
});

Deno.test("Basic with a wrong password is the registry's 401, after one try", async () => {
  const registry = new FakeRegistry({ challenge: () => 'Basic realm="r"', users: { you: "y" } });
  const client = fakeClient(registry, you);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [401, 2]);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [401, 1]);
});

Deno.test("Basic without credentials is the registry's 401", async () => {
  const registry = new FakeRegistry({ challenge: () => 'Basic realm="r"' });
  assertEquals(
    await counted(registry, () => fakeClient(registry).call("GET", TAGS, PULL)),
    [401, 1],
  );
});

Deno.test("a source is asked only when it is needed, and again when its answer is refused", async () => {
  const registry = new FakeRegistry({ challenge: () => 'Basic realm="r"', users: { you: "2" } });
  const asked: unknown[] = [];
  const client = fakeClient(registry, (target) => {
    asked.push(target);
    return { username: "you", password: String(asked.length) };
  });
  assertEquals(asked.length, 0);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 3]);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 1]);
  assertEquals(asked, [
    { host: "registry.example", scheme: "https", repository: "app" },
    { host: "registry.example", scheme: "https", repository: "app" },
  ]);
});

Deno.test("Basic: a 403 has the source asked again, and is the answer where it says the same", async () => {
  const registry = new FakeRegistry({
    challenge: () => 'Basic realm="r"',
    users: { you: "1" },
    wrongPassword: new Response("the password has expired", { status: 403 }),
  });
  let passwords = ["1"];
  const client = fakeClient(registry, () => ({ username: "you", password: passwords[0]! }));
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 2]);
  registry.options.users = { you: "2" };
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [403, 1]);
  passwords = ["2"];
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 2]);
});

Deno.test("a token service that refuses old credentials gets the source's new ones", async () => {
  const registry = new FakeRegistry({ users: { you: "1" } });
  let count = 0;
  const client = fakeClient(registry, () => ({ username: "you", password: String(++count) }));
  await client.call("GET", TAGS, PULL);
  registry.options.users = { you: "2" };
  client.clock.time += MINUTE;
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 3]);
  assertEquals(count, 2);
});

Deno.test("a token service that refuses: AUTHENTICATION_FAILED, and no body left open", async () => {
  const registry = new FakeRegistry({ users: { you: "y" } });
  const error = await assertRejects(
    () => fakeClient(registry, you).call("GET", TAGS, PULL),
    AuthenticationError,
    "401 incorrect username or password",
  );
  assertEquals(error.statusCode, 401);
  assertEquals(registry.open, 0);
});

Deno.test("a registry that wants nothing gets nothing, and one request", async () => {
  const wire = new FakeWire(() => new Response("ok"));
  const client = fakeClient(wire, you);
  assertEquals(await counted(wire, () => client.call("GET", TAGS, PULL)), [200, 1]);
  assertEquals(await counted(wire, () => client.call("GET", TAGS, PULL)), [200, 1]);
  assert(wire.seen.every(({ authorization }) => authorization === null));
});

Deno.test("a registry that is open to pulls and not to pushes", async () => {
  const registry = new FakeRegistry();
  const { answer } = registry;
  registry.answer = (seen) => {
    const open = seen.method === "GET" && seen.line.includes("/v2/");
    return open ? new Response("ok") : answer(seen);
  };
  const client = fakeClient(registry, you);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 1]);
  assertEquals(await counted(registry, () => client.call("POST", UPLOADS, PUSH)), [200, 3]);
});

Deno.test("an explicit bearer token goes along at once, as it is", async () => {
  const registry = new FakeRegistry();
  const token = registry.mint(["repository:app:pull"]);
  const client = fakeClient(registry, { accessToken: token });
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 1]);
  assertEquals(await counted(registry, () => client.call("POST", UPLOADS, PUSH)), [401, 1]);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 1]);
});

Deno.test("a source's bearer token is used in place of the token service's", async () => {
  const registry = new FakeRegistry();
  const token = registry.mint(["repository:app:pull"]);
  const client = fakeClient(registry, () => ({ accessToken: token }));
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 2]);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 1]);
});

Deno.test("an identity token is sent by POST to the token service", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, { refreshToken: "r" });
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 3]);
  assertEquals(registry.tokenCalls.map(({ line }) => line), ["POST registry.example/token"]);
});

Deno.test("without an intent a request is sent as it is, and its 401 is the answer", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, you);
  await client.call("GET", TAGS, PULL);
  assertEquals(await counted(registry, () => client.call("GET", "/v2/")), [401, 1]);
  assertEquals(registry.seen.at(-1)?.authorization, null);
});

Deno.test("end-11 mount asks for both repositories", async () => {
  const registry = new FakeRegistry();
  const mount: Intent = { repository: "app", actions: ["pull", "push"], mountFrom: "base" };
  await fakeClient(registry, you).call("POST", UPLOADS, mount);
  assertEquals(registry.asked, [["repository:app:pull,push", "repository:base:pull"]]);
});

Deno.test("end-9 delete: a service that refuses the action gets *, and the token is kept", async () => {
  const registry: FakeRegistry = new FakeRegistry({
    token: (seen) => {
      const scopes = seen.url.searchParams.getAll("scope");
      return scopes.some((scope) => scope.endsWith("delete"))
        ? Response.json({ error: "bad scope" }, { status: 400 })
        : Response.json({ token: registry.mint(scopes) });
    },
  });
  const client = fakeClient(registry, you);
  const call = () => client.call("DELETE", "/v2/app/manifests/1", intent("app", "delete"));
  assertEquals(await counted(registry, call), [200, 4]);
  assertEquals(registry.asked, [["repository:app:delete"], ["repository:app:*"]]);
  assertEquals(await counted(registry, call), [200, 1]);
});

Deno.test("gcr.io: 401 without a challenge: /v2/ is asked for it, without its scope", async () => {
  const registry = new FakeRegistry();
  const { answer } = registry;
  registry.answer = async (seen) => {
    const response = await answer(seen);
    if (response.status !== 401 || seen.url.pathname === "/v2/") return response;
    return new Response("", { status: 401 });
  };
  const client = fakeClient(registry, you);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 4]);
  assertEquals(registry.lines[1], "GET registry.example/v2/");
  registry.tokens.clear();
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 3]);
});

Deno.test("ghcr.io: the placeholder scope of /v2/ does not get into a token request", async () => {
  const placeholder = 'Bearer realm="/token",scope="repository:user/image:pull"';
  const registry = new FakeRegistry({
    challenge: (scope) => scope === "" ? placeholder : null,
  });
  const client = fakeClient(registry);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 4]);
  assertEquals(registry.asked, [["repository:app:pull"]]);
});

Deno.test("a 401 that says nothing anywhere is the answer", async () => {
  const wire = new FakeWire(() => new Response("", { status: 401 }));
  assertEquals(
    await counted(wire, () => fakeClient(wire).call("GET", TAGS, PULL)),
    [401, 2],
  );
  const negotiate = new FakeWire(() =>
    new Response("", { status: 401, headers: { "www-authenticate": "Negotiate" } })
  );
  assertEquals(
    await counted(negotiate, () => fakeClient(negotiate, you).call("GET", TAGS, PULL)),
    [401, 2],
  );
});

const SILENT: [origin: string, probe: number, password: boolean, outcome: [number, number]][] = [
  ["https://r.example", 401, true, [200, 3]],
  ["https://r.example", 200, true, [200, 3]],
  ["http://localhost:5000", 401, true, [200, 3]],
  ["http://127.0.0.1:5000", 401, true, [200, 3]],
  ["http://r.example", 401, true, [401, 2]],
  ["https://r.example", 401, false, [401, 2]],
];

for (const [origin, probe, password, outcome] of SILENT) {
  const title = `${origin}, /v2/ ${probe}, ${password ? "a password" : "an identity token"}`;
  Deno.test(`401 without a challenge: Basic is tried once with a password that stays safe: ${title}`, async () => {
    const wire = new FakeWire(({ url, authorization }) => {
      if (url.pathname === "/v2/") return new Response(null, { status: probe });
      const good = authorization === `Basic ${btoa("you:x")}`;
      return new Response(null, { status: good ? 200 : 401 });
    });
    const client = fakeClient(wire, password ? you : { refreshToken: "r" }, { origin });
    assertEquals(await counted(wire, () => client.call("GET", TAGS, PULL)), outcome);
    // What was taken is sent at once from then on; what was not is no more than a guess.
    const again = outcome[0] === 200 ? [200, 1] : outcome;
    assertEquals(await counted(wire, () => client.call("GET", TAGS, PULL)), again);
  });
}

Deno.test("401 without a challenge, and /v2/ answered by another host: no password is tried", async () => {
  const wire = new FakeWire(({ url }) =>
    url.pathname === "/v2/"
      ? answerFrom("https://else.example/v2/", new Response(null, { status: 401 }))
      : new Response(null, { status: 401 })
  );
  assertEquals(await counted(wire, () => fakeClient(wire, you).call("GET", TAGS, PULL)), [401, 2]);
});

Deno.test("401 without a challenge: a wrong password is tried once for each call, and fails", async () => {
  const wire = new FakeWire(() => new Response(null, { status: 401 }));
  const client = fakeClient(wire, you);
  assertEquals(await counted(wire, () => client.call("GET", TAGS, PULL)), [401, 3]);
  assertEquals(await counted(wire, () => client.call("GET", TAGS, PULL)), [401, 3]);
});

Deno.test("several challenges in one answer, one of them unknown", async () => {
  const registry = new FakeRegistry({
    challenge: () => `Negotiate YWJj==, Basic realm="a, b", BEARER Realm="/token",Service="s"`,
  });
  const client = fakeClient(registry, you);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 3]);
  assertEquals(registry.tokenCalls[0]?.url.searchParams.get("service"), "s");
});

Deno.test("a registry that changes its token service is followed", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, you);
  await client.call("GET", TAGS, PULL);
  registry.tokens.clear();
  client.clock.time += MINUTE;
  registry.options.challenge = () => `Bearer realm="${ORIGIN}/new"`;
  const { answer } = registry;
  registry.answer = (seen) =>
    seen.line.endsWith("/token") ? Response.json({ token: "stale" }) : answer(seen);
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 4]);
  assertEquals(registry.lines.slice(-4).map((line) => line.split("/").at(-1)), [
    "token",
    "list",
    "new",
    "list",
  ]);
});

Deno.test("clients of one registry share what was learned, and tokens", async () => {
  const registry = new FakeRegistry();
  const first = fakeClient(registry, you);
  await first.call("GET", TAGS, PULL);
  const second = fakeClient(registry, you, { authentication: first.authentication });
  assertEquals(await counted(registry, () => second.call("GET", TAGS, PULL)), [200, 1]);
  const call = () => second.call("GET", "/v2/other/tags/list", intent("other", "pull"));
  assertEquals(await counted(registry, call), [200, 2]);
});

Deno.test("an abort ends the wait for a token, and not the others' wait", async () => {
  const land = Promise.withResolvers<Response>();
  const registry = new FakeRegistry({ token: () => land.promise });
  const client = fakeClient(registry, you);
  const controller = new AbortController();
  const left = client.call("GET", TAGS, PULL, { signal: controller.signal });
  const stayed = client.call("GET", TAGS, PULL);
  const asked = Promise.withResolvers<void>();
  const { answer } = registry;
  registry.answer = (seen) => {
    if (seen.line.endsWith("/token")) asked.resolve();
    return answer(seen);
  };
  await asked.promise;
  controller.abort(new Error("enough"));
  await assertRejects(() => left, Error, "enough");
  land.resolve(Response.json({ token: registry.mint(["repository:app:pull"]) }));
  assertEquals((await stayed).response.status, 200);
  assertEquals(registry.tokenCalls.length, 1);
});

const BAD_OPTIONS: [name: string, options: Partial<AuthorizeOptions>, message: string][] = [
  ["an origin with a path", { origin: "https://r.example/v2" }, "origin must be"],
  ["an origin without a scheme", { origin: "r.example:5000" }, "origin must be"],
  ["an origin of another scheme", { origin: "ftp://r.example" }, "origin must be"],
  ["bad credentials", { credentials: { username: "a:b" } }, "username must not hold"],
  ["bad trustedRealms", { trustedRealms: { "r.example": "a b" } }, "Cannot use trustedRealms"],
];

for (const [name, bad, message] of BAD_OPTIONS) {
  Deno.test(`Authentication refuses ${name}: INVALID_OPTION`, () => {
    const { options } = fakeClient(new FakeWire(() => new Response()));
    assertThrows(() => new Authentication({ ...options, ...bad }), InvalidOptionError, message);
  });
}
