/** How to ask belongs to a repository: hosts whose repositories differ, and change. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AuthenticationError, NetworkError } from "../errors.ts";
import {
  counted,
  fakeClient,
  FakeRegistry,
  FakeWire,
  intent,
  type Seen,
  textBody,
} from "./fake_channel_test.ts";

const YOU = { username: "you", password: "x" };
const BASIC = `Basic ${btoa("you:x")}`;

/** What a repository wants: nothing, a password, or a token of a realm and service. */
type Want = "none" | "basic" | { realm: string; service?: string };

/** What stands beside refused credentials, where it is not the repository's own challenge. */
interface Beside {
  status: number;
  challenge?: string;
}

const DEAD = 'Bearer realm="https://dead.example/token",service="registry"';

const BESIDE: Record<string, Beside | undefined> = {
  "its own challenge": undefined,
  "a dead realm": { status: 401, challenge: DEAD },
  "a dead realm, and insufficient_scope": {
    status: 403,
    challenge: `${DEAD},scope="repository:a:pull",error="insufficient_scope"`,
  },
  "the realm of another service": {
    status: 401,
    challenge: 'Bearer realm="https://registry.example/token",service="another"',
  },
  "a realm of its own that is not there": {
    status: 401,
    challenge: 'Bearer realm="https://registry.example/gone"',
  },
  "Basic": { status: 401, challenge: 'Basic realm="r"' },
  "no challenge": { status: 401 },
  "a challenge without a realm": { status: 401, challenge: 'Bearer error="invalid_token"' },
  "a realm by http": { status: 401, challenge: 'Bearer realm="http://registry.example/token"' },
  "a scheme that is not known": { status: 401, challenge: "Negotiate" },
};

/** A host of repositories; its token services give tokens for the first scope that they read. */
class MixedHost extends FakeWire {
  /** Tokens of before are refused once this changes. */
  generation = 1;

  constructor(
    readonly wants: Record<string, Want>,
    readonly beside: Beside | undefined,
    /** What a token service answers for a repository that is not its own: 401, or a useless token. */
    readonly stranger: "refuses" | "gives" = "refuses",
  ) {
    super((seen) => this.#route(seen));
  }

  /** The calls to all repositories in an order; each must succeed, and takes so many requests. */
  async calls(client: ReturnType<typeof fakeClient>, names: string[]): Promise<number[]> {
    const requests: number[] = [];
    for (const name of names) {
      const call = () => client.call("GET", `/v2/${name}/tags/list`, intent(name, "pull"));
      const [status, count] = await counted(this, call);
      assertEquals(status, 200, name);
      requests.push(count);
    }
    return requests;
  }

  #route(seen: Seen): Response {
    const name = /^\/v2\/(.+)\/tags\/list$/.exec(seen.url.pathname)?.[1];
    if (name !== undefined) return this.#repository(name, seen);
    if (seen.url.host === "dead.example") throw new NetworkError("nothing is there");
    const [first] = seen.url.searchParams.getAll("scope");
    const owner = /^repository:(.+):/.exec(first ?? "")?.[1] ?? "";
    const want = this.wants[owner];
    const service = seen.url.searchParams.get("service") ?? undefined;
    const own = typeof want === "object" && seen.authorization === BASIC &&
      seen.url.href.startsWith(want.realm) && service === want.service;
    if (!own && this.stranger === "refuses") return new Response(null, { status: 401 });
    return Response.json({ token: own ? `${this.generation}:${owner}` : "useless" });
  }

  #repository(name: string, { authorization }: Seen): Response {
    const want = this.wants[name]!;
    const good = want === "none"
      ? null
      : want === "basic"
      ? BASIC
      : `Bearer ${this.generation}:${name}`;
    if (authorization === good) return new Response("ok");
    const { realm = "", service } = typeof want === "object" ? want : {};
    const own: Beside = {
      status: 401,
      ...(want === "basic" && { challenge: 'Basic realm="r"' }),
      ...(realm && {
        challenge: `Bearer realm="${realm}"${service ? `,service="${service}"` : ""}`,
      }),
    };
    const { status, challenge } = authorization === null ? own : this.beside ?? own;
    return new Response(null, {
      status,
      headers: challenge === undefined ? {} : { "www-authenticate": challenge },
    });
  }
}

const REALM = "https://registry.example/token";

const HOSTS: Record<string, Record<string, Want>> = {
  "nvcr.io: the realm names the repository in its own query": {
    a: { realm: `${REALM}?scope=repository:a:pull,push` },
    b: { realm: `${REALM}?scope=repository:b:pull,push` },
    c: { realm: `${REALM}?scope=repository:c:pull,push` },
  },
  "a service for each repository": {
    a: { realm: REALM, service: "a" },
    b: { realm: REALM, service: "b" },
    c: { realm: REALM },
  },
  "a realm for each repository": {
    a: { realm: `${REALM}/a` },
    b: { realm: `${REALM}/b` },
    c: { realm: REALM },
  },
  "Nexus: one private, the next open": { a: { realm: REALM }, b: "none", c: { realm: REALM } },
  "Basic, Bearer and nothing": { a: "basic", b: { realm: REALM }, c: "none" },
};

const ORDERS = ["abc", "acb", "bac", "bca", "cab", "cba"].map((order) => [...order]);

for (const [host, wants] of Object.entries(HOSTS)) {
  for (const [what, beside] of Object.entries(BESIDE)) {
    for (const stranger of ["refuses", "gives"] as const) {
      Deno.test(`${host}; ${what} beside refused credentials; a stranger's realm ${stranger}`, async () => {
        for (const order of ORDERS) {
          const registry = new MixedHost(wants, beside, stranger);
          // Given as such, or stored, in turn: what is stored is tried no other way.
          const client = fakeClient(registry, order[0] === "b" ? () => YOU : YOU);
          await registry.calls(client, order);
          assertEquals(await registry.calls(client, [...order, ...order]), [1, 1, 1, 1, 1, 1]);
          assertEquals(registry.lines.filter((line) => line.includes("dead")), []);
        }
      });
    }
  }
}

const CHANGES: [name: string, before: Want, after: Want][] = [
  ["its realm", { realm: REALM }, { realm: `${REALM}/new` }],
  ["its service", { realm: REALM, service: "a" }, { realm: REALM, service: "b" }],
  ["from Bearer to Basic", { realm: REALM }, "basic"],
  ["from Basic to Bearer", "basic", { realm: REALM }],
  ["from Bearer to open", { realm: REALM }, "none"],
  ["from Basic to open", "basic", "none"],
  ["from open to Bearer", "none", { realm: REALM }],
  ["from open to Basic", "none", "basic"],
  ["nothing but its tokens", { realm: REALM }, { realm: REALM }],
];

for (const [name, before, after] of CHANGES) {
  for (const [what, beside] of Object.entries(BESIDE)) {
    // That is a wrong password, and nothing else.
    if (before === "basic" && what === "Basic") continue;
    Deno.test(`a repository changes ${name}, with ${what} beside refused credentials`, async () => {
      const registry = new MixedHost({ a: before }, beside);
      const client = fakeClient(registry, YOU);
      await registry.calls(client, ["a"]);
      registry.wants.a = after;
      registry.generation++;
      await registry.calls(client, ["a"]);
      assertEquals(await registry.calls(client, ["a", "a"]), [1, 1]);
      client.clock.time += 3_600_000;
      await registry.calls(client, ["a"]);
      assertEquals(registry.lines.filter((line) => line.includes("dead")), []);
    });
  }
}

Deno.test("a realm that died since: the repository's new one is found", async () => {
  const registry = new MixedHost({ a: { realm: "https://dead.example/token" } }, undefined);
  const { answer } = registry;
  registry.answer = ({ url, line }) =>
    url.host === "dead.example" ? Response.json({ token: "1:a" }) : answer({
      url,
      line,
      authorization: registry.seen.at(-1)!.authorization,
    } as Seen);
  const client = fakeClient(registry, YOU, {
    trustedRealms: { "registry.example": "dead.example" },
  });
  await registry.calls(client, ["a"]);
  registry.answer = answer;
  registry.wants.a = { realm: REALM };
  client.clock.time += 3_600_000;
  assertEquals(
    await registry.calls(client, ["a"]),
    [4],
    "the dead realm, the call, the new realm, the call",
  );
  assertEquals(await registry.calls(client, ["a"]), [1]);
});

Deno.test("a token service that fails up front, and is the only one: its failure, asked once", async () => {
  const registry = new MixedHost({ a: { realm: REALM } }, undefined);
  const client = fakeClient(registry, YOU);
  await registry.calls(client, ["a"]);
  registry.generation++;
  client.clock.time += 3_600_000;
  const { answer } = registry;
  registry.answer = (seen) =>
    seen.url.href.startsWith(REALM) ? new Response(null, { status: 503 }) : answer(seen);
  const before = registry.seen.length;
  const call = () => client.call("GET", "/v2/a/tags/list", intent("a", "pull"));
  const error = await assertRejects(call, AuthenticationError, "503");
  assertEquals([error.statusCode, registry.open], [503, 0]);
  assertEquals(registry.lines.slice(before).map((line) => line.split("/").at(-1)), [
    "token",
    "list",
  ]);
});

Deno.test("many repositories that ask alike: a 401 for the first, and a token for each", async () => {
  const names = Array.from({ length: 50 }, (_, index) => `r${index}`);
  const registry = new MixedHost(
    Object.fromEntries(names.map((name) => [name, { realm: REALM }])),
    undefined,
  );
  const client = fakeClient(registry, YOU);
  const [first, ...others] = await registry.calls(client, names);
  assertEquals([first, ...new Set(others)], [3, 2]);
});

Deno.test("what is remembered of repositories is bounded, and found again", async () => {
  const names = Array.from({ length: 1_001 }, (_, index) => `r${index}`);
  const registry = new MixedHost(
    Object.fromEntries(names.map((name) => [name, "basic"])),
    undefined,
  );
  const asked: string[] = [];
  const client = fakeClient(registry, ({ repository }) => {
    asked.push(repository!);
    return YOU;
  });
  await registry.calls(client, names);
  await registry.calls(client, ["r1000", "r0", "r1000"]);
  assertEquals(asked.slice(names.length), ["r0"]);
});

Deno.test("a repository without rights: what stands beside its token is asked nothing", async () => {
  const registry = new MixedHost({ a: { realm: REALM } }, BESIDE["a dead realm"]);
  const { answer } = registry;
  registry.answer = (seen) =>
    seen.line.endsWith("/token") ? Response.json({ token: "useless" }) : answer(seen);
  const client = fakeClient(registry, YOU);
  const call = () => client.call("GET", "/v2/a/tags/list", intent("a", "pull"));
  for (const _ of ["cold", "known"]) assertEquals((await counted(registry, call))[0], 401);
  assertEquals(registry.lines.filter((line) => line.includes("dead")), []);
});

Deno.test("an open repository among others does not cost the next one a 401", async () => {
  const registry = new MixedHost(
    { a: { realm: REALM }, b: "none", c: { realm: REALM } },
    undefined,
  );
  const client = fakeClient(registry, YOU);
  await registry.calls(client, ["a", "b"]);
  assertEquals(await registry.calls(client, ["c"]), [2]);
});

/** A host that has nothing: 404 to those that it knows. */
class EmptyHost extends MixedHost {
  constructor(wants: Record<string, Want>) {
    super(wants, undefined);
    const { answer } = this;
    this.answer = async (seen) => {
      const response = await answer(seen);
      const found = response.ok && !seen.url.href.startsWith(REALM);
      return found ? new Response(null, { status: 404 }) : response;
    };
  }
}

Deno.test("404 to a token: it was taken, and the next repository is asked that way up front", async () => {
  const registry = new EmptyHost({ a: { realm: REALM }, b: { realm: REALM } });
  const client = fakeClient(registry, YOU);
  const call = (name: string) =>
    counted(registry, () => client.call("GET", `/v2/${name}/tags/list`, intent(name, "pull")));
  assertEquals([await call("a"), await call("b"), await call("b")], [[404, 3], [404, 2], [404, 1]]);
});

const stream = () => ({ ...textBody("hello"), reopenable: false });

Deno.test("404 without credentials says nothing of how to push: a stream waits for the challenge", async () => {
  const registry = new FakeRegistry();
  const { answer } = registry;
  registry.answer = (seen) =>
    seen.method === "GET" && seen.line.includes("/v2/app/")
      ? new Response(null, { status: 404 })
      : answer(seen);
  const client = fakeClient(registry, YOU);
  await client.call("GET", "/v2/app/tags/list", intent("app", "pull"));
  const push = intent("app", "pull", "push");
  const put = () => client.call("PUT", "/v2/app/blobs/uploads/1", push, { body: stream() });
  assertEquals(await counted(registry, put), [200, 3]);
});

Deno.test("a stream is not sent without the token that its repository is known to want", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, YOU);
  const push = intent("app", "pull", "push");
  await client.call("POST", "/v2/app/blobs/uploads/", push);
  client.clock.time += 3_600_000;
  registry.options.token = () => new Response(null, { status: 503 });
  const put = () => client.call("PUT", "/v2/app/blobs/uploads/1", push, { body: stream() });
  await assertRejects(put, AuthenticationError, "503");
  assertEquals(registry.seen.filter(({ body }) => body === "hello"), []);
});

Deno.test("a refusal without credentials, after withheld ones did not help, names trustedRealms", async () => {
  const registry = new FakeWire(({ url, authorization }) => {
    if (url.host === "sso.example") return Response.json({ token: "anonymous" });
    if (url.pathname.startsWith("/v2/a/") && authorization !== null) return new Response("ok");
    const response = new Response(null, { status: 401 });
    if (url.pathname.startsWith("/v2/a/")) {
      response.headers.set("www-authenticate", 'Bearer realm="https://sso.example/token"');
    }
    return response;
  });
  const client = fakeClient(registry, YOU);
  await client.call("GET", "/v2/a/tags/list", intent("a", "pull"));
  const { response, anonymity } = await client.call("GET", "/v2/b/x", intent("b", "pull"));
  assertEquals([response.status, registry.seen.at(-2)!.authorization], [401, null]);
  assertStringIncludes(anonymity!.reason, 'trustedRealms: {"registry.example": "sso.example"}');
});
