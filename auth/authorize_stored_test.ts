/** Credentials that a source has stored, and that are old: they must not break what is public. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AuthenticationError } from "../errors.ts";
import type { Credential, CredentialSource } from "./credential.ts";
import { counted, fakeClient, FakeWire, intent, ORIGIN, type Seen } from "./fake_channel_test.ts";

const OLD = { username: "you", password: "hunter2" };
const BASIC = `Basic ${btoa("you:hunter2")}`;
const PULL = intent("app", "pull");
const PUSH = intent("app", "pull", "push");
const TAGS = "/v2/app/tags/list";

/** How a registry refuses old credentials. */
type Refusal = "token service" | "registry" | "Basic" | "silent gateway";

/** A registry that refuses the old credentials; what is public, it gives to all others. */
class Refusing extends FakeWire {
  constructor(readonly refusal: Refusal, readonly isPublic = true) {
    super((seen) => this.#route(seen));
  }

  #route({ url, authorization, method, body }: Seen): Response {
    const form = new URLSearchParams(body);
    const stale = authorization === BASIC || form.get("refresh_token") === "old";
    if (url.pathname === "/token") {
      if (stale && this.refusal === "token service") {
        return Response.json({ details: "incorrect password" }, { status: 401 });
      }
      const scope = url.searchParams.get("scope") ?? form.get("scope")?.replaceAll(" ", "+");
      return Response.json({ token: `${stale ? "old" : "anonymous"}:${scope}` });
    }
    const bearer = this.refusal === "token service" || this.refusal === "registry";
    const wanted = bearer ? "Bearer anonymous:repository:app:pull" : null;
    if (this.isPublic && method === "GET" && authorization === wanted) return new Response("ok");
    const challenge = bearer ? `Bearer realm="${ORIGIN}/token"` : 'Basic realm="r"';
    return new Response(null, {
      status: 401,
      headers: this.refusal === "silent gateway" ? {} : { "www-authenticate": challenge },
    });
  }
}

const stored = (credential: Credential): CredentialSource => () => credential;

const CREDENTIALS: [name: string, credential: Credential, refusals: Refusal[]][] = [
  ["a password", OLD, ["token service", "registry"]],
  ["an identity token", { refreshToken: "old" }, ["token service", "registry"]],
  ["a bearer token", { accessToken: "old" }, ["registry"]],
];

for (const [name, credential, refusals] of CREDENTIALS) {
  for (const refusal of refusals) {
    for (const scopes of [["pull"], ["pull", "push"]]) {
      const title = `${name} that the ${refusal} refuses, with the scopes ${scopes}`;
      Deno.test(`stored: ${title}: a pull is tried once anonymously`, async () => {
        const wire = new Refusing(refusal);
        const client = fakeClient(wire, stored(credential), { scopes });
        const call = () => client.call("GET", TAGS, PULL);
        assertEquals((await counted(wire, call))[0], 200);
        assertEquals(await counted(wire, call), [200, 1], "it is remembered");
        const told = client.events.filter(({ type }) => type === "credentials-failed");
        assertEquals(told.length, 1);
        assertStringIncludes(JSON.stringify(told), "The credentials were refused");
        client.clock.time += 3_600_000;
        assertEquals((await counted(wire, call))[0], 200, "and found again when the token ended");
        assertEquals(client.events.filter(({ type }) => type === "credentials-failed").length, 1);
      });

      Deno.test(`stored: ${title}: what is private fails as it did`, async () => {
        const wire = new Refusing(refusal, false);
        const client = fakeClient(wire, stored(credential), { scopes });
        const call = () => client.call("GET", TAGS, PULL);
        if (refusal === "registry") {
          const [status, requests] = await counted(wire, call);
          assertEquals([status, requests <= 6], [401, true], `${requests} requests`);
        } else {
          const error = await assertRejects(call, AuthenticationError, "401 incorrect password");
          assertEquals([error.statusCode, wire.open], [401, 0]);
        }
      });
    }

    Deno.test(`given: ${name} that the ${refusal} refuses: it fails, and nothing is tried`, async () => {
      const client = fakeClient(new Refusing(refusal), credential);
      const outcome = await client.call("GET", TAGS, PULL)
        .then(({ response }) => response.status, (error) => error.code);
      assertEquals(outcome, refusal === "registry" ? 401 : "UNAUTHORIZED");
      assertEquals(client.events.filter(({ type }) => type === "credentials-failed"), []);
    });

    Deno.test(`stored: ${name} that the ${refusal} refuses: a push fails, also after a pull`, async () => {
      const wire = new Refusing(refusal);
      const client = fakeClient(wire, stored(credential));
      const push = () =>
        client.call("POST", "/v2/app/blobs/uploads/", PUSH)
          .then(({ response }) => response.status, (error) => error.code);
      const expected = refusal === "registry" ? 401 : "UNAUTHORIZED";
      assertEquals(await push(), expected);
      await client.call("GET", TAGS, PULL);
      assertEquals(await push(), expected);
      const mount = { ...PULL, mountFrom: "base" };
      const mounted = await client.call("POST", "/v2/app/blobs/uploads/", mount)
        .then(({ response }) => response.status, (error) => error.code);
      assertEquals(mounted, expected);
    });
  }
}

for (const refusal of ["Basic", "silent gateway"] as const) {
  Deno.test(`stored: a password that a ${refusal} took, and refuses now: what is public is pulled`, async () => {
    const wire = new Refusing(refusal, false);
    const { answer } = wire;
    wire.answer = (seen) => seen.authorization === BASIC ? new Response("ok") : answer(seen);
    const client = fakeClient(wire, stored(OLD));
    await client.call("GET", TAGS, PULL);
    // The repository is opened, and the password changed.
    wire.answer = (seen) =>
      seen.authorization === null && seen.method === "GET" ? new Response("ok") : answer(seen);
    assertEquals((await counted(wire, () => client.call("GET", TAGS, PULL)))[0], 200);
    assertEquals(await counted(wire, () => client.call("GET", TAGS, PULL)), [200, 1]);
    assertEquals(client.events.filter(({ type }) => type === "credentials-failed").length, 1);
  });
}

Deno.test("stored: 32 pulls at once with an old password: one is told, all succeed", async () => {
  const wire = new Refusing("token service");
  const client = fakeClient(wire, stored(OLD));
  const calls = Array.from({ length: 32 }, () => client.call("GET", TAGS, PULL));
  for (const { response } of await Promise.all(calls)) assertEquals(response.status, 200);
  assertEquals(client.events.filter(({ type }) => type === "credentials-failed").length, 1);
});

Deno.test("stored: the source's new password is tried before anonymity is", async () => {
  const wire = new Refusing("token service");
  let asked = 0;
  const client = fakeClient(wire, () => asked++ === 0 ? OLD : { username: "you", password: "new" });
  await client.call("GET", TAGS, PULL);
  assertEquals(client.events.filter(({ type }) => type === "credentials-failed"), []);
  assertEquals(wire.seen.at(-2)?.authorization, `Basic ${btoa("you:new")}`);
});

Deno.test("a rotated identity token is kept, in many calls at once too", async () => {
  let good = "r0";
  let refused = 0;
  const wire = new FakeWire(({ url, authorization, body }) => {
    if (url.pathname !== "/token") {
      if (authorization !== null) return new Response("ok");
      const headers = { "www-authenticate": `Bearer realm="${ORIGIN}/token"` };
      return new Response(null, { status: 401, headers });
    }
    const given = new URLSearchParams(body).get("refresh_token");
    if (given !== good) {
      refused++;
      return Response.json({ error: "invalid_grant" }, { status: 400 });
    }
    good = `r${Number(good.slice(1)) + 1}`;
    return Response.json({ access_token: `t-${good}`, refresh_token: good });
  });
  const client = fakeClient(wire, { refreshToken: "r0" });
  const call = (name: string) => client.call("GET", `/v2/${name}/tags/list`, intent(name, "pull"));
  for (const name of ["a", "b", "c"]) assertEquals((await call(name)).response.status, 200);
  assertEquals(refused, 0);
  const answers = await Promise.all(["d", "e", "f", "g"].map(call));
  assertEquals(answers.map(({ response }) => response.status), [200, 200, 200, 200]);
  client.clock.time += 3_600_000;
  assertEquals((await call("a")).response.status, 200);
});

Deno.test("a rotated identity token is asked with once, by ten calls at once", async () => {
  let good = "r0";
  const sent: (string | null)[] = [];
  const wire = new FakeWire(async ({ url, authorization, body }) => {
    if (url.pathname !== "/token") {
      if (authorization !== null) return new Response("ok");
      const headers = { "www-authenticate": `Bearer realm="${ORIGIN}/token"` };
      return new Response(null, { status: 401, headers });
    }
    const given = new URLSearchParams(body).get("refresh_token");
    sent.push(given);
    if (given !== good) return Response.json({ error: "invalid_grant" }, { status: 400 });
    const next = good = `r${sent.length}`;
    await new Promise((resolve) => setTimeout(resolve)); // the refusals would come before this
    return Response.json({ access_token: `t-${next}`, refresh_token: next });
  });
  const client = fakeClient(wire, { refreshToken: "r0" });
  const call = (_: unknown, index: number) =>
    client.call("GET", `/v2/a${index}/tags/list`, intent(`a${index}`, "pull"));
  const answers = await Promise.all(Array.from({ length: 10 }, call));
  assertEquals(answers.every(({ response }) => response.ok), true);
  assertEquals(sent, Array.from({ length: 10 }, (_, index) => `r${index}`));
});

Deno.test("an identity token that is not rotated serves many requests at once", async () => {
  let [now, most] = [0, 0];
  const wire = new FakeWire(async ({ url, authorization }) => {
    if (url.pathname !== "/token") {
      if (authorization !== null) return new Response("ok");
      const headers = { "www-authenticate": `Bearer realm="${ORIGIN}/token"` };
      return new Response(null, { status: 401, headers });
    }
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve));
    now--;
    return Response.json({ access_token: "t" });
  });
  const client = fakeClient(wire, { refreshToken: "r0" });
  const call = (_: unknown, index: number) =>
    client.call("GET", `/v2/a${index}/tags/list`, intent(`a${index}`, "pull"));
  await Promise.all(Array.from({ length: 10 }, call));
  assertEquals(most, 9, "all but the first");
});

Deno.test("a repository found open while another loads what answers challenges stays so", async () => {
  let answerOpen = () => {};
  const opened = new Promise<void>((resolve) => answerOpen = resolve);
  const wire = new FakeWire(async ({ url, authorization }) => {
    if (url.pathname.startsWith("/v2/open/")) {
      await opened;
      return new Response(null, { status: authorization === null ? 200 : 400 });
    }
    if (authorization !== null) return new Response("ok");
    return new Response(null, { status: 401, headers: { "www-authenticate": "Basic realm=r" } });
  });
  const client = fakeClient(wire, { username: "you", password: "password" });
  const open = () => client.call("GET", "/v2/open/tags/list", intent("open", "pull"));
  const first = open();
  assertEquals((await client.call("GET", TAGS, PULL)).response.status, 200);
  answerOpen();
  assertEquals((await first).response.status, 200);
  assertEquals((await open()).response.status, 200);
});

for (const bad of [42, "", "a b", "line\nbreak"]) {
  Deno.test(`a rotated identity token that is none is left: ${JSON.stringify(bad)}`, async () => {
    const sent: (string | null)[] = [];
    const wire = new FakeWire(({ url, authorization, body }) => {
      if (url.pathname !== "/token") {
        return authorization !== null ? new Response("ok") : new Response(null, {
          status: 401,
          headers: { "www-authenticate": `Bearer realm="${ORIGIN}/token"` },
        });
      }
      sent.push(new URLSearchParams(body).get("refresh_token"));
      return Response.json({ token: "t", refresh_token: bad });
    });
    const client = fakeClient(wire, { refreshToken: "r0" });
    await client.call("GET", TAGS, PULL);
    await client.call("GET", "/v2/b/tags/list", intent("b", "pull"));
    assertEquals(sent, ["r0", "r0"]);
  });
}
