import { assertEquals, assertInstanceOf, assertNotMatch } from "@std/assert";
import { ApiError } from "../errors.ts";
import type { Credential, CredentialSource } from "./credential.ts";
import { fakeClient, FakeWire, intent, type Seen } from "./fake_channel_test.ts";

/** Every secret of these tests, and every token, in every spelling that something may repeat. */
const SECRETS = [
  /hunter2/,
  /eW91Omh1bnRlcjI/, // you:hunter2 in base64
  /identity-of-you/,
  /bearer-of-you/,
  /key-of-realm/,
  /token-of-service/,
];

const TAGS = "/v2/app/tags/list";
const BEARER = 'Bearer realm="https://registry.example/token?key=key-of-realm",service="s"';

/** What a hostile or careless token service may repeat: all that it was sent. */
function echo({ url, authorization, body }: Seen): string {
  return `you sent ${url} ${authorization} ${body} ${decodeURIComponent(body)} ${
    JSON.stringify(Object.fromEntries(new URLSearchParams(body)))
  } ${authorization?.startsWith("Basic ") && atob(authorization.slice("Basic ".length))}`;
}

const echoed = ({ method }: Seen) => method === "GET" ? "no hunter2" : "no identity-of-you";
const text = (seen: Seen, status: number) =>
  new Response(echo(seen), { status, statusText: echoed(seen) });
const json = (seen: Seen, status: number) =>
  Response.json({ errors: [{ code: "DENIED", message: echo(seen), detail: echo(seen) }] }, {
    status,
    statusText: echoed(seen),
  });
const bare = (seen: Seen, status: number) =>
  new Response(null, { status, statusText: echoed(seen) });

const CREDENTIALS: Record<string, Credential | CredentialSource> = {
  password: { username: "you", password: "hunter2" },
  "identity token": { refreshToken: "identity-of-you" },
  both: { username: "you", password: "hunter2", refreshToken: "identity-of-you" },
  "bearer token": { accessToken: "bearer-of-you" },
  source: () => Promise.resolve({ username: "you", password: "hunter2" }),
};

const SERVICES: Record<string, (seen: Seen) => Response> = {
  "401 in text": (seen) => text(seen, 401),
  "400 in JSON": (seen) => json(seen, 400),
  "403 in its status text": (seen) => bare(seen, 403),
  "404 everywhere": (seen) => text(seen, 404),
  "500 in JSON": (seen) => json(seen, 500),
  "a redirect": (seen) =>
    new Response(null, { status: 302, headers: { location: `https://evil.example/${seen.body}` } }),
  "half a token": () => new Response('{"token":"token-of-service'),
  "a token as text": () => new Response("token-of-service"),
  "a token that no header carries": () => Response.json({ token: "token-of-service\n" }),
  "a token in the wrong place": () => Response.json({ id_token: "token-of-service" }),
  "too large an answer": () => Response.json({ token: "token-of-service".repeat(100_000) }),
  "a token": () => Response.json({ token: "token-of-service" }),
};

for (const [who, credentials] of Object.entries(CREDENTIALS)) {
  for (const [how, service] of Object.entries(SERVICES)) {
    Deno.test(`no secret of ${who} shows when the token service answers ${how}`, async () => {
      const wire = new FakeWire((seen) =>
        seen.authorization === "Bearer token-of-service"
          ? new Response("ok")
          : seen.url.pathname.startsWith("/v2/")
          ? new Response("", { status: 401, headers: { "www-authenticate": BEARER } })
          : service(seen)
      );
      const client = fakeClient(wire, credentials);
      const outcome = await client.call("GET", TAGS, intent("app", "pull", "delete")).then(
        ({ response }) => response.status,
        (error: unknown) => {
          assertInstanceOf(error, ApiError);
          return error;
        },
      );
      const { authentication, events } = client;
      const things = [outcome, events, authentication];
      for (const thing of things) {
        const shown = [
          Deno.inspect(thing, { depth: 20, showHidden: true, strAbbreviateSize: 1e6 }),
          JSON.stringify(thing),
          String(thing),
          thing instanceof Error ? `${thing.message} ${thing.stack} ${thing.cause}` : "",
        ].join("\n");
        for (const secret of SECRETS) assertNotMatch(shown, secret);
      }
    });
  }
}

Deno.test("the secrets did travel: these tests look for what was there", async () => {
  let sent = "";
  for (const credentials of Object.values(CREDENTIALS)) {
    const wire = new FakeWire((seen) => {
      sent += `${echo(seen)}\n`;
      return seen.url.pathname.startsWith("/v2/")
        ? new Response("", { status: 401, headers: { "www-authenticate": BEARER } })
        : Response.json({ token: "token-of-service" });
    });
    await fakeClient(wire, credentials).call("GET", TAGS, intent("app", "pull"));
  }
  assertEquals(SECRETS.filter((secret) => !secret.test(sent)), []);
});
