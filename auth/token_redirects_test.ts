/** What a token request does when the token service redirects. */
import { assertEquals, assertRejects } from "@std/assert";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { AuthenticationError, HostRefusedError, TooManyRedirectsError } from "../errors.ts";
import type { Send } from "../transport/channel.ts";
import type { Credential } from "./credential.ts";
import { FakeClock, FakeWire, type Seen } from "./fake_channel_test.ts";
import { requestToken } from "./token_request.ts";

const you: Credential = { username: "you", password: "hunter2" };
const identity: Credential = { refreshToken: "refresh-1" };
const BASIC = "Basic eW91Omh1bnRlcjI=";
const FORM = "grant_type=refresh_token&refresh_token=refresh-1&client_id=davit";

function to(location: string, status = 302): Response {
  return new Response("moved", { status, headers: { location } });
}

function ask(send: Send, credential: Credential): Promise<{ value: string }> {
  return requestToken(
    { send, clock: new FakeClock(), limits: DEFAULT_LIMITS, emit: () => {} },
    {
      realm: new URL("https://auth.example/token"),
      identity: credential,
      scopes: [],
      registry: "r.example",
    },
  );
}

/** The answers by path; the last one is a token. */
function service(redirects: Record<string, () => Response>): FakeWire {
  return new FakeWire(({ url }) =>
    redirects[url.host + url.pathname]?.() ?? Response.json({ token: "T" })
  );
}

/** A request with all that could be a secret in it. */
function told({ method, url, authorization, body }: Seen): string {
  return [method, url.host + url.pathname, authorization, body].filter(Boolean).join(" ");
}

type Case = [
  name: string,
  credential: Credential,
  redirects: Record<string, () => Response>,
  seen: string[],
];

const HERE = "auth.example/token";

const CASES: Case[] = [
  ...[301, 302, 303, 307, 308].flatMap((status): Case[] => [
    [`${status} on its own origin keeps Basic`, you, { [HERE]: () => to("/b", status) }, [
      `GET ${HERE} ${BASIC}`,
      `GET auth.example/b ${BASIC}`,
    ]],
    [`${status} elsewhere drops Basic`, you, { [HERE]: () => to("https://b.example/", status) }, [
      `GET ${HERE} ${BASIC}`,
      "GET b.example/",
    ]],
    [`${status} elsewhere drops a form`, identity, {
      [HERE]: () => to("https://b.example/", status),
    }, [`POST ${HERE} ${FORM}`, "GET b.example/"]],
  ]),
  ...[307, 308].map((status): Case => [
    `${status} on its own origin keeps a form`,
    identity,
    { [HERE]: () => to("/b", status) },
    [`POST ${HERE} ${FORM}`, `POST auth.example/b ${FORM}`],
  ]),
  ...[301, 302, 303].map((status): Case => [
    `${status} on its own origin makes a GET of a form`,
    identity,
    { [HERE]: () => to("/b", status) },
    [`POST ${HERE} ${FORM}`, "GET auth.example/b"],
  ]),
  ["another port is elsewhere", you, { [HERE]: () => to("https://auth.example:8443/") }, [
    `GET ${HERE} ${BASIC}`,
    "GET auth.example:8443/",
  ]],
  ["there and back: nothing comes back", you, {
    [HERE]: () => to("https://b.example/"),
    "b.example/": () => to("https://auth.example/c"),
  }, [`GET ${HERE} ${BASIC}`, "GET b.example/", "GET auth.example/c"]],
];

for (const [name, credential, redirects, seen] of CASES) {
  Deno.test(`requestToken redirected: ${name}`, async () => {
    const wire = service(redirects);
    assertEquals((await ask(wire.send, credential)).value, "T");
    assertEquals(wire.seen.map(told), seen);
    assertEquals(wire.seen.at(-1)?.request.headers.get("content-type") ?? null, contentType(seen));
    assertEquals(wire.open, 0);
  });
}

/** A form has a type, a GET has none. */
function contentType(seen: string[]): string | null {
  return seen.at(-1)!.startsWith("POST") ? "application/x-www-form-urlencoded" : null;
}

Deno.test("requestToken redirected: 10 times is enough", async () => {
  let at = 0;
  const wire = new FakeWire(() => to(`/${at++}`));
  await assertRejects(() => ask(wire.send, you), TooManyRedirectsError, "maxRedirects");
  assertEquals([wire.seen.length, wire.open], [11, 0]);
});

Deno.test("requestToken redirected: from https to http it is refused", async () => {
  const wire = service({ [HERE]: () => to("http://auth.example/token") });
  await assertRejects(() => ask(wire.send, you), HostRefusedError);
  assertEquals(wire.seen.length, 1);
});

Deno.test("requestToken: a redirect that the wire followed all the same is refused", async () => {
  const redirected = Response.json({ token: "T" });
  Object.defineProperty(redirected, "redirected", { value: true });
  const send = () =>
    Promise.resolve({ response: redirected, url: new URL("https://evil.example/"), hops: [] });
  await assertRejects(
    () => ask(send, you),
    AuthenticationError,
    "the token service redirects",
  );
});

Deno.test("requestToken redirected: to nowhere is not a reason to ask another way", async () => {
  const wire = new FakeWire(() => new Response(null, { status: 301 }));
  await assertRejects(() => ask(wire.send, identity), AuthenticationError);
  assertEquals(wire.lines, ["POST auth.example/token"]);
});
