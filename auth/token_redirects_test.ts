/** What a token request does when the token service redirects. */
import { assertEquals, assertRejects } from "@std/assert";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { AuthenticationError, HostRefusedError, TooManyRedirectsError } from "../errors.ts";
import type { DavitEvent } from "../events.ts";
import type { Send } from "../transport/channel.ts";
import type { Credential } from "./credential.ts";
import { FakeClock, FakeWire, type Seen } from "./fake_channel_test.ts";
import { requestToken } from "./token_request.ts";
import type { Token } from "./token_store.ts";

const you: Credential = { username: "you", password: "hunter2" };
const identity: Credential = { refreshToken: "refresh-1" };
const BASIC = "Basic eW91Omh1bnRlcjI=";
const FORM = "grant_type=refresh_token&refresh_token=refresh-1&client_id=davit";

function to(location: string, status = 302): Response {
  return new Response("moved", { status, headers: { location } });
}

function ask(
  send: Send,
  credential: Credential,
  events: DavitEvent[] = [],
): Promise<Token> {
  return requestToken(
    { send, clock: new FakeClock(), limits: DEFAULT_LIMITS, emit: (event) => events.push(event) },
    {
      realm: new URL("https://auth.example/token"),
      identity: credential,
      scopes: [],
      registry: "https://r.example",
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

/** Whether the credentials were left behind on the way. */
function leftBehind(seen: string[]): boolean {
  const secret = /Basic|refresh-1/;
  return secret.test(seen[0]!) && !seen.every((line) => secret.test(line));
}

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
    const events: DavitEvent[] = [];
    assertEquals((await ask(wire.send, credential, events)).value, "T");
    assertEquals(events.map((event) => `${event.type} ${Reflect.get(event, "anonymous") ?? ""}`), [
      "token false",
      ...(leftBehind(seen) ? ["credentials-withheld ", "token true"] : []),
    ]);
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

Deno.test("requestToken redirected: the registry's own host by http is raised to https", async () => {
  const wire = service({ [HERE]: () => to("http://r.example/token") });
  await ask(wire.send, you);
  assertEquals(wire.seen.map(({ url }) => url.href), [
    "https://auth.example/token",
    "https://r.example/token",
  ]);
});

Deno.test("requestToken redirected: nobody elsewhere replaces an identity token", async () => {
  const answer = () => Response.json({ token: "T", refresh_token: "refresh-2" });
  for (const [path, rotated] of [["/b", "refresh-2"], ["https://b.example/", undefined]] as const) {
    const wire = new FakeWire(({ url }) => url.pathname === "/token" ? to(path, 307) : answer());
    assertEquals((await ask(wire.send, identity)).refreshToken, rotated);
  }
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
