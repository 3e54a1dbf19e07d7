import { assertEquals } from "@std/assert";
import {
  answerFrom,
  counted,
  fakeClient,
  FakeRegistry,
  FakeWire,
  intent,
} from "./fake_channel_test.ts";

const you = { username: "you", password: "x" };
const PULL = intent("app", "pull");
const PUSH = intent("app", "pull", "push");
const TAGS = "/v2/app/tags/list";

Deno.test("no credentials go to another origin, and none that a caller put there", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, you);
  await client.call("GET", TAGS, PULL);
  for (
    const url of [
      "https://storage.example/v2/app/blobs/uploads/1",
      "http://registry.example/v2/app/blobs/uploads/1",
      "https://registry.example:8443/v2/app/blobs/uploads/1",
    ]
  ) {
    registry.seen.length = 0;
    registry.answer = () =>
      new Response("", {
        status: 401,
        headers: { "www-authenticate": 'Bearer realm="https://evil.example/token"' },
      });
    const { response } = await client.call("PUT", TAGS, PUSH, {
      url: new URL(url),
      headers: new Headers({ authorization: "Bearer mine", "x-kept": "yes" }),
    });
    assertEquals(response.status, 401);
    assertEquals(registry.seen.map(({ authorization }) => authorization), [null]);
    assertEquals(registry.seen[0]?.request.headers.get("x-kept"), "yes");
  }
});

Deno.test("an explicit bearer token does not go to another origin", async () => {
  const wire = new FakeWire(() => new Response("ok"));
  const client = fakeClient(wire, { accessToken: "mine" });
  await client.call("PUT", TAGS, PUSH, { url: new URL("https://storage.example/x") });
  assertEquals(wire.seen[0]?.authorization, null);
});

for (const status of [401, 403]) {
  Deno.test(`a ${status} of another origin, after a redirect, is never answered`, async () => {
    const wire = new FakeWire(() =>
      answerFrom(
        "https://storage.example/blob",
        new Response("", {
          status,
          headers: {
            "www-authenticate":
              `Bearer realm="https://storage.example/token",error="insufficient_scope"`,
          },
        }),
      )
    );
    assertEquals(
      await counted(wire, () => fakeClient(wire, you).call("GET", TAGS, PULL)),
      [status, 1],
    );
  });
}
