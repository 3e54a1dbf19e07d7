import { assertEquals } from "@std/assert";
import {
  answerFrom,
  counted,
  fakeClient,
  FakeRegistry,
  FakeWire,
  intent,
  type Seen,
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

/** A name that redirects to another registry, which wants a token for each of its repositories. */
function redirecting(answer: (seen: Seen) => Response | undefined = () => undefined): FakeWire {
  return new FakeWire((seen) => {
    const { url, request } = seen;
    const given = answer(seen);
    if (given !== undefined) return given;
    const scope = url.searchParams.get("scope");
    if (url.pathname === "/token") return Response.json({ token: `${url.host}-${scope}` });
    // The wire of these tests follows by itself: the name's own answer is not seen.
    const final = url.host === "registry.example"
      ? new URL(url.pathname.replace("/v2/app/", "/v2/org/app/"), "https://real.example")
      : url;
    const sent = final === url ? request.headers.get("authorization") : null;
    const good = sent === "Bearer real.example-repository:org/app:pull";
    return answerFrom(
      final.href,
      good ? new Response("ok") : new Response("", {
        status: 401,
        headers: { "www-authenticate": 'Bearer realm="https://real.example/token",service="s"' },
      }),
    );
  });
}

for (const method of ["GET", "HEAD"]) {
  Deno.test(`${method} redirected to another registry: it gets an anonymous token for that origin`, async () => {
    const wire = redirecting();
    const client = fakeClient(wire, you);
    const path = "/v2/app/manifests/1";
    assertEquals(await counted(wire, () => client.call(method, path, PULL)), [200, 3]);
    assertEquals(await counted(wire, () => client.call(method, path, PULL)), [200, 2]);
    assertEquals(wire.seen.map(({ url, authorization }) => [url.host, authorization]), [
      ["registry.example", null],
      ["real.example", null],
      ["real.example", "Bearer real.example-repository:org/app:pull"],
      ["registry.example", null],
      ["real.example", "Bearer real.example-repository:org/app:pull"],
    ]);
    const tokens = client.events.filter(({ type }) => type === "token");
    assertEquals(tokens.map((event) => Reflect.get(event, "anonymous")), [true]);
  });
}

const UNANSWERED: [
  name: string,
  method: string,
  status: number,
  challenge: string,
  requests: number,
][] = [
  ["a PUT", "PUT", 401, 'Bearer realm="https://real.example/token"', 1],
  ["a POST", "POST", 401, 'Bearer realm="https://real.example/token"', 1],
  ["a 403", "GET", 403, 'Bearer realm="https://real.example/token",error="insufficient_scope"', 1],
  ["Basic", "GET", 401, 'Basic realm="r"', 1],
  ["no challenge", "GET", 401, "", 1],
  ["a realm by http", "GET", 401, 'Bearer realm="http://evil.example/token"', 1],
  ["a token service that is dead", "GET", 401, 'Bearer realm="https://dead.example/token"', 2],
  ["a token that is not taken", "GET", 401, 'Bearer realm="https://real.example/token"', 4],
];

for (const [name, method, status, challenge, requests] of UNANSWERED) {
  Deno.test(`another origin's refusal is the answer: ${name}`, async () => {
    const wire = new FakeWire(({ url }) => {
      if (url.host === "dead.example") return new Response(null, { status: 401 });
      if (url.pathname === "/token") return Response.json({ token: "T" });
      const headers = { "www-authenticate": challenge };
      return answerFrom("https://real.example/blob", new Response("", { status, headers }));
    });
    const client = fakeClient(wire, you);
    assertEquals(await counted(wire, () => client.call(method, TAGS, PULL)), [status, requests]);
    assertEquals(wire.seen.filter(({ authorization }) => authorization?.startsWith("Basic")), []);
  });
}

Deno.test("another registry that redirects to a third one gets no token for that", async () => {
  const wire = redirecting(({ url, authorization }) =>
    url.host === "real.example" && authorization !== null && url.pathname !== "/token"
      ? answerFrom(
        "https://third.example/v2/org/app/manifests/1",
        new Response("", {
          status: 401,
          headers: { "www-authenticate": 'Bearer realm="https://third.example/token"' },
        }),
      )
      : undefined
  );
  const client = fakeClient(wire, you);
  assertEquals(await counted(wire, () => client.call("GET", "/v2/app/manifests/1", PULL)), [
    401,
    3,
  ]);
});
