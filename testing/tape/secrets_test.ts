/** Secrets of every kind go through a recording, and none of them is in the tape. */
import { assert, assertEquals } from "@std/assert";
import type { ConnectionOptions } from "../../registry_client_options.ts";
import { RegistryClientV2, type RegistryClientV2 as Client } from "../../registry_client_v2.ts";
import type { Middleware } from "../../server/middleware.ts";
import { digest } from "../fixture_test.ts";
import type { TestRegistryOptions } from "../test_registry.ts";
import { createTestRegistry } from "../test_registry.ts";
import { record, type Recording } from "./record.ts";
import { TapeSecrets } from "./secrets.ts";

const PASSWORD = "correct horse/battery+staple";
const ME = { username: "me", password: PASSWORD };
const USERS = { users: { me: PASSWORD } };
const NAME = "https://registry.test/app";

/** Everything that passes, in the clear: what a tape may not hold is picked from here. */
interface Passed {
  authorizations: Set<string>;
  bodies: string[];
  urls: Set<string>;
}

/** Puts a `fetch` under a recording, and beside it a listener that hides nothing. */
function listen(inner: typeof fetch): { fetch: typeof fetch; passed: Passed } {
  const passed: Passed = { authorizations: new Set(), bodies: [], urls: new Set() };
  const fetch = async (input: Request | URL | string, init?: RequestInit): Promise<Response> => {
    const headers = new Headers(init?.headers);
    const authorization = headers.get("authorization");
    if (authorization !== null) passed.authorizations.add(authorization.split(" ")[1]!);
    passed.urls.add(String(input));
    const response = await inner(input, init);
    for (const name of ["location", "link"]) {
      const value = response.headers.get(name);
      if (value !== null) passed.urls.add(value);
    }
    if (response.body === null) return response;
    const [mine, theirs] = response.body.tee();
    passed.bodies.push(await new Response(mine).text());
    return new Response(theirs, { status: response.status, headers: response.headers });
  };
  return { fetch: fetch as typeof globalThis.fetch, passed };
}

function clientOf(
  { fetch }: Pick<Recording, "fetch">,
  connection: ConnectionOptions = {},
): Client {
  return new RegistryClientV2({
    name: NAME,
    scopes: ["pull", "push"],
    ...connection,
    fetch: fetch as typeof globalThis.fetch,
  });
}

/** Records what a client does; answers the tape as text, and what really passed. */
async function taped(
  options: TestRegistryOptions,
  connection: ConnectionOptions,
  use: (client: Client) => Promise<unknown>,
): Promise<{ text: string; passed: Passed }> {
  const registry = createTestRegistry(options);
  const { fetch, passed } = listen(registry.fetch as typeof globalThis.fetch);
  const recording = record(fetch);
  await use(clientOf(recording, connection));
  return { text: JSON.stringify(await recording.tape()), passed };
}

/** Fails where a secret stands in a text, as it is or escaped. */
function assertNone(text: string, secrets: Iterable<string>): void {
  let count = 0;
  for (const secret of secrets) {
    count++;
    const field = new URLSearchParams({ secret }).toString().slice("secret=".length);
    for (const form of [secret, encodeURIComponent(secret), field]) {
      assert(!text.includes(form), `the tape holds ${form}`);
    }
  }
  assert(count > 0, "the case has no secrets");
}

async function pushAndPull(client: Client): Promise<void> {
  const { digest } = await client.putBlob(new TextEncoder().encode("some content"));
  assertEquals(await (await client.getBlob(digest)).text(), "some content");
}

Deno.test("tape: Basic: no password, not as Base64 either", async () => {
  const { text, passed } = await taped(
    { auth: { basic: USERS } },
    { credentials: ME },
    pushAndPull,
  );
  assertNone(text, [PASSWORD, ...passed.authorizations]);
});

Deno.test("tape: Bearer by GET: no password, no token", async () => {
  const { text, passed } = await taped(
    { auth: { bearer: USERS } },
    { credentials: ME },
    pushAndPull,
  );
  const tokens = passed.bodies.flatMap((body) => /"token":"([^"]+)"/.exec(body)?.[1] ?? []);
  assert(tokens.length > 0);
  assertNone(text, [PASSWORD, ...passed.authorizations, ...tokens]);
});

Deno.test("tape: Bearer by OAuth2's POST: no refresh token", async () => {
  const registry = createTestRegistry({ auth: { bearer: USERS } });
  const form = new URLSearchParams({
    grant_type: "password",
    username: "me",
    password: PASSWORD,
    service: "davit",
    client_id: "davit",
    access_type: "offline",
    scope: "repository:app:pull,push",
  });
  const recording = record(registry.fetch);
  const token = "https://registry.test/token";
  const answer = await (await recording.fetch(token, { method: "POST", body: form })).json();
  assert(answer.refresh_token);
  const again = new URLSearchParams({
    grant_type: "refresh_token",
    refresh_token: answer.refresh_token,
    service: "davit",
    scope: "repository:app:pull",
  });
  const second = await (await recording.fetch(token, { method: "POST", body: again })).json();
  const tape = await recording.tape();
  const text = JSON.stringify(tape);
  assertNone(text, [PASSWORD, answer.token, answer.refresh_token, second.token]);
  // What was given and what was sent back are still seen to be the same.
  const bodies = tape.exchanges.map(({ request }) => tape.bodies[request.body!.digest]);
  const sent = (bodies[1] as { text: string }).text;
  const refreshToken = new URLSearchParams(sent).get("refresh_token")!;
  assert(refreshToken.startsWith("redacted-") && sent.includes("grant_type=refresh_token"));
  assert(text.split(refreshToken).length - 1 >= 3, text);
});

Deno.test("tape: davit with an identity token: not in the form, not in the answer", async () => {
  const registry = createTestRegistry({ auth: { bearer: USERS } });
  const url = "https://registry.test/token?service=davit&offline_token=true";
  const login = await registry.fetch(url, {
    headers: { authorization: `Basic ${btoa(`me:${PASSWORD}`)}` },
  });
  const { refresh_token: identityToken } = await login.json();
  const { fetch, passed } = listen(registry.fetch as typeof globalThis.fetch);
  const recording = record(fetch);
  const credentials = { username: "me", refreshToken: identityToken };
  await pushAndPull(clientOf(recording, { credentials }));
  assertNone(JSON.stringify(await recording.tape()), [identityToken, ...passed.authorizations]);
});

const SIGNED = "https://storage.test/docker/data?X-Sig=4f0b3d1c77aa&X-Credential=AKIAEXAMPLE0001";

const redirecting: Middleware = (next) => async (context) => {
  const { request, url } = context;
  if (url.host === "storage.test") return new Response("some content");
  const isBlob = request.method === "GET" && /\/blobs\/sha256:/.test(url.pathname);
  return isBlob
    ? new Response(null, { status: 307, headers: { location: SIGNED } })
    : await next(context);
};

Deno.test("tape: a redirect to a signed URL: no signature; it replays all the same", async () => {
  const { text } = await taped({ middleware: [redirecting] }, {}, pushAndPull);
  assertNone(text, ["4f0b3d1c77aa", "AKIAEXAMPLE0001"]);
  const replayed = createTestRegistry({ tape: JSON.parse(text) });
  await pushAndPull(clientOf(replayed));
});

/** Locations as distribution gives them: the session's state is in the query. */
function stateful(): Middleware {
  let count = 0;
  return (next) => async (context) => {
    const response = await next(context);
    const location = response.headers.get("location");
    if (location?.includes("/uploads/")) {
      response.headers.set("location", `${location}?_state=c2VjcmV0LXN0YXRl${count++}%3D%3D`);
    }
    return response;
  };
}

Deno.test("tape: uploads: no session's name and no _state; it replays all the same", async () => {
  const use = async (client: Client) => {
    let session = await client.startBlobUpload();
    session = await client.uploadBlobChunk({ session, data: new TextEncoder().encode("abc") });
    session = await client.uploadBlobChunk({ session, data: new TextEncoder().encode("def") });
    await client.completeBlobUpload({ session, digest: await digest("abcdef") });
  };
  const { text, passed } = await taped({ middleware: [stateful()] }, {}, use);
  const sessions = [...passed.urls].flatMap((url) => /uploads\/([^/?]+)/.exec(url)?.[1] ?? []);
  assertNone(text, [...sessions, "c2VjcmV0LXN0YXRl"]);
  const replayed = createTestRegistry({ tape: JSON.parse(text) });
  await use(clientOf(replayed));
});

Deno.test("tape: a secret in an error, in a Warning and in a cookie", async () => {
  const token = "0123456789-token";
  const answers = [
    new Response(JSON.stringify({ errors: [{ code: "DENIED", message: `bad ${token}` }] }), {
      status: 403,
      headers: {
        "content-type": "application/json",
        "warning": `299 - "${token} ends soon"`,
        "set-cookie": "sid=cookie-0123456789; Path=/",
      },
    }),
    new Response("sent cookie-0123456789", { status: 500 }),
  ];
  const recording = record(() => Promise.resolve(answers.shift()!));
  const sent: Record<string, string>[] = [
    { authorization: `Bearer ${token}` },
    { cookie: "sid=other-9876543210" },
  ];
  for (const headers of sent) {
    await (await recording.fetch(`${NAME.replace("/app", "/v2/app")}/tags/list`, { headers }))
      .text();
  }
  const text = JSON.stringify(await recording.tape());
  assertNone(text, [token, "cookie-0123456789", "other-9876543210"]);
  assert(text.includes("bad redacted-1"), text);
});

Deno.test("tape: a secret that comes late is not in what came early", async () => {
  const answers = [
    new Response(JSON.stringify({ errors: [{ code: "X", message: "try 0123456789-token" }] }), {
      status: 400,
    }),
    new Response(JSON.stringify({ token: "0123456789-token" })),
  ];
  const recording = record(() => Promise.resolve(answers.shift()!));
  for (const path of ["/v2/", "/token"]) {
    await (await recording.fetch(`https://registry.test${path}`)).text();
  }
  assertNone(JSON.stringify(await recording.tape()), ["0123456789-token"]);
});

Deno.test("tape: of two secrets the longer is replaced where one begins with the other", () => {
  const secrets = new TapeSecrets();
  secrets.placeholder("abcdefgh");
  secrets.placeholder("abcdefghij");
  assertEquals(secrets.scrub("abcdefghij abcdefgh"), "redacted-2 redacted-1");
});
