/** What a warm call carries when the world has changed since the last one. */
import { assertEquals } from "@std/assert";
import { counted, fakeClient, FakeRegistry, intent, ORIGIN } from "./fake_channel_test.ts";
import { RegistryAuth } from "./registry_auth.ts";

const YOU = { username: "you", password: "x" };
const ME = { username: "me", password: "y" };
const PULL = intent("app", "pull");
const TAGS = "/v2/app/tags/list";
const BASIC = `Basic ${btoa("you:x")}`;

const bearer = (scope: string) =>
  `Bearer realm="${ORIGIN}/token",service="registry"${scope && `,scope="${scope}"`}`;

Deno.test("a registry that goes from Bearer to Basic and back is followed, and warm each time", async () => {
  const registry = new FakeRegistry({ users: { you: "x" } });
  const client = fakeClient(registry, YOU);
  const call = () => counted(registry, () => client.call("GET", TAGS, PULL));
  assertEquals([await call(), await call()], [[200, 3], [200, 1]]);
  registry.options.challenge = () => 'Basic realm="r"';
  assertEquals([await call(), await call()], [[200, 2], [200, 1]]);
  assertEquals(registry.seen.at(-1)!.authorization, BASIC);
  registry.options.challenge = bearer;
  assertEquals([await call(), await call()], [[200, 3], [200, 1]]);
  assertEquals(registry.seen.at(-1)!.authorization, "Bearer t2");
});

Deno.test("what one repository's call learns of the registry, another's warm call obeys", async () => {
  const registry = new FakeRegistry({ users: { you: "x" } });
  const client = fakeClient(registry, YOU);
  const call = (name: string) =>
    counted(registry, () => client.call("GET", `/v2/${name}/tags/list`, intent(name, "pull")));
  assertEquals([await call("app"), await call("other")], [[200, 3], [200, 2]]);
  assertEquals([await call("app"), await call("other")], [[200, 1], [200, 1]]);
  registry.options.challenge = () => 'Basic realm="r"';
  assertEquals([await call("other"), await call("app")], [[200, 2], [200, 1]]);
  assertEquals(registry.seen.at(-1)!.authorization, BASIC);
});

Deno.test("a token that one client had refused is no other's warm token", async () => {
  const registry = new FakeRegistry();
  const state = new RegistryAuth();
  const first = fakeClient(registry, YOU, { state });
  const second = fakeClient(registry, YOU, { state, tokens: first.options.tokens });
  for (const client of [first, second, second]) await client.call("GET", TAGS, PULL);
  registry.tokens.clear();
  assertEquals(await counted(registry, () => first.call("GET", TAGS, PULL)), [200, 3]);
  assertEquals(await counted(registry, () => second.call("GET", TAGS, PULL)), [200, 1]);
});

Deno.test("warm clients of one cache keep their askers apart, whoever was refused", async () => {
  const registry = new FakeRegistry({ users: { you: "x", me: "y" } });
  const first = fakeClient(registry, YOU);
  const second = fakeClient(registry, ME, { tokens: first.options.tokens });
  const carried = async (client: typeof first) => {
    await client.call("GET", TAGS, PULL);
    return registry.seen.at(-1)!.authorization;
  };
  for (const _ of ["cold", "known", "warm"]) {
    assertEquals([await carried(first), await carried(second)], ["Bearer t1", "Bearer t2"]);
  }
  registry.tokens.delete("t1");
  assertEquals([await carried(first), await carried(second)], ["Bearer t3", "Bearer t2"]);
  assertEquals([await carried(first), await carried(second)], ["Bearer t3", "Bearer t2"]);
});

Deno.test("one client, two askers: each repository's warm call carries its own token", async () => {
  const registry = new FakeRegistry({ users: { you: "x", me: "y" } });
  const client = fakeClient(registry, ({ repository }) => repository === "mine" ? ME : YOU);
  const carried = async (repository: string) => {
    await client.call("GET", `/v2/${repository}/tags/list`, intent(repository, "pull"));
    return registry.seen.at(-1)!.authorization;
  };
  for (const _ of ["cold", "known", "warm"]) {
    assertEquals([await carried("app"), await carried("mine")], ["Bearer t1", "Bearer t2"]);
  }
  assertEquals(
    registry.tokenCalls.map(({ authorization }) => authorization),
    [BASIC, `Basic ${btoa("me:y")}`],
  );
});

Deno.test("credentials that change behind a warm token are asked for when it is refused", async () => {
  const users: Record<string, string> = { you: "x" };
  const registry = new FakeRegistry({ users });
  let password = "x";
  const client = fakeClient(registry, () => ({ username: "you", password }));
  const call = () => counted(registry, () => client.call("GET", TAGS, PULL));
  for (const _ of ["cold", "known"]) await call();
  users.you = password = "new";
  assertEquals(await call(), [200, 1], "the token is good still");
  registry.tokens.clear();
  assertEquals([await call(), await call()], [[200, 4], [200, 1]]);
});

Deno.test("a service that gives the same token for everything: dropped for one, asked anew for all", async () => {
  const registry = new FakeRegistry({ token: () => Response.json({ token: token() }) });
  let generation = 1;
  const token = () => {
    registry.tokens.set(`g${generation}`, ["repository:app:pull", "repository:other:pull"]);
    return `g${generation}`;
  };
  const client = fakeClient(registry, YOU);
  const call = (name: string) =>
    counted(registry, () => client.call("GET", `/v2/${name}/tags/list`, intent(name, "pull")));
  assertEquals([await call("app"), await call("other")], [[200, 3], [200, 2]]);
  assertEquals([await call("app"), await call("other")], [[200, 1], [200, 1]]);
  registry.tokens.clear();
  generation++;
  assertEquals([await call("app"), await call("other")], [[200, 3], [200, 2]]);
  assertEquals([await call("app"), await call("other")], [[200, 1], [200, 1]]);
});
