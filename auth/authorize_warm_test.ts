/** What a warm call carries when the world has changed since the last one. */
import { assertEquals } from "@std/assert";
import { counted, fakeClient, FakeRegistry, intent, ORIGIN } from "./fake_channel_test.ts";

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

Deno.test("how to ask belongs to a repository: what one learns, another's warm call does not obey", async () => {
  const registry = new FakeRegistry({ users: { you: "x" } });
  const client = fakeClient(registry, YOU);
  const call = (name: string) =>
    counted(registry, () => client.call("GET", `/v2/${name}/tags/list`, intent(name, "pull")));
  assertEquals([await call("app"), await call("other")], [[200, 3], [200, 2]]);
  assertEquals([await call("app"), await call("other")], [[200, 1], [200, 1]]);
  registry.options.challenge = () => 'Basic realm="r"';
  assertEquals([await call("other"), await call("app")], [[200, 2], [200, 2]]);
  assertEquals(registry.seen.at(-1)!.authorization, BASIC);
  assertEquals([await call("app"), await call("other")], [[200, 1], [200, 1]]);
});

Deno.test("a token that one client had refused is no other's warm token", async () => {
  const registry = new FakeRegistry();
  const first = fakeClient(registry, YOU);
  const second = fakeClient(registry, YOU, { authentication: first.authentication });
  for (const client of [first, second, second]) await client.call("GET", TAGS, PULL);
  registry.tokens.clear();
  assertEquals(await counted(registry, () => first.call("GET", TAGS, PULL)), [200, 3]);
  assertEquals(await counted(registry, () => second.call("GET", TAGS, PULL)), [200, 1]);
});

Deno.test("warm calls of two identities stay apart, whichever token was refused", async () => {
  const registry = new FakeRegistry({ users: { you: "x", me: "y" } });
  const client = fakeClient(registry, ({ repository }) => repository === "mine" ? ME : YOU);
  const carried = async (repository: string) => {
    await client.call("GET", `/v2/${repository}/tags/list`, intent(repository, "pull"));
    return registry.seen.at(-1)!.authorization;
  };
  for (const _ of ["cold", "known", "warm"]) {
    assertEquals([await carried("app"), await carried("mine")], ["Bearer t1", "Bearer t2"]);
  }
  registry.tokens.delete("t1");
  assertEquals([await carried("app"), await carried("mine")], ["Bearer t3", "Bearer t2"]);
  assertEquals([await carried("app"), await carried("mine")], ["Bearer t3", "Bearer t2"]);
  assertEquals(
    registry.tokenCalls.map(({ authorization }) => authorization),
    [BASIC, `Basic ${btoa("me:y")}`, BASIC],
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
